"""A transcript proposes again exactly what was tried, and nothing where the source is another one."""

from dataclasses import replace
from pathlib import Path

import a_run
import pytest
from a_run import FAST_FILE, FILE, NAME, WRONG_FILE

from perfbot.optimizer.plan import Subject
from perfbot.optimizer.recorded import Keep, Transcript
from perfbot.optimizer.recorder import Recorder
from perfbot.optimizer.redaction import Redaction
from perfbot.optimizer.replaying import Replayed, ReplayError, replay
from perfbot.optimizer.transcript import Store
from perfbot.optimizer.versions import Edit
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.source import decode_source


def recorded(folder: Path, redaction: Redaction = Redaction(), **of) -> Transcript:  # noqa: B008
    a_run.record(folder, a_run.run(**of), redaction)
    store = Store.open(folder)
    try:
        return store.transcript("run-1")
    finally:
        store.close()


def subject(text: str = FILE) -> Subject:
    return Subject(NAME, decode_source(text.encode(), Path("shop.py")), {}, frozenset(), 1)


def texts(proposer: Replayed, text: str = FILE) -> list[str]:
    return [each.text for each in proposer.proposals(subject(), text, [])]


def test_the_recorded_versions_are_proposed_in_their_order(tmp_path: Path) -> None:
    again = replay(recorded(tmp_path), NAME, FILE)
    (proposer,) = again.proposers
    assert texts(proposer) == [WRONG_FILE, FAST_FILE]
    assert (proposer.planner, proposer.optimizer) == ("embedded", "tiny")
    assert next(proposer.proposals(subject(), FILE, [])).suggestions == a_run.SET
    assert again.note == ""


def test_nothing_is_proposed_for_a_version_of_the_file(tmp_path: Path) -> None:
    """The recorded versions hold their earlier steps already."""
    (proposer,) = replay(recorded(tmp_path), NAME, FILE).proposers
    assert texts(proposer, FAST_FILE) == []


def test_authors_who_took_turns_take_them_again(tmp_path: Path) -> None:
    recorder = Recorder(Store.open(tmp_path), a_run.run())
    recorder.begun(NAME, FILE)
    for number, author in enumerate(["embedded", "tiny", "tiny", "embedded"]):
        text = FILE.replace("LIMIT = 3", f"LIMIT = {number}")
        recorder.tried(replace(a_run.trial(text), optimizer=author))
    recorder.tried(replace(a_run.trial(text), optimizer="other"))  # the same version once more
    recorder.tried(a_run.trial("", "no code in the reply", None))
    recorder.close()
    store = Store.open(tmp_path)
    proposers = replay(store.transcript("run-1"), NAME, FILE).proposers
    store.close()
    told = [(each.optimizer, len(each.versions)) for each in proposers]
    assert told == [("embedded", 1), ("tiny", 2), ("embedded", 1)]


def test_a_file_that_changed_is_said_and_nothing_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"shop\.py is not the file .* on the commit c0ffee"):
        replay(recorded(tmp_path), NAME, FILE + "\n")


def test_a_function_that_was_not_searched_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"nothing about shop\.py::other"):
        replay(recorded(tmp_path), FunctionName("shop.py", "other"), FILE)


def test_a_transcript_without_source_cannot_be_replayed(tmp_path: Path) -> None:
    found = recorded(tmp_path, Redaction(source=True), keeps=Keep.REDACTED)
    with pytest.raises(ReplayError, match="without source text"):
        replay(found, NAME, FILE)


def test_a_version_that_lost_a_secret_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    found = recorded(tmp_path, Redaction(frozenset({"known = set(stock)"})))
    again = replay(found, NAME, FILE)
    assert [texts(each) for each in again.proposers] == [[]]
    assert "2 of the recorded versions of shop.py::missing cannot be made again" in again.note


def test_a_version_that_a_stranger_changed_is_left_out(tmp_path: Path) -> None:
    found = recorded(tmp_path)
    (function,) = found.functions
    wrong, right = function.trials
    for edits in ((Edit(0, 0, "import os\n"), *right.edits), (Edit(0, 999, ""),)):
        changed = replace(function, trials=(wrong, replace(right, edits=edits)))
        again = replay(replace(found, functions=(changed,)), NAME, FILE)
        assert texts(again.proposers[0]) == [WRONG_FILE]
        assert again.note.startswith("1 of the recorded versions")
