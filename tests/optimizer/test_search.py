"""Steps are composed on one function, measured for real, and wrong ones never come out."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.catalogue import Rule, rules
from perfbot.optimizer.journal import Call, Decision, Trial
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.proposing import Catalogue
from perfbot.optimizer.readability import Limits
from perfbot.optimizer.scene import Rewrite, Scene
from perfbot.optimizer.search import Found, search
from perfbot.optimizer.strategies import Category, Strategy
from perfbot.optimizer.verify import judge
from perfbot.profiling.benchmark import CallBenchmark, Timing
from perfbot.profiling.capture import capture
from perfbot.profiling.environment import query
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.sandbox import strongest
from perfbot.profiling.source import read_source
from perfbot.profiling.suite import baseline, run_suite
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, export, with_changes
from perfbot.profiling.workload import WorkloadSettings, discover

SHOP = """\
def missing(wanted, known):
    found = []
    for i in range(len(wanted)):
        if wanted[i] not in known:
            found.append(wanted[i])
    return found
"""
TEST = """\
from shop import missing


def test_missing():
    assert missing([1, 2, 3], [2]) == [1, 3]
    assert missing(list(range(600)), list(range(0, 600, 2))) == list(range(1, 600, 2))
"""
MISSING = FunctionName("shop.py", "missing")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("search").resolve()
    repository = folder / "repository"
    repository.mkdir()
    (repository / "shop.py").write_text(SHOP)
    (repository / "test_shop.py").write_text(TEST)
    sandbox = strongest()
    target = Target(sandbox, query(Path(sys.executable), sandbox))
    tree = export(repository, folder / "base")
    workload = discover(tree, WorkloadSettings())
    runs = [
        run_suite(target, with_changes(tree, {}, folder / n), workload, wall_s=60) for n in "ab"
    ]
    case = Case(target, tree, workload, baseline(*runs), folder)
    recorded = capture(target, with_changes(tree, {}, folder / "c"), workload, [MISSING], wall_s=60)
    case.recordings.update(recorded)
    return case


def found(case: Case, chosen: tuple[Rule, ...], terms: Terms | None = None) -> Found:
    recording = case.recordings[MISSING]
    source = read_source(case.tree.root / "shop.py")
    subject = Subject(MISSING, source, dict(recording.facts), frozenset(), recording.count)
    deadline_s = time.monotonic() + 120
    return search(case, subject, [Catalogue(chosen)], terms or Terms(), deadline_s=deadline_s)


def test_the_best_version_is_found_and_says_how_it_came_about(case: Case) -> None:
    best = found(case, rules()).candidates[0]
    assert b"known_set" in best.content
    assert "list membership to set" in [each.strategy.name for each in best.plan.suggestions]
    assert best.ratio > 3


def test_the_winner_is_confirmed_by_processes_that_took_no_part_in_choosing_it(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    timings: list[Timing] = []
    time_one = CallBenchmark.time

    def spied(self: CallBenchmark, tree: Tree) -> Timing:
        timings.append(time_one(self, tree))
        return timings[-1]

    monkeypatch.setattr(CallBenchmark, "time", spied)
    winner = found(case, rules()).candidates[0]
    choosing = len(timings)
    deadline_s = time.monotonic() + 240
    verdict = judge(case, winner.changes, [MISSING], Terms(), deadline_s=deadline_s)
    (measured,) = verdict.measured
    confirming = timings[choosing:]
    assert choosing > 0
    assert len(confirming) == 2 * len(measured.comparison.pairs)
    claimed = [ns for pair in measured.comparison.pairs for ns in (pair.old_ns, pair.new_ns)]
    assert sorted(claimed) == sorted(each.pass_ns for each in confirming)


def test_steps_are_composed_on_one_function(case: Case) -> None:
    names = {"list membership to set", "append loop to comprehension"}
    chosen = tuple(rule for rule in rules() if rule.strategy.name in names)
    outcome = found(case, chosen)
    # The second step's own gain is small, so noise decides whether its version is kept or dropped.
    composed = [candidate.plan.suggestions for candidate in outcome.candidates]
    composed += [tried.suggestions for tried in outcome.dropped]
    chains = [{suggestion.strategy.name for suggestion in chain} for chain in composed]
    assert outcome.tries == 3  # either alone, and both; the other order gives the same code
    assert names in chains


def one_rule(old: str, new: str) -> tuple[Rule, ...]:
    """Return a rule that exchanges text, right or wrong."""

    def find(scene: Scene) -> Iterator[Rewrite]:
        import libcst as cst

        if old in scene.module.code:
            yield Rewrite(cst.parse_module(scene.module.code.replace(old, new)), "It is a test.")

    return (Rule(Strategy(Category.LOOP, "made for a test"), find),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("not in known", "in known"),
        ("return found", "return tuple(found)"),
        ("found = []", "found = known"),
        ("return found", "import os\n    os._exit(0)"),
        ("range(len(wanted))", "range(len(wanted) - 1)"),
        ("return found", "return sorted(set(found), reverse=True)"),
    ],
)
def test_a_wrong_version_is_dropped_with_the_reason(case: Case, old: str, new: str) -> None:
    outcome = found(case, one_rule(old, new))
    assert outcome.candidates == ()
    assert len(outcome.dropped) == 1
    assert outcome.dropped[0].why.text


def test_a_version_that_is_right_but_no_faster_is_no_candidate(case: Case) -> None:
    slower = one_rule("found = []", "found = sorted(range(50_000))[:0]")
    assert found(case, slower).candidates == ()


def test_a_version_that_only_looks_different_is_written_in_the_style_of_its_file(
    case: Case,
) -> None:
    rule = one_rule("    found = []\n", "    known=set( known )\n    found=[ ]\n")
    best = found(case, rule, Terms(readability=Limits())).candidates[0]
    assert b"    known = set(known)\n    found = []\n" in best.content


def test_a_version_that_is_harder_to_read_is_dropped_with_the_key_that_would_allow_it(
    case: Case,
) -> None:
    rule = one_rule("    found = []\n", "    t = set(known)\n    known = u = t\n    found = []\n")
    assert found(case, rule, Terms()).candidates
    outcome = found(case, rule, Terms(readability=Limits()))
    assert outcome.candidates == ()
    assert "the new name t says nothing" in outcome.dropped[0].why.text
    assert "(accept.keep: names)" in outcome.dropped[0].why.text


def test_nothing_is_tried_after_the_deadline(case: Case) -> None:
    recording = case.recordings[MISSING]
    source = read_source(case.tree.root / "shop.py")
    subject = Subject(MISSING, source, dict(recording.facts), frozenset(), recording.count)
    outcome = search(case, subject, [Catalogue(rules())], Terms(), deadline_s=time.monotonic() - 1)
    assert (outcome.tries, outcome.candidates) == (0, ())


class Trials(list[Trial]):
    """A journal that keeps what the search tried."""

    def asked(self, call: Call) -> None:
        raise AssertionError("no model was asked")

    def tried(self, trial: Trial) -> None:
        self.append(trial)

    def decided(self, decision: Decision) -> None:
        raise AssertionError("nothing was judged")


def test_every_version_is_told_with_what_was_found(case: Case) -> None:
    recording = case.recordings[MISSING]
    source = read_source(case.tree.root / "shop.py")
    subject = Subject(MISSING, source, dict(recording.facts), frozenset(), recording.count)
    wrong = Catalogue(one_rule("return found", "return tuple(found)"))
    right = Catalogue(one_rule("found = []", "known = set(known)\n    found = []"))
    told = Trials()
    deadline_s = time.monotonic() + 120
    search(case, subject, [wrong, right], Terms(), deadline_s=deadline_s, journal=told)
    first, second, *_ = told
    assert "(1, 3)" in first.why
    assert first.ratio is None
    assert "tuple(found)" in first.text
    assert second.why == ""
    assert second.ratio is not None
    assert second.ratio > 3
    assert (second.planner, second.optimizer) == ("embedded", "embedded")
