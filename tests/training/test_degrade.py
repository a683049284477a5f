"""Self-made pairs: each inverse is one of the catalogue's, works, and what comes of it is proven."""

import ast
from pathlib import Path

import pytest

from perfbot.optimizer.catalogue import rules
from perfbot.training import degrade, records
from perfbot.training.degrade import Config, degraded
from perfbot.training.execution import Runner
from perfbot.training.harvest import Harvested, Origin, harvested, package, standard_library
from perfbot.training.inverses import INVERSES, Slowed, slowed
from perfbot.training.records import TrainingPair
from perfbot.training.verification import Reason, Rejected

# Fast code in which every inverse finds its idiom, and calls that show that nothing else changes.
FAST = {
    "append loop to comprehension": ("return [x * 2 for x in a if x]", "[1, 0, 3]"),
    "adding loop to sum": ("return sum(x * x for x in a)", "[1, 2, 3]"),
    "multiplying loop to product": ("import math\n    return math.prod(a)", "[1, 2, 3]"),
    "index loop to direct iteration": (
        "n = 0\n    for x in a:\n        n += x\n    return n",
        "[1, 2]",
    ),
    "parallel indices to zip": (
        "n = 0\n    for x, y in zip(a, a):\n        n += x * y\n    return n",
        "[1, 2]",
    ),
    "copying loop to extend": ("b = [0]\n    b.extend(a)\n    return b", "[1, 2]"),
    "call per item to map": ("return list(map(str, a))", "[1, 2]"),
    "look-ups by key to values": ("return sum(a.values())", "{1: 2, 3: 4}"),
    "loop of set.add to set.update": ("b = {0}\n    b.update(a)\n    return sorted(b)", "[2, 1]"),
    "loop of items to dict.update": ("b = {0: 0}\n    b.update(a)\n    return b", "{1: 2}"),
    "text rebuilt for each piece to join": ("return ''.join(a)", "['a', 'b']"),
    "ordered dedupe by dict": ("return list(dict.fromkeys(a))", "[2, 1, 2]"),
    "search loop to membership": ("b = 2\n    return b in a", "[1, 2]"),
    "list rebuilt by + to append": (
        "b = []\n    for x in a:\n        b.append(x)\n    return b",
        "[1, 2]",
    ),
    "enumerate without its number dropped": (
        "n = 0\n    for x in a:\n        n += x\n    return n",
        "[1]",
    ),
    "suppress to try": (
        "try:\n        a[9]\n    except IndexError:\n        pass\n    return a",
        "[1]",
    ),
    "set of a list comprehension to set comprehension": (
        "return sorted({x % 2 for x in a})",
        "[1, 2, 3]",
    ),
    "dict of a list comprehension to dict comprehension": ("return {x: 1 for x in a}", "[1, 2]"),
    "set of a generator to comprehension": ("return sorted({x % 2 for x in a})", "[1, 2, 3]"),
    "dict of a generator to comprehension": ("return {x: 1 for x in a}", "[1, 2]"),
    "list of a generator to comprehension": ("return [x + 1 for x in a]", "[1, 2]"),
    "map of a lambda to comprehension": ("return [x + 1 for x in a]", "[1, 2]"),
    "copying comprehension to constructor": ("return list(a)", "(1, 2)"),
    "filter of a lambda to comprehension": ("return [x for x in a if x > 1]", "[1, 2]"),
    "membership in a literal sequence to set": ("return [x in {1, 5, 9} for x in a]", "[1, 2]"),
    "membership in keys to dict": ("return 1 in a", "{1: 2}"),
    "any equality to membership": ("b = 2\n    return b in a", "[1, 2]"),
    "membership without a copy": ("return 2 in a", "[1, 2]"),
    "chain of equalities to membership": ("b = len(a)\n    return b in (1, 2)", "[1, 2]"),
    "first of sorted to min or max": ("return min(a), max(a)", "[2, 1, 3]"),
    "list around sorted dropped": ("return sorted(a)", "(2, 1)"),
    "copy inside a conversion dropped": ("return len(set(a))", "[1, 1]"),
    "test and look-up to get": ("return a.get(1, 0), a.get(9)", "{1: 2}"),
    "set call to literal": ("return sorted({1, len(a)})", "[1, 2]"),
    "tuple call to literal": ("return (a, len(a))", "[1, 2]"),
    "format call to f-string": ("return f'{a} and {{}} {len(a)}'", "[1, 2]"),
    "concatenation chain to f-string": ("return f'{a} and {len(a)}'", "[1, 2]"),
    "several affix tests to one": ("return a.startswith(('x', 'y'))", "'yes'"),
    "isinstance of NoneType to is None": ("return a is None", "None"),
    "square to multiplication": ("b = len(a)\n    return b * b", "[1, 2, 3]"),
    "two-argument max or min to comparison": (
        "b = len(a)\n    c = 2\n    return b if b > c else c",
        "[1]",
    ),
    "constant fill by multiplication": ("return [0] * len(a)", "[1, 2]"),
    "joined reversal to slice": ("return a[::-1]", "'abc'"),
    "power modulo by pow": ("return pow(len(a), 5, 7)", "[1, 2, 3]"),
    "membership in a range to comparison": ("b = len(a)\n    return 1 <= b < 5", "[1, 2]"),
    "lambda that only calls dropped": ("return sorted(a, key=len)", "['bb', 'a']"),
    "getattr of a constant to attribute": ("b = 1j\n    return b.imag + len(a)", "[1]"),
}


