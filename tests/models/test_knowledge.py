"""What is found out about a function: measured in the sandbox, looked up in the copy, remembered."""

import pytest

from perfbot.optimizer.case import Case
from perfbot.optimizer.excerpts import Excerpt
from perfbot.optimizer.knowledge import Knowledge, Pair, PastCommit, gathered
from perfbot.optimizer.project_index import ProjectIndex
from perfbot.profiling.functions import FunctionName

FUNCTION = FunctionName("shop.py", "missing")
SOURCE = """\
from limits import LIMIT


def missing(wanted, known):
    found = []
    for item in wanted[: LIMIT * 1000]:
        if item not in known:
            found.append(item)
    return found
"""
PAGE = """\
from shop import missing


def page():
    return missing([1], [2])
"""
TESTS = """\
import pytest

from shop import missing


def helper(count):
    known = list(range(count))
    assert missing(known, known) == []


@pytest.mark.parametrize("count", [0, 1, 300])
def test_all_known(count):
    helper(count)


class TestSome:
    def test_one(self):
        assert missing([1], []) == [1]


def test_other():
    assert True


def test_long():
%s    assert missing([2], []) == [2]
""" % ("    assert True\n" * 50)


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    files = {
        "shop.py": SOURCE,
        "tests/test_shop.py": TESTS,
        "limits.py": "LIMIT = 9\n",
        "page.py": PAGE,
    }
    return prepare(files, str(FUNCTION))


def test_with_an_index_the_other_files_are_known(case: Case) -> None:
    with ProjectIndex.open(":memory:") as index:
        index.update(case.tree.root, case.tree.files)
        known = gathered(case, FUNCTION, index=index)
    assert known.callers == (
        Excerpt("page.py", "def page():\n    …\n    return missing([1], [2])"),
    )
    assert "LIMIT = 9" in [each.text for each in known.definitions]


class Pairs:
    """A store of two pairs that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []

    def nearest(self, source: str, *, accepted: bool, most: int) -> list[Pair]:
        self.asked.append((source, accepted))
        return [Pair("a", "b" if accepted else "c", ("s",), "o")] * most


@pytest.fixture(scope="module")
def known(case: Case) -> Knowledge:
    return gathered(case, FUNCTION)


def test_lines_and_growth_are_measured_on_the_recorded_calls(known: Knowledge) -> None:
    hottest = max(known.heat.lines, key=lambda each: each.share)
    assert hottest.line == 7
    assert known.growth.startswith("n^")
    assert "argument 1" in known.growth


def test_tests_are_those_that_lead_to_it_the_shortest_with_their_source(known: Knowledge) -> None:
    one, every, long = known.tests
    assert one.name == "tests/test_shop.py::TestSome::test_one"
    assert one.source == "def test_one(self):\n    assert missing([1], []) == [1]"
    assert (every.name, every.calls) == ("tests/test_shop.py::test_all_known", 3)
    assert (long.name, long.source) == ("tests/test_shop.py::test_long", "")


def test_packages_of_the_target_have_their_versions(known: Knowledge) -> None:
    assert known.versions["pytest"] == pytest.__version__


def test_what_others_know_is_passed_on(case: Case) -> None:
    pairs, commit = Pairs(), PastCommit("2026-01-02", "Faster")
    known = gathered(case, FUNCTION, hint="Many.", history=[commit], pairs=pairs)
    assert (known.hint, known.history) == ("Many.", (commit,))
    assert [each.after for each in known.accepted + known.rejected] == ["b", "b", "c", "c"]
    function = SOURCE[SOURCE.index("def ") :].rstrip("\n")
    assert pairs.asked == [(function, True), (function, False)]


def test_a_test_that_names_a_file_outside_of_the_copy_leads_nowhere(case: Case, tmp_path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text("def test_key():\n    return 'sk-1'\n")
    recording = case.recordings[FUNCTION]
    up = "../" * len(case.tree.root.parts)
    forged = {f"{up}{str(secret)[1:]}::test_key": 1, f"{secret}::test_key": 1}
    object.__setattr__(recording, "tests", {**recording.tests, **forged})
    found = {each.name: each.source for each in gathered(case, FUNCTION).tests}
    assert all(found[name] == "" for name in forged)
