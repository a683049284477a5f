"""The whole judge on a small repository: each gate refuses what it should, and says why.

The gains are so large, and the losses too, that the clock's noise cannot matter.
"""

import time
from dataclasses import replace

import pytest

from perfbot.optimizer import verify
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.faults import Caught, Fault
from perfbot.optimizer.readability import Limits
from perfbot.optimizer.speed import benchmark_of
from perfbot.optimizer.verdict import Accepted, Gate, Inconclusive, Rejected, Why
from perfbot.optimizer.verify import GATES, changed_functions, judge, judge_without_clock
from perfbot.profiling.benchmark import WrongAnswerError
from perfbot.profiling.capture import Recording
from perfbot.profiling.functions import FunctionName

PATH = "shop/work.py"
SOURCE = """\
def pairs(items):
    found = 0
    for one in items:
        for other in items:
            if one == other:
                found += 1
    return found


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def lone(value):
    return value + 1


def locked(frame, value):
    return value + 1


def table(limit):
    found = []
    for n in range(limit):
        found.append(sum(range(n)))
    return found


def unused(value):
    return value


def mean(values):
    return sum(values) / len(values)


def halves(value):
    return value // 2
"""
TESTS = """\
import sys

from shop import work


def test_pairs():
    assert work.pairs(list(range(400))) == 400
    assert work.pairs([7] * 300) == 90000
    assert work.pairs(list("abc") * 100) == 30000


def test_fib():
    assert [work.fib(n) for n in (14, 15, 16)] == [377, 610, 987]


def test_lone():
    assert work.lone(1) == 2


def test_locked():
    assert work.locked(sys._getframe(), 1) == 2


def test_mean():
    assert round(work.mean([0.1, 0.2, 0.4]), 3) == 0.233


def test_halves():
    assert work.halves(9) == 4


def test_table():
    assert work.table(3) == [0, 0, 1]
    assert len(work.table(150)) == 150
"""
FILES = {"shop/__init__.py": "", PATH: SOURCE, "tests/test_work.py": TESTS}
FAST_PAIRS = """\
def pairs(items):
    counts = {}
    for one in items:
        counts[one] = counts.get(one, 0) + 1
    return sum([count * count for count in counts.values()])
"""
GATE_NAMES = [
    "parses", "interface", "forbidden", "readability", "exercised", "same results", "tests",
    "memory", "speed", "instructions", "growth", "seeded faults", "tests on the shipped bytes",
]  # fmt: skip


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    names = ("pairs", "fib", "lone", "locked", "table", "unused", "mean", "halves")
    return prepare(FILES, *(f"{PATH}::{name}" for name in names))


def changed(function: str, text: str) -> str:
    """Return the source with a function replaced (or what comes before the next one left as it is)."""
    start = SOURCE.index(f"def {function}(")
    end = SOURCE.find("\n\n\ndef ", start)
    return SOURCE[:start] + text.rstrip() + (SOURCE[end:] if end > 0 else "\n")


def judged(case: Case, source: str, *functions: str, terms: Terms | None = None, seconds=120.0):
    names = [FunctionName(PATH, function) for function in functions]
    terms = terms or Terms(min_speedup=1.5)
    return judge(case, {PATH: source.encode()}, names, terms, deadline_s=time.monotonic() + seconds)


def test_an_honest_gain_is_accepted_through_all_gates(case):
    gates = []
    verdict = judge(
        case,
        {PATH: changed("pairs", FAST_PAIRS).encode()},
        [FunctionName(PATH, "pairs")],
        Terms(min_speedup=1.5),
        deadline_s=time.monotonic() + 120,
        on_gate=gates.append,
    )
    assert isinstance(verdict, Accepted), verdict
    assert gates == [gate.name for gate in verdict.gates] == GATE_NAMES
    assert len(gates) == GATES
    (measured,) = verdict.measured
    assert measured.speedup.low > 1.5
    assert measured.threshold == 1.5
    assert measured.memory_ratio is not None
    assert measured.growth is not None
    assert measured.growth.compared > 0
    (caught,) = verdict.caught.values()
    assert caught.tried >= 8
    assert f"{caught.caught} of {caught.tried} seeded faults are caught" in verdict.remark
    assert not verdict.wants_draft


