"""A model may change a hotspot together with its private helpers; each that changes is looked at."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from test_proposing import Scripted

from perfbot.optimizer.authors import Authors
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.knowledge import Knowledge
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.search import Found, search
from perfbot.optimizer.spending import Spending
from perfbot.optimizer.verdict import Accepted, Rejected
from perfbot.optimizer.verify import changed_functions, judge
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.source import read_source

TEXT = '''\
def _shared(one, other):
    """Count what two words have in common."""
    count = 0
    for letter in one:
        if letter in [each for each in other]:
            count += 1
    return count


def nearest(words, target):
    """Return the word that has most in common with the target."""
    best, most = "", -1
    for word in words:
        count = _shared(word, target)
        if count > most:
            best, most = word, count
    return best
'''
TESTS = """\
from words import nearest


def test_nearest():
    words = [f"word{number}" for number in range(150)]
    assert nearest(words, "word73" * 4) == "word37"
    assert nearest([], "x") == ""
"""
NEAREST, SHARED = FunctionName("words.py", "nearest"), FunctionName("words.py", "_shared")
PLAN = "[SUGG/]\nData Structure Selection: look letters up in a set\n[/SUGG]\n"
HELPER = "def _shared(one, other):\n    return sum([letter in other for letter in one])\n"
CALLER = (
    "def nearest(words, target):\n    letters = frozenset(target)\n    best, most = '', -1\n"
    "    for word in words:\n        count = _shared(word, letters)\n        if count > most:\n"
    "            best, most = word, count\n    return best\n"
)


@pytest.fixture(scope="module")
def case(prepare: Callable[..., Case]) -> Case:
    return prepare({"words.py": TEXT, "tests/test_words.py": TESTS}, str(NEAREST), str(SHARED))


def found(case: Case, *codes: str) -> tuple[Found, Scripted]:
    recording = case.recordings[NEAREST]
    source = read_source(case.tree.root / NEAREST.path)
    subject = Subject(NEAREST, source, dict(recording.facts), frozenset(), recording.count)
    model = Scripted([f"{PLAN}[OPT/]\n{code}[/OPT]" for code in codes])
    by = Authors(model, model, (), Spending(1.0), 8, Knowledge)
    group = replace(subject, group=(SHARED,))
    return search(case, group, [by], Terms(), deadline_s=time.monotonic() + 240), model


def test_the_edit_may_span_the_group_and_the_judge_judges_all_of_it(case: Case) -> None:
    outcome, model = found(case, f"{HELPER}\n\n{CALLER}")
    best = outcome.candidates[0]
    assert changed_functions(case, best.changes) == [SHARED, NEAREST]
    assert "Count what two words have in common." in model.asked[0][0][-1].text
    deadline_s = time.monotonic() + 240
    verdict = judge(case, best.changes, [NEAREST, SHARED], Terms(), deadline_s=deadline_s)
    assert isinstance(verdict, Accepted), verdict
    assert [each.function for each in verdict.measured] == [NEAREST, SHARED]


def test_the_helper_alone_may_change(case: Case) -> None:
    outcome, _ = found(case, HELPER)
    assert changed_functions(case, outcome.candidates[0].changes) == [SHARED]


def test_a_helper_must_do_the_same_on_calls_of_its_own(case: Case) -> None:
    wrong = HELPER.replace("letter in other", "letter in other and letter != 'w'")
    outcome, model = found(case, wrong, HELPER)
    assert "_shared(" in str(outcome.dropped[0].why)
    assert "_shared(" in model.asked[1][0][-1].text
    assert outcome.candidates


def test_the_judge_refuses_a_helper_that_is_wrong_however_right_the_caller(case: Case) -> None:
    changed = TEXT.replace("    return count\n", "    return count - (not other)\n")
    changes = {"words.py": changed.encode()}
    deadline_s = time.monotonic() + 240
    verdict = judge(case, changes, [NEAREST, SHARED], Terms(), deadline_s=deadline_s)
    assert isinstance(verdict, Rejected)
    assert "_shared" in verdict.detail or "nearest" in verdict.detail
