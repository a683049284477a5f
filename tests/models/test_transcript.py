"""Transcripts: what is told is kept, whole and private, and keeping it never harms a run."""

import hashlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import a_run
import pytest
from a_run import FAST, FILE, NAME, SLOW

from perfbot.optimizer import recorder as recorder_module
from perfbot.optimizer import transcript_file
from perfbot.optimizer.models import Finish, Message, Role
from perfbot.optimizer.outcomes import Event, Outcome, patch_key
from perfbot.optimizer.recorded import Certainty, Gain, Judgement, Keep, Transcript, TranscriptError
from perfbot.optimizer.recorder import TOO_MUCH, Recorder
from perfbot.optimizer.redaction import HASHED, Redaction
from perfbot.optimizer.transcript import Store
from perfbot.optimizer.transcript_file import FILE_NAME, MIGRATIONS
from perfbot.optimizer.verdict import Why

PUBLISHED = ["14364267a6f558c5"]
KEY = "a-key-of-the-operator"
AWS = "AKIA" + "ABCDEFGHIJKLMNOP"


def transcript(folder: Path, run: str = "run-1") -> Transcript:
    store = Store.open(folder)
    try:
        return store.transcript(run)
    finally:
        store.close()


def content(folder: Path) -> bytes:
    """All bytes that are kept, those that are not yet in the main file too."""
    return b"".join(path.read_bytes() for path in folder.glob(f"{FILE_NAME}*"))


