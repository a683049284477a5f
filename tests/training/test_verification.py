"""Which pairs are proven: run in the real sandbox, by published outputs or by what programs agree on."""

from dataclasses import replace

import pytest

from perfbot.training.execution import Runner
from perfbot.training.readers.functions import calls_driver, idle_function
from perfbot.training.readers.reading import Example, Generator, Pair, Source
from perfbot.training.records import Split, TrainingPair
from perfbot.training.verification import Reason, Rejected, Settings, verified

LOOP = "n = int(input())\ntotal = 0\nfor i in range(n):\n    total += i\nprint(total)\n"
FORMULA = "n = int(input())\nprint(n * (n - 1) // 2)\n"
WRONG = "n = int(input())\nprint(n * (n + 1) // 2)\n"
LARGE = "def generate_input():\n    return '50000'\n"
PAIR = Pair(
    Source.FOLDERS,
    "r1",
    "p1",
    LOOP,
    FORMULA,
    generator=Generator((LARGE,)),
    examples=(Example("4\n", "6\n"),),
)
QUICK = Settings(rounds=2)


def outcomes(programs: Runner, *pairs: Pair) -> list[TrainingPair | Rejected]:
    return verified(programs, pairs, "", QUICK, Split.TRAIN)


def reason(programs: Runner, pair: Pair) -> Reason:
    (found,) = outcomes(programs, pair)
    assert isinstance(found, Rejected)
    assert found.record == pair.record
    return found.reason


def test_a_pair_that_is_right_and_faster_is_proven_with_its_inputs(programs: Runner) -> None:
    (found,) = outcomes(programs, PAIR)
    assert isinstance(found, TrainingPair)
    assert found.measured.speedup is not None
    assert found.measured.speedup.low > 1.1
    assert {case.stdin.strip(): case.stdout.strip() for case in found.cases} == {
        "4": "6",
        "50000": "1249975000",
    }
    assert found.cases[found.contrast[0]].stdin == "50000"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"fast": WRONG}, Reason.DIFFERS),
        ({"fast": "print 1"}, Reason.DOES_NOT_COMPILE),
        ({"fast": "import no_such_module\n"}, Reason.FAILS),
        ({"slow": FORMULA, "fast": LOOP}, Reason.SLOWER),
        ({"slow": FORMULA, "fast": FORMULA + "# the same\n"}, Reason.NOT_FASTER),
        ({"examples": (), "generator": None}, Reason.NO_INPUT),
        ({"slow": "while True:\n    pass\n"}, Reason.FAILS),
    ],
)
def test_what_is_no_pair_is_told_with_its_reason(
    programs: Runner, change: dict[str, object], why: Reason
) -> None:
    assert reason(programs, replace(PAIR, **change)) is why  # type: ignore[arg-type]


def test_programs_that_agree_outvote_one_on_an_input_nobody_published(programs: Runner) -> None:
    others = [
        replace(PAIR, record="r2", slow=LOOP + "# two\n"),
        replace(PAIR, record="r3", fast=WRONG),
    ]
    pairs = [replace(each, examples=()) for each in (PAIR, *others)]
    found = outcomes(programs, *pairs)
    assert [isinstance(each, TrainingPair) for each in found] == [True, True, False]
    assert isinstance(found[2], Rejected)
    assert found[2].reason is Reason.DIFFERS


def test_a_function_is_measured_without_what_calling_it_costs(programs: Runner) -> None:
    if programs.counter is None:
        pytest.skip("no Cachegrind works here, so nothing is counted")
    line = repr("(list(range(300)) * 10,)\n")
    pair = Pair(
        Source.ENAMEL,
        "f",
        "f",
        "def f(items):\n    n = 0\n    for each in items:\n        n += 1\n    return n\n",
        "def f(items):\n    return len(items)\n",
        entry_point="f",
        generator=Generator((f"def generate_input():\n    return {line}\n",)),
        driver=calls_driver("f"),
    )
    ratios = []
    for each in (pair, replace(pair, idle=idle_function("f"))):
        (found,) = outcomes(programs, each)
        ratios.append(
            found.measured.instructions.estimate
            if isinstance(found, TrainingPair) and found.measured.instructions
            else 1.0
        )
    assert ratios[1] > 5 * ratios[0]


def test_of_many_right_programs_the_quickest_is_paired_with_slow_ones(programs: Runner) -> None:
    large = "def generate_input():\n    return '2000000'\n"
    pair = replace(
        PAIR,
        slow=FORMULA + "# the longest, and not the slowest\n" * 9,
        generator=Generator((large,)),
        others=(LOOP,),
    )
    first, *found = outcomes(programs, pair)
    assert isinstance(first, Rejected)
    assert first.reason is Reason.REPLACED
    assert [each.slow for each in found if isinstance(each, TrainingPair)] == [LOOP]