def answer(text: str, argument: str) -> str:
    names: dict[str, object] = {}
    exec(text, names)
    given = eval(argument)
    return repr((names["f"](given), given))  # type: ignore[operator]


def versions(name: str) -> list[Slowed]:
    module = ast.parse(f"def f(a):\n    {FAST[name][0]}\n")
    return [each for each in slowed(module, "f") if each.inverse.name == name]


def test_every_inverse_undoes_a_strategy_of_the_catalogue_and_has_an_example() -> None:
    named = {each.strategy.name for each in rules()}
    assert {each.name for each in INVERSES} <= named
    assert {each.name for each in INVERSES} == set(FAST)
    assert len(FAST) >= 20


@pytest.mark.parametrize("name", FAST)
def test_the_slow_version_is_another_program_that_does_the_same(name: str) -> None:
    body, argument = FAST[name]
    fast = f"def f(a):\n    {body}\n"
    found = versions(name)
    assert found
    for each in found:
        assert ast.dump(ast.parse(each.text)) != ast.dump(ast.parse(fast))
        assert answer(each.text, argument) == answer(fast, argument)


def a_function(body: str) -> Harvested:
    return Harvested("here: f", "MIT", "f", 1, ast.parse(f"def f(items):\n    {body}\n"))


def outcomes(programs: Runner, function: Harvested) -> list[TrainingPair | Rejected]:
    variants = list(slowed(function.module, function.function))
    return degraded(programs, function, variants, Config(out="x"))


def test_a_slow_version_is_proven_with_the_exact_label(programs: Runner) -> None:
    found = outcomes(programs, a_function("return min(items)"))
    (pair,) = [each for each in found if isinstance(each, TrainingPair)]
    assert pair.strategies[0].name == "first of sorted to min or max"
    assert "sorted(items)[0]" in pair.slow
    assert pair.measured.speedup is not None
    assert pair.measured.speedup.low > 1.05
    assert pair.licence == "MIT"


def test_a_slow_version_that_does_something_else_is_told(programs: Runner) -> None:
    found = outcomes(programs, a_function("'q' in items\n    return items"))
    (first,) = {each.reason for each in found if isinstance(each, Rejected)} - {Reason.NOT_FASTER}
    assert first is Reason.DIFFERS


def test_a_function_that_answers_nothing_gives_nothing(programs: Runner) -> None:
    assert outcomes(programs, a_function("raise ValueError(items, (1, 2))")) == []


def test_what_answers_differently_each_time_gives_nothing(programs: Runner) -> None:
    assert outcomes(programs, a_function("return (object(), len(str(items)))")) == []


# -- harvest ---------------------------------------------------------------------------------------


def taken(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "module.py"
    path.write_text(text)
    found = harvested(Origin("here", "MIT", (("module.py", path),)))
    return [ast.unparse(each.module) for each in found]


def test_a_function_comes_with_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    text = "import math\nimport json\nONE = 1\nTWO = 2\n\ndef f(x):\n    return math.gcd(x, ONE)\n"
    assert taken(tmp_path, text) == [
        "import math\nONE = 1\n\ndef f(x):\n    return math.gcd(x, ONE)"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import os\ndef f(x):\n    return os.listdir(x)",
        "def f(x):\n    return open(x)",
        "def f(x):\n    return missing(x)",
        "def f(*x):\n    return x",
        "def f():\n    return 1",
        "def f(x):\n    yield x",
        "def f(x):\n    import subprocess\n    return subprocess.run(x)",
        "@decorated\ndef f(x):\n    return x",
    ],
)
def test_what_touches_the_world_or_needs_more_is_left(tmp_path: Path, text: str) -> None:
    assert taken(tmp_path, text) == []


def test_the_standard_library_and_permissive_packages_may_be_used() -> None:
    assert standard_library().licence == "PSF-2.0"
    found = package("libcst")
    assert found is not None
    assert "MIT" in found.licence
    assert package("psycopg") is None  # LGPL


def test_the_stage_says_which_package_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.toml").write_text(
        'out = "o"\nstandard_library = false\npackages = ["no-such"]\n'
    )
    assert degrade.main(["--config", str(tmp_path / "c.toml")]) == 1
    assert "no-such is not installed" in capsys.readouterr().err


def test_the_stage_gives_labelled_pairs_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('out = "o"\nfunctions = 3\nmost_variants = 1\nseed = 2\n')
    code = degrade.main(["--config", str(config)])
    first = (tmp_path / "o" / "degraded.jsonl.gz").read_bytes()
    assert degrade.main(["--config", str(config)]) == code
    assert (tmp_path / "o" / "degraded.jsonl.gz").read_bytes() == first
    assert all(each.strategies for each in records.read(tmp_path / "o" / "degraded.jsonl.gz"))
    assert "| functions tried | 3 |" in (tmp_path / "o" / "degraded.md").read_text()