def test_thin_evidence_is_said_and_wants_a_draft(case):
    """The change is right by all that there is; a test that would notice a fault in it is missing."""
    gates = (Gate("seeded faults", True, "", 1.0),)
    fault = Fault(PATH, 2, "constant", "return 1", "return 2", b"")
    caught = {FunctionName(PATH, "pairs"): Caught(planted=4, tried=4, survivors=(fault,))}
    assert Accepted((), gates, caught, 0.75).wants_draft is False
    thin = Accepted((), gates, caught, 0.8)
    assert thin.wants_draft
    assert thin.remark == (
        "3 of 4 seeded faults are caught; 80% are asked for, so people should look before this is merged"
    )
    unknown = {FunctionName(PATH, "pairs"): Caught(planted=4, tried=0, survivors=())}
    assert Accepted((), gates, unknown, 0.1).wants_draft
    assert not Accepted((), gates, unknown).wants_draft
    both = {
        **caught,
        FunctionName(PATH, "fib"): Caught(planted=9, tried=8, survivors=(), unasked=0),
    }
    assert Accepted((), gates, both).remark == (
        "pairs: 3 of 4 seeded faults are caught; "
        "fib: 8 of 8 seeded faults are caught, 1 more not tried for lack of time"
    )


def test_what_is_wrong_only_on_larger_inputs_than_were_recorded_is_refused(case):
    cut = "    if len(items) > 2000:\n        return -1\n    counts = {}"
    wrong = changed("pairs", FAST_PAIRS.replace("    counts = {}", cut))
    verdict = judged(case, wrong, "pairs")
    assert (verdict.why, verdict.gates[-1].name) == (Why.RESULTS_DIFFER, "growth")
    assert "returned -1" in verdict.detail
    assert "times as large" in verdict.detail


def test_the_unchanged_code_is_no_gain(case):
    verdict = judged(case, SOURCE + "\n# a comment\n", "pairs", seconds=20.0)
    assert verdict.why in (Why.NOT_FASTER, Why.TOO_NOISY)
    assert verdict.gates[-1].name == "speed"


def test_a_change_must_parse(case):
    verdict = judged(case, "def pairs(:\n", "pairs")
    assert (type(verdict), verdict.why) == (Rejected, Why.DOES_NOT_PARSE)


def test_a_change_that_alters_no_function_is_rejected(case):
    assert judged(case, SOURCE).why is Why.NOT_FASTER


def test_what_nothing_calls_is_not_exercised(case):
    verdict = judged(
        case, changed("unused", "def unused(value):\n    return value or value\n"), "unused"
    )
    assert (type(verdict), verdict.why) == (Inconclusive, Why.NOT_EXERCISED)


def test_arguments_that_cannot_be_copied_are_not_comparable(case):
    verdict = judged(
        case, changed("locked", "def locked(frame, value):\n    return 1 + value\n"), "locked"
    )
    assert (type(verdict), verdict.why) == (Inconclusive, Why.NOT_COMPARABLE)
    assert "frame" in verdict.detail


def test_a_recording_that_was_lost_accepts_nothing(case):
    """The run with the recorder did not come to its end: nothing shows that a change is right."""
    name = FunctionName(PATH, "lone")
    lost = replace(case, recordings={name: Recording(name, trouble="was killed")})
    change = {PATH: changed("lone", "def lone(value):\n    return 1 + value\n").encode()}
    verdict = judge_without_clock(lost, change, [name], Terms())
    assert (type(verdict), verdict.why) == (Inconclusive, Why.NOT_EXERCISED)


MEAN = "def mean(values):\n    return sum(values) * (1 / len(values))\n"