def another(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """Record in a process of its own."""
    return subprocess.Popen(
        [sys.executable, a_run.__file__, str(folder), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_is_kept_with_all_that_happened(tmp_path: Path) -> None:
    assert a_run.record(tmp_path).trouble == ""
    found = transcript(tmp_path)
    assert (found.run.licence, found.run.settings) == ("MIT", {"usd": "0.5"})
    assert found.run.ended_s is not None
    (function,) = found.functions
    assert (function.name, function.code) == (NAME, SLOW)
    first, second = function.calls
    assert first.messages == (
        Message(Role.SYSTEM, "You are brief."),
        Message(Role.USER, "make it faster"),
    )
    assert (first.reply, first.finish, first.usd) == ("[OPT/] code [/OPT]", Finish.STOP, 0.25)
    assert first.certainty == Certainty(2, -1.0, -1.5)
    assert (first.prompts, first.sampling.stop) == (("system@2", "function@1"), ("x",))
    assert second.purpose == "repair"
    wrong, right = function.trials
    assert (right.code, right.suggestions, right.ratio) == (FAST, a_run.SET, 3.0)
    assert (wrong.why, wrong.ratio) == ("(['a'], []): ['a'], then []", None)
    refused, taken = function.decisions
    assert (refused.judgement, refused.why) == (Judgement.REJECTED, Why.RESULTS_DIFFER)
    assert (taken.judgement, taken.gain) == (Judgement.ACCEPTED, Gain(3.0, 2.5, 3.5, 0.99, 8))
    assert taken.version == right.version
    assert taken.gates == (a_run.GATE,)


def test_a_call_without_a_reply_is_kept_with_its_error(tmp_path: Path) -> None:
    recorder = Recorder(Store.open(tmp_path), a_run.run())
    recorder.begun(NAME, FILE)
    recorder.asked(a_run.failed_call("503"))
    recorder.close()
    (kept,) = transcript(tmp_path).functions[0].calls
    assert (kept.reply, kept.finish, kept.error) == (None, None, "503")


def test_a_verdict_on_a_change_that_was_brought_along_is_kept(tmp_path: Path) -> None:
    recorder = Recorder(Store.open(tmp_path), a_run.run())
    recorder.decided(a_run.decision())
    recorder.close()
    (function,) = transcript(tmp_path).functions
    assert (function.code, function.decisions[0].code) == (SLOW, FAST)


def test_a_prompt_that_is_sent_again_is_stored_once(tmp_path: Path) -> None:
    a_run.record(tmp_path)
    assert content(tmp_path).count(b"You are brief.") == 1


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    mask = os.umask(0)
    try:
        store = Store.open(folder)
        store.begin(a_run.run())
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        store.close()
    finally:
        os.umask(mask)
    assert set(files.values()) == {0o600}
    assert {f"{FILE_NAME}{end}" for end in ("", "-wal", "-shm")} < files.keys()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_beginning_of_a_run_s_name_is_enough_while_it_is_the_only_one(tmp_path: Path) -> None:
    for name in ("20261201-a1", "20261201-b2"):
        a_run.record(tmp_path, a_run.run(name))
    assert transcript(tmp_path, "20261201-b").run.run == "20261201-b2"
    for name, why in (("2026", "several runs"), ("2027", "has no run"), ("", "has no run")):
        with pytest.raises(TranscriptError, match=why):
            transcript(tmp_path, name)


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    writers = [another(tmp_path, name, 150) for name in ("one", "two")]
    for writer in writers:
        out, err = writer.communicate(timeout=60)
        assert (writer.returncode, out) == (0, "begun\n\n"), err
    for name in ("one", "two"):
        (function,) = transcript(tmp_path, f"{name}-run").functions
        asked = [each.messages[1].text.split(" x")[0] for each in function.calls]
        assert asked == [f"{name} question {number}" for number in range(150)]


def test_a_process_that_is_killed_while_it_writes_leaves_whole_rows(tmp_path: Path) -> None:
    writer = another(tmp_path, "killed", 0)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "begun\n"
    for _ in range(1000):
        if b"question 20 " in content(tmp_path):
            break
        time.sleep(0.01)
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    found = transcript(tmp_path, "killed-run")
    assert found.run.ended_s is None
    texts = [each.messages[1].text for each in found.functions[0].calls]
    assert len(texts) > 10
    assert texts == [f"killed question {at} " + "x" * 500 for at in range(len(texts))]
    assert a_run.record(tmp_path).trouble == ""


def test_a_full_disk_ends_the_recording_and_not_the_run(tmp_path: Path) -> None:
    out, err = another(tmp_path, "full", 3000, 300_000).communicate(timeout=60)
    assert out.startswith("begun\n"), err
    assert "cannot be used" in out
    assert out.count("\n") == 2
    kept = transcript(tmp_path, "full-run").functions[0].calls
    assert 0 < len(kept) < 3000


def test_a_file_that_others_hold_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript_file, "BUSY_S", 0.2)
    store = Store.open(tmp_path)
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    recorder = Recorder(store, a_run.run())
    a_run.tell(recorder)
    recorder.close()
    holder.close()
    assert "locked" in recorder.trouble


def test_more_than_can_be_written_ends_the_recording_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MOST_WAITING", 5)
    store = Store.open(tmp_path)
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    recorder = Recorder(store, a_run.run())
    for _ in range(10):
        recorder.asked(a_run.call())
    assert recorder.trouble == TOO_MUCH
    holder.close()
    recorder.close()


def test_what_is_told_after_trouble_is_not_kept(tmp_path: Path) -> None:
    """A transcript with a hole in it would be replayed as if it were whole."""
    store = Store.open(tmp_path)
    recorder = Recorder(store, a_run.run())
    recorder.begun(NAME, FILE)
    recorder.tried(a_run.Trial(NAME, "a", "b", (), None, "", 1.0))  # type: ignore[arg-type]
    recorder.tried(a_run.trial())
    recorder.close()
    assert recorder.trouble
    assert transcript(tmp_path).functions[0].trials == ()


def test_a_file_of_a_newer_perfbot_is_refused_and_left_alone(tmp_path: Path) -> None:
    a_run.record(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(TranscriptError, match="its schema is 99"):
        Store.open(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize(
    "broken", [b"no database at all " * 500, b"SQLite format 3\0" + b"\1" * 9000]
)
def test_a_broken_file_is_moved_aside_and_that_is_said(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(broken)
    store = Store.open(tmp_path)
    (aside,) = tmp_path.glob(f"{FILE_NAME}.broken-*")
    assert aside.name in store.note
    assert aside.read_bytes() == broken
    store.begin(a_run.run())
    assert [each.run for each in store.runs()] == ["run-1"]
    store.close()


def test_a_file_that_breaks_during_a_run_is_moved_aside(tmp_path: Path) -> None:
    a_run.record(tmp_path)
    with (tmp_path / FILE_NAME).open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * (os.path.getsize(tmp_path / FILE_NAME) - 4096))
    recorder = a_run.record(tmp_path, a_run.run("run-2"))
    assert "is broken" in recorder.trouble
    assert list(tmp_path.glob(f"{FILE_NAME}.broken-*"))
    assert a_run.record(tmp_path, a_run.run("run-3")).trouble == ""
    assert transcript(tmp_path, "run-3").functions


def test_migrations_that_were_published_are_never_changed() -> None:
    digests = [hashlib.sha256("\n".join(each).encode()).hexdigest()[:16] for each in MIGRATIONS]
    assert digests[: len(PUBLISHED)] == PUBLISHED


def test_a_migration_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_run.record(tmp_path)
    before = transcript(tmp_path)
    added = (*MIGRATIONS, ("ALTER TABLE runs ADD COLUMN host TEXT",))
    monkeypatch.setattr(transcript_file, "MIGRATIONS", added)
    assert transcript(tmp_path) == before
    with sqlite3.connect(tmp_path / FILE_NAME) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    raw.close()


def test_secrets_never_reach_the_file(tmp_path: Path) -> None:
    recorder = Recorder(Store.open(tmp_path, Redaction(frozenset({KEY}))), a_run.run())
    recorder.begun(NAME, FILE.replace("LIMIT = 3", f'LIMIT = "{AWS}"'))
    recorder.asked(a_run.call(f"the key is {KEY}", f"{AWS} and {KEY}"))
    recorder.asked(a_run.failed_call(KEY))
    recorder.tried(a_run.trial(FAST_WITH_KEY, f"{KEY}: 1, then 2"))
    recorder.decided(a_run.decision(FAST_WITH_KEY, a_run.Rejected(Why.CRASHED, KEY, ())))
    recorder.close()
    assert recorder.trouble == ""
    assert KEY.encode() not in content(tmp_path)
    assert AWS.encode() not in content(tmp_path)
    (kept, failed) = transcript(tmp_path).functions[0].calls
    assert kept.messages[1].text == "the key is [redacted]"
    assert (kept.reply, failed.error) == ("[redacted] and [redacted]", "[redacted]")


FAST_WITH_KEY = a_run.FAST_FILE.replace("known = set(stock)", f"known = set(stock)  # {KEY} {AWS}")


def test_on_request_source_text_is_kept_as_hashes_only(tmp_path: Path) -> None:
    a_run.record(tmp_path, a_run.run(keeps=Keep.REDACTED), Redaction(source=True))
    kept = content(tmp_path)
    for text in (b"stock", b"found.append", b"make it faster", b"[OPT/]", b"['a']"):
        assert text not in kept
    (function,) = transcript(tmp_path).functions
    assert function.code.startswith(HASHED)
    assert function.calls[0].messages[1].text.startswith(HASHED)
    assert function.trials[1].suggestions[0].strategy == a_run.SET[0].strategy
    assert function.decisions[1].gain is not None


def test_what_a_later_run_keeps_does_not_bring_back_what_an_earlier_one_did_not(
    tmp_path: Path,
) -> None:
    a_run.record(tmp_path, a_run.run(keeps=Keep.REDACTED), Redaction(source=True))
    a_run.record(tmp_path, a_run.run("run-2"))
    assert transcript(tmp_path).functions[0].code.startswith(HASHED)
    assert transcript(tmp_path, "run-2").functions[0].code == SLOW


def test_text_that_cannot_be_encoded_is_kept_with_escapes(tmp_path: Path) -> None:
    recorder = Recorder(Store.open(tmp_path), a_run.run())
    recorder.begun(NAME, FILE)
    recorder.asked(a_run.call("half a pair \ud800", "\0 and \udfff"))
    recorder.close()
    assert recorder.trouble == ""
    (kept,) = transcript(tmp_path).functions[0].calls
    assert kept.messages[1].text == "half a pair \\ud800"
    assert kept.reply == "\0 and \\udfff"


def test_what_became_of_a_proposal_is_kept_and_people_only_as_hashes(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    key = patch_key({"shop.py": (b"a", b"b")})
    for event, who in ((Event.PROPOSED, ""), (Event.LIKED, "octocat"), (Event.MERGED, "octocat")):
        store.add_outcome(Outcome("me/shop", event, 1.0, key, "perfbot/1", who))
    store.add_outcome(Outcome("me/other", Event.CLOSED, 2.0, key, edited="def f(): pass"))
    mine = store.outcomes("me/shop")
    assert [each.event for each in mine] == [Event.PROPOSED, Event.LIKED, Event.MERGED]
    assert mine[1].who == mine[2].who != ""
    assert store.outcomes()[-1].edited == "def f(): pass"
    store.close()
    assert b"octocat" not in content(tmp_path)


def test_a_patch_is_named_by_its_paths_and_contents() -> None:
    both = {"a.py": (b"1", b"2"), "b.py": (None, b"3")}
    assert patch_key(both) == patch_key(dict(reversed(both.items())))
    others = [{"a.py": (b"1", b"2")}, {**both, "b.py": (b"", b"3")}, {**both, "b.py": (None, b"4")}]
    assert len({patch_key(each) for each in [both, *others]}) == 4
