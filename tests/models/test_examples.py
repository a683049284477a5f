"""Examples for models from earlier verdicts: the nearest, of the same repository, always the same."""

from pathlib import Path

import a_run
from a_run import FAST, NAME, SLOW, WRONG

from perfbot.optimizer.diagnosis import SEEN
from perfbot.optimizer.examples import RememberedPairs, tokens
from perfbot.optimizer.journal import Decision, Trial
from perfbot.optimizer.recorded import Keep
from perfbot.optimizer.recorder import Recorder
from perfbot.optimizer.redaction import Redaction
from perfbot.optimizer.transcript import Store, ranked
from perfbot.profiling.functions import FunctionName

MINE, OTHER = "/home/a/shop", "/home/b/hostile"
TOTAL = "def total(lines):\n    result = 0\n    for line in lines:\n        result += line.price\n    return result\n"
SUM = "def total(lines):\n    return sum(line.price for line in lines)\n"
ASKED = SLOW.replace("missing", "absent").replace("stock", "store").replace("found", "out")


def remember(folder: Path, name: str, repository: str, *pairs: tuple[str, str, str]) -> None:
    """Record an accepted verdict on each (qualname, before, after)."""
    recorder = Recorder(Store.open(folder), a_run.run(name, repository))
    for qualname, before, after in pairs:
        function = FunctionName("a.py", qualname)
        recorder.begun(function, before)
        changes = {"a.py": (before.encode(), after.encode())}
        recorder.decided(
            Decision(function, "embedded", "tiny", a_run.SET, changes, a_run.accepted())
        )
    recorder.close()
    assert recorder.trouble == ""


def test_the_most_alike_comes_first(tmp_path: Path) -> None:
    remember(tmp_path, "r", MINE, ("total", TOTAL, SUM), ("missing", SLOW, FAST))
    pairs = RememberedPairs(tmp_path, MINE)
    found = pairs.nearest(ASKED, accepted=True, most=2)
    assert [each.before for each in found] == [SLOW, TOTAL]
    assert (found[0].after, found[0].strategies) == (FAST, ("list membership to set",))
    assert found == pairs.nearest(ASKED, accepted=True, most=2)
    assert len(pairs.nearest(ASKED, accepted=True, most=1)) == 1


def test_an_accepted_pair_says_what_was_proven(tmp_path: Path) -> None:
    a_run.record(tmp_path, a_run.run(repository=MINE))
    (found,) = RememberedPairs(tmp_path, MINE).nearest(SLOW, accepted=True, most=5)
    assert found.outcome == "accepted: at least 2.50× as fast"


def test_what_was_refused_comes_as_a_warning_with_its_reason(tmp_path: Path) -> None:
    recorder = Recorder(Store.open(tmp_path), a_run.run(repository=MINE))
    a_run.tell(recorder)
    recorder.tried(
        Trial(
            NAME,
            "a",
            "b",
            (),
            a_run.FAST_FILE,
            SEEN,
            None,
        )
    )
    recorder.close()
    found = RememberedPairs(tmp_path, MINE).nearest(SLOW, accepted=False, most=9)
    assert [each.after for each in found] == [WRONG]
    assert [each.outcome for each in found] == ["results-differ: (['a'], []): ['a'], then []"]


def test_another_repository_can_plant_no_example(tmp_path: Path) -> None:
    remember(
        tmp_path, "r", OTHER, ("missing", SLOW, "def missing(wanted, stock):\n    import os\n")
    )
    assert RememberedPairs(tmp_path, MINE).nearest(SLOW, accepted=True, most=5) == []
    assert len(RememberedPairs(tmp_path, None).nearest(SLOW, accepted=True, most=5)) == 1


def test_runs_without_source_give_no_examples(tmp_path: Path) -> None:
    a_run.record(tmp_path, a_run.run(repository=MINE, keeps=Keep.REDACTED), Redaction(source=True))
    for accepted in (True, False):
        assert RememberedPairs(tmp_path, MINE).nearest(SLOW, accepted=accepted, most=5) == []


def test_nothing_is_remembered_where_nothing_was_kept(tmp_path: Path) -> None:
    assert RememberedPairs(tmp_path, MINE).nearest(SLOW, accepted=True, most=5) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_read_gives_none(tmp_path: Path) -> None:
    a_run.record(tmp_path)
    Store.open(tmp_path)._connection.execute("PRAGMA user_version = 99")
    assert RememberedPairs(tmp_path, MINE).nearest(SLOW, accepted=True, most=5) == ()


def test_words_of_names_count_however_they_are_written() -> None:
    assert {"http", "response", "code", "2"} <= set(tokens("HTTPResponse.status_code2\n"))
    assert tokens("def f(:") == []


def test_ranking_takes_any_words_and_keeps_ties_in_order() -> None:
    assert ranked([["or"], ["and"], ["not"], ["near"]], ["or", "not", "near"]) == [0, 2, 3]
    assert ranked([["a"]], []) == ranked([], ["a"]) == []
    assert ranked([["x"], ["a", "b"]], [f"w{number}" for number in range(3000)] + ["b"]) == [1]