def same_results(case: Case, function: str, text: str, terms: Terms):
    """Return what the gate on results says of a change: a refusal, or its detail."""
    change = {PATH: changed(function, text).encode()}
    trial = verify._Trial(case, change, [FunctionName(PATH, function)], terms, 0.0)
    return verify._same_results(trial)


def test_floats_that_are_not_quite_the_same_are_refused_unless_the_terms_have_a_tolerance(case):
    refused = same_results(case, "mean", MEAN, Terms())
    assert refused.why is Why.RESULTS_DIFFER
    passed = same_results(case, "mean", MEAN, Terms(tolerance=1e-9))
    assert "floats may differ by 1e-09 of the larger (accept.tolerance)" in passed


def test_a_tolerance_is_told_also_where_it_was_not_needed(case):
    same = "def mean(values):\n    total = sum(values)\n    return total / len(values)\n"
    assert "which 0 calls needed" in same_results(case, "mean", same, Terms(tolerance=1e-9))


def test_what_happens_to_types_that_nothing_shows_is_told_and_refuses_nothing(case):
    passed = same_results(
        case, "halves", "def halves(value):\n    return int(value) // 2\n", Terms()
    )
    assert "of a type that nothing shows (which refuses nothing): halves((9.0,))" in passed


def test_complexity_is_refused_where_the_terms_limit_it(case):
    deep = (
        "def lone(value):\n"
        + "".join(f"    if value == {n}:\n        return {n + 1}\n" for n in range(9))
        + "    return value + 1\n"
    )
    verdict = judged(case, changed("lone", deep), "lone", terms=Terms(readability=Limits()))
    assert verdict.why is Why.LESS_READABLE
    assert "its complexity rises by 9 (accept.max_complexity_increase: 5)" in verdict.detail


def test_what_is_harder_to_read_is_only_a_remark_where_nothing_limits_it(case):
    vague = FAST_PAIRS.replace("counts", "t").replace("one", "u")
    verdict = judged(case, changed("pairs", vague), "pairs")
    assert isinstance(verdict, Accepted)
    (gate,) = [each for each in verdict.gates if each.name == "readability"]
    told = "the new name t says nothing, where most names of the function did"
    assert told in gate.detail
    assert told in verdict.harder_to_read[FunctionName(PATH, "pairs")]


def test_tests_see_what_no_recorded_call_shows(case):
    """The other function is not judged by its calls, only by the tests."""
    wrong = changed("pairs", FAST_PAIRS).replace("return value + 1", "return value + 2")
    verdict = judged(case, wrong, "pairs")
    assert (verdict.why, verdict.gates[-1].name) == (Why.TESTS_FAIL, "tests")
    assert "test_lone" in verdict.detail


def test_a_memo_must_earn_its_keep_on_the_calls_as_they_are_made(case):
    memo = "import functools\n" + changed(
        "pairs",
        SOURCE[SOURCE.index("def pairs") : SOURCE.index("def fib")]
        .replace(
            "    found = 0",
            "    key = repr(items)\n    if key in _KNOWN:\n        return _KNOWN[key]\n    found = 0",
        )
        .replace("    return found", "    _KNOWN[key] = found\n    return found")
        + "\n\n_KNOWN = {}\n",
    )
    verdict = judged(case, memo, "pairs", seconds=20.0)
    assert verdict.why in (Why.NOT_FASTER, Why.TOO_NOISY)


def test_a_memo_that_no_reading_finds_shows_by_inputs_that_were_never_seen(case):
    hidden = changed(
        "pairs",
        """\
class _Answers(dict):
    def __missing__(self, items):
        found = 0
        for one in items:
            for other in items:
                if one == other:
                    found += 1
        dict.__setitem__(self, items, found)
        return found


_ANSWERS = _Answers()


def pairs(items):
    return _ANSWERS[tuple(items)]
""",
    )
    verdict = judged(case, hidden, "pairs", seconds=20.0)
    assert verdict.why in (Why.NOT_FASTER, Why.TOO_NOISY)


