"""The parts of benchmarks/pairs.py on which its figures rest: inputs, checks, programs as functions."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SCRIPT = BENCHMARKS / "pair_inside.py"
sys.path.insert(0, str(BENCHMARKS))

import pair_inside  # noqa: E402
import pair_programs  # noqa: E402
from pair_scoring import NotScored  # noqa: E402

from perfbot.training.inside import enamel_names  # noqa: E402

DOUBLE = "def double(x):\n    return x + x\n"
GENERATOR = "def generate_input(size, level, case):\n    return random.randint(1, size),\n"
CHECKER = "def __check(input, answer, output):\n    return answer == output\n"


def job(do: str, **fields: object) -> list[dict[str, object]]:
    """Do a job as the benchmark does, in a process of its own."""
    described = {
        "do": do,
        "seed": "s",
        "name": "double",
        "names": "",
        "generator": GENERATOR,
        "checker": CHECKER,
        "sizes": [10, 1000],
        "limit_s": 5.0,
        "reference": DOUBLE,
        "old": DOUBLE,
        **fields,
    }
    done = subprocess.run(  # the benchmark itself goes through the sandbox
        [sys.executable, "-I", str(SCRIPT)],
        input=json.dumps(described),
        capture_output=True,
        text=True,
        check=True,
    )
    answer: list[dict[str, object]] = json.loads(done.stdout)["answer"]
    return answer


def test_the_prime_test_agrees_with_trial_division() -> None:
    for number in range(2000):
        divisible = any(number % divisor == 0 for divisor in range(2, number))
        assert enamel_names.is_prime(number) == (number > 1 and not divisible)


@pytest.mark.parametrize(
    ("level", "case"), [(0, 0), (0, 1), (0, 3), (0, 4), (0, 5), (2, 4), (2, 5)]
)
def test_the_cases_that_must_be_composite_are(level: int, case: int) -> None:
    for size in (100, 10_000, 10**9):
        assert not enamel_names.is_prime(enamel_names.rand_primality(size, level, case))


@pytest.mark.parametrize("par", ["()", "<>"])
def test_brackets_are_balanced_unless_they_must_not_be(par: str) -> None:
    random.seed(1)
    good = enamel_names.rand_parens(size=40, par=par)
    depths = [good[:end].count(par[0]) - good[:end].count(par[1]) for end in range(len(good) + 1)]
    assert min(depths) == 0 == depths[-1]
    bad = enamel_names.rand_parens(size=40, valid=False, par=par)
    assert bad.count(par[0]) != bad.count(par[1])


def test_a_right_version_is_right_in_every_case() -> None:
    found = job("check", source="def double(x):\n    return 2 * x\n")
    assert {each["verdict"] for each in found} == {"right"}
    assert len(found) == sum(pair_inside.CASES[:2])


def test_a_version_that_is_wrong_at_large_sizes_only_is_found() -> None:
    found = job("check", source="def double(x):\n    return 2 * x if x < 50 else 0\n")
    wrong = [each for each in found if each["verdict"] != "right"]
    assert wrong
    assert all(str(each["verdict"]).startswith("wrong: 0 instead of") for each in wrong)


def test_what_the_old_version_gets_wrong_in_the_same_way_is_not_held_against_the_new_one() -> None:
    zero = "def double(x):\n    return 0\n"
    found = job("check", source=zero, old=zero)
    assert {str(each["verdict"])[:9] for each in found} == {"as before"}


def test_a_version_that_never_ends_is_given_up_at_the_first_case() -> None:
    found = job(
        "timed", source="def double(x):\n    while True: pass\n", level=1, limit_s=0.2, budget_s=0.0
    )
    assert [each["ending"] for each in found] == ["timeout"]


@pytest.mark.parametrize(
    "program",
    [
        "n = int(input())\nfor i in range(n):\n    print(i, n)\n",
        "import sys\nread = sys.stdin.buffer.readline\nn = int(read())\nprint(*range(n))\n",
        "def main():\n    print(sum(map(int, input().split())))\nif __name__ == '__main__': main()\n",
        "from sys import stdin\nif __name__ == '__main__':\n\tfor line in stdin:\n\t\tprint(line.strip())\n",
    ],
)
def test_a_program_does_the_same_as_a_function(
    program: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = subprocess.run(
        [sys.executable, "-c", program], input="4\n", capture_output=True, text=True, check=True
    )
    monkeypatch.setattr(sys, "stdin", sys.stdin)
    names: dict[str, object] = {}
    exec(pair_programs.function(program), names)
    solve = names["solve"]
    assert callable(solve)
    solve("4\n")
    assert capsys.readouterr().out == alone.stdout


@pytest.mark.parametrize(
    "program",
    ["def f():\n    global n\n    n = 1\n", "from math import *\n", "exit()\n", "print 2\n"],
)
def test_programs_that_mean_something_else_in_a_function_are_refused(program: str) -> None:
    with pytest.raises(NotScored):
        pair_programs.function(program)
