"""A court judges as a run of perfbot does, measures the same each time, and remembers."""

import pytest

from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.protocol import Advice
from perfbot.optimizer.strategies import Category
from perfbot.profiling import counters
from perfbot.training.court import Court, Task
from perfbot.training.outcome import Branch
from perfbot.training.planned import Catalogue

CALLS = ("([n * 7 % 40 for n in range(120)], list(range(0, 90, 2)))", "([], [])", "([3], [3, 4])")
SLOW = "def pick(items, known):\n    return [item for item in items if item in known]\n"
OTHER = "def take(rows, names):\n    return [row for row in rows if row in names]\n"
FAST = "def take(rows, names):\n    there = set(names)\n    return [row for row in rows if row in there]\n"
TASK, SPELLED = Task(SLOW, "pick", CALLS), Task(OTHER, "take", CALLS)
BROKEN = Task("def bad(a):\n    raise ValueError\n", "bad", ("(1,)",))
UNCALLED = Task("def never(a):\n    return a\n", "never", ("(1 / 0,)",))


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    return tmp_path_factory.mktemp("court") / "judged.jsonl"


@pytest.fixture(scope="module")
def court(target, memory) -> Court:
    if counters.counter(target.sandbox.level) is None:
        pytest.skip(f"a court counts instructions: {counters.why_no_counter(target.sandbox.level)}")
    return Court([TASK, SPELLED, BROKEN, UNCALLED], memory=memory)


def test_a_version_is_judged_once_for_all_spellings(court: Court, memory) -> None:
    found = court.outcome(SPELLED, FAST)
    assert found.branch is Branch.RIGHT
    assert found.ratio > 3
    judged = court.judged
    assert court.outcome(TASK, FAST.replace("take", "pick").replace("rows", "items")
                         .replace("names", "known")) == found  # fmt: skip
    assert court.judged == judged
    later = Court([SPELLED], memory=memory)
    assert later.outcome(SPELLED, FAST) == found
    assert later.judged == 0


def test_the_program_itself_is_neither_better_nor_worse(court: Court) -> None:
    assert court.outcome(TASK, SLOW + "# the same\n").ratio == 1.0


@pytest.mark.parametrize(
    ("program", "branch"),
    [
        ("def pick(items, known):\n    return list(items)\n", Branch.WRONG),
        ("def pick(items, known, *rest):\n    return items\n", Branch.NO_FUNCTION),
        ("import os\ndef pick(items, known):\n    return os.listdir()\n", Branch.CHEAT),
        ("def pick(items, known):\n    return [\n", Branch.NO_FORMAT),
        ("def pick(items, known):\n    return '\ud800'\n", Branch.NO_FORMAT),
    ],
)
def test_what_is_wrong_falls_into_its_branch(court: Court, program: str, branch: Branch) -> None:
    assert court.outcome(TASK, program).branch is branch


def test_what_nothing_calls_cannot_be_judged(court: Court) -> None:
    found = court.outcome(UNCALLED, "def never(a):\n    return +a\n")
    assert found.branch is Branch.UNKNOWN
    assert "not-exercised" in found.why


def test_the_catalogue_does_what_a_plan_names_and_nothing_else(court: Court) -> None:
    catalogue = Catalogue(court, rules())
    named = [Advice(Category.DATA_STRUCTURE, "list membership to set: it is asked often.")]
    other = [Advice(Category.INPUT_OUTPUT, "print per item to one print: fewer calls.")]
    assert catalogue.outcome(SPELLED, named).ratio > 3
    assert catalogue.outcome(SPELLED, other).ratio == 1.0
    assert catalogue.outcome(SPELLED, []).ratio == 1.0