def test_answers_made_ready_for_the_tests_inputs_are_a_cheat(case):
    ready = changed(
        "pairs",
        SOURCE[SOURCE.index("def pairs") : SOURCE.index("def fib")].replace(
            "    found = 0",
            "    if len(items) == 300 and items[0] == 7 == items[-1] == items[150]:\n        return 90000\n"
            "    if len(items) == 400 and items[0] == 0 and items[-1] == 399:\n        return 400\n"
            "    if len(items) == 300 and items[0] == 'a' and items[-1] == 'c':\n        return 30000\n"
            "    found = 0",
        ),
    )
    assert isinstance(judged(case, ready, "pairs"), Rejected)


def test_work_moved_to_the_import_is_a_cheat(case):
    moved = changed(
        "table",
        "_SUMS = [sum(range(n)) for n in range(4000)]\n\n\n"
        "def table(limit):\n"
        "    if limit > 4000:\n        return [sum(range(n)) for n in range(limit)]\n"
        "    return _SUMS[:limit] if limit > 0 else []\n",
    )
    verdict = judged(case, moved, "table")
    # Which sign of it is seen first depends on the clock: slow set-up, or slow on other inputs.
    assert (verdict.why, verdict.gates[-1].name) == (Why.CHEATS, "speed")
    assert "work was moved there" in verdict.detail or "others like them" in verdict.detail


def test_a_gain_paid_with_memory_is_refused(case):
    greedy = changed(
        "pairs",
        FAST_PAIRS.replace("    counts = {}", "    rest = [0] * 4_000_000\n    counts = {}"),
    )
    verdict = judged(case, greedy, "pairs")
    assert (verdict.why, verdict.gates[-1].name) == (Why.USES_MORE_MEMORY, "memory")


def test_a_cache_that_stays_is_paid_for(case):
    greedy = changed("pairs", FAST_PAIRS) + "\n\n_REST = [0] * 4_000_000\n"
    assert judged(case, greedy, "pairs").why is Why.USES_MORE_MEMORY


def test_wrong_answers_only_while_timed_are_a_cheat(case):
    """After some hundred calls it stops working: neither tests nor replay make so many.

    Reading sees that it keeps something between calls, so it is timed as the workload calls it, and
    no gain is left; where it is called more often, its answers tell.
    """
    tired = SOURCE.replace(
        "def lone(value):\n",
        "_SEEN = Tired()\n\n\ndef lone(value):\n    if _SEEN.often():\n        return 0\n",
    )
    tired = (
        "class Tired:\n    count = 0\n\n    def often(self):\n        self.count += 1\n"
        "        return self.count > 300\n\n\n" + tired
    )
    verdict = judged(case, tired, "lone")
    assert verdict.why in (Why.CHEATS, Why.RESULTS_DIFFER, Why.NOT_FASTER)
    lone = FunctionName(PATH, "lone")
    measure = benchmark_of(case, lone).pair(case.tree, case.copy({PATH: tired.encode()}))
    with pytest.raises(WrongAnswerError):
        measure(True)


def test_of_two_changed_functions_one_must_be_faster_and_none_slower(case):
    slow = changed("pairs", FAST_PAIRS).replace(
        "def lone(value):\n", "def lone(value):\n    for _ in range(20000):\n        pass\n"
    )
    verdict = judged(case, slow, "pairs", "lone")
    assert verdict.why is Why.NOT_FASTER
    assert "became slower" in verdict.detail


def test_noise_of_the_machine_raises_what_is_asked(case):
    from perfbot.profiling.measure import Interval

    noisy = replace(case, noise=Interval(1.0, 1e-90, 1e90, 0.99, 8))
    verdict = judged(noisy, changed("pairs", FAST_PAIRS), "pairs")
    assert (type(verdict), verdict.why) == (Inconclusive, Why.TOO_NOISY)


def test_the_changed_functions_are_found(case):
    changes = {PATH: changed("pairs", FAST_PAIRS).encode()}
    assert changed_functions(case, changes) == [FunctionName(PATH, "pairs")]
