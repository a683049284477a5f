"""Training data from transcripts: what was accepted, what was refused and why, what people made of it."""

from pathlib import Path

import a_run
import msgspec
import pytest
from a_run import FAST, NAME, SLOW, WRONG

from perfbot.optimizer.judged_pairs import JudgedPair, Preference, Stage, judged_pairs
from perfbot.optimizer.outcomes import Event, Outcome, patch_key
from perfbot.optimizer.recorded import Judgement, Keep, Transcript
from perfbot.optimizer.recorder import Recorder
from perfbot.optimizer.redaction import Redaction
from perfbot.optimizer.transcript import Store
from perfbot.training.readers.functions import read_perfbot
from perfbot.training.readers.reading import Source

MINE = "/home/a/shop"
KEY = patch_key(a_run.decision().changes)


def transcripts(folder: Path) -> list[Transcript]:
    store = Store.open(folder)
    try:
        return [store.transcript(each.run) for each in store.runs()]
    finally:
        store.close()


def nothing_accepted(folder: Path, name: str) -> None:
    recorder = Recorder(Store.open(folder), a_run.run(name, started_s=5.0))
    recorder.begun(NAME, a_run.FILE)
    recorder.tried(a_run.trial(ratio=0.8))
    recorder.decided(a_run.decision(a_run.WRONG_FILE, a_run.rejected()))
    recorder.close()


def test_a_pair_has_everything_that_is_known_of_it(tmp_path: Path) -> None:
    a_run.record(tmp_path)
    (pair,) = judged_pairs(transcripts(tmp_path))
    assert (pair.slow, pair.fast, pair.judgement) == (SLOW, FAST, Judgement.ACCEPTED)
    assert (pair.origin.licence, pair.origin.repository) == ("MIT", MINE)
    assert pair.strategies == a_run.SET
    assert pair.gain is not None
    assert (pair.gain.low, pair.gain.high) == (2.5, 3.5)
    (refused,) = pair.refused
    assert (refused.code, refused.stage) == (WRONG, Stage.JUDGE)
    assert refused.why == "results-differ: (['a'], []): ['a'], then []"
    assert (pair.preference, pair.calls) == (None, ())


def test_prompts_and_replies_come_on_request(tmp_path: Path) -> None:
    a_run.record(tmp_path)
    (pair,) = judged_pairs(transcripts(tmp_path), prompts=True)
    assert [each.reply for each in pair.calls] == ["[OPT/] code [/OPT]"] * 2


def test_functions_without_an_accepted_version_come_when_all_are_wanted(tmp_path: Path) -> None:
    nothing_accepted(tmp_path, "run-1")
    assert list(judged_pairs(transcripts(tmp_path))) == []
    (pair,) = judged_pairs(transcripts(tmp_path), everything=True)
    assert (pair.fast, pair.judgement) == (None, Judgement.REJECTED)
    assert [(each.stage, each.ratio) for each in pair.refused] == [
        (Stage.JUDGE, None),
        (Stage.SEARCH, 0.8),
    ]
    assert pair.refused[1].why == "it costs more than the function as it was"


def test_a_pair_that_was_found_twice_comes_once_from_the_newest_run(tmp_path: Path) -> None:
    a_run.record(tmp_path, a_run.run("old", started_s=1.0))
    a_run.record(tmp_path, a_run.run("new", started_s=2.0))
    (pair,) = judged_pairs(transcripts(tmp_path))
    assert pair.origin.run == "new"


def test_runs_without_source_give_nothing(tmp_path: Path) -> None:
    a_run.record(tmp_path, a_run.run(keeps=Keep.REDACTED), Redaction(source=True))
    assert list(judged_pairs(transcripts(tmp_path), everything=True)) == []


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ([], None),
        ([(Event.MERGED, KEY, "", "")], Preference(Event.MERGED)),
        ([(Event.PROPOSED, KEY, "b", ""), (Event.CLOSED, "", "b", "")], Preference(Event.CLOSED)),
        ([(Event.CLOSED, "", "b", "")], None),
        ([(Event.MERGED, "another patch", "", "")], None),
        (
            [(Event.LIKED, KEY, "", "a"), (Event.LIKED, KEY, "", "a"), (Event.LIKED, KEY, "", "b")],
            Preference(None, likes=2),
        ),
        ([(Event.DISLIKED, KEY, "", "a")], Preference(None, dislikes=1)),
    ],
)
def test_what_people_made_of_it_is_found_by_patch_or_branch(
    tmp_path: Path, told: list[tuple[Event, str, str, str]], wanted: Preference | None
) -> None:
    a_run.record(tmp_path)
    outcomes = [Outcome(MINE, event, 1.0, patch, branch, who) for event, patch, branch, who in told]
    foreign = Outcome("/home/b/fork", Event.MERGED, 1.0, KEY)
    (pair,) = judged_pairs(transcripts(tmp_path), [foreign, *outcomes])
    assert pair.preference == wanted


def test_what_was_edited_before_it_was_merged_is_kept(tmp_path: Path) -> None:
    a_run.record(tmp_path)
    edited = Outcome(MINE, Event.EDITED, 1.0, KEY, edited="def missing(): ...")
    (pair,) = judged_pairs(transcripts(tmp_path), [edited])
    assert pair.preference == Preference(Event.EDITED, "def missing(): ...")


def written(file: Path, *pairs: object) -> Path:
    file.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in pairs))
    return file


def test_the_training_reads_back_what_was_exported(tmp_path: Path) -> None:
    a_run.record(tmp_path, a_run.run("one"))
    nothing_accepted(tmp_path, "two")
    pairs: list[JudgedPair] = list(judged_pairs(transcripts(tmp_path), everything=True))
    reading = read_perfbot(written(tmp_path / "pairs.jsonl", *pairs))
    (pair,) = reading.pairs
    assert (pair.source, pair.slow, pair.fast) == (Source.PERFBOT, SLOW, FAST)
    assert (pair.entry_point, pair.problem) == ("missing", f"{MINE}:shop.py::missing")
    assert pair.judged == pairs[0]
    assert [each.reason for each in reading.malformed] == ["has no version that was accepted"]


def test_a_line_that_is_no_pair_is_malformed_with_a_reason(tmp_path: Path) -> None:
    a_run.record(tmp_path)
    (pair,) = judged_pairs(transcripts(tmp_path))
    plain = msgspec.to_builtins(pair)
    wrong = [
        {**plain, "slow": 3},
        {**plain, "judgement": "brilliant"},
        {**plain, "fast": "def other(): pass"},
        {**plain, "slow": "def missing("},
        {"slow": "x"},
    ]
    reading = read_perfbot(written(tmp_path / "pairs.jsonl", *wrong))
    assert [each.line for each in reading.malformed] == [1, 2, 3, 4, 5]
    assert "`$.slow`" in reading.malformed[0].reason
