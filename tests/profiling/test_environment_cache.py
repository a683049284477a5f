"""Entries are whole, unchanged and bounded, whatever other processes do at the same time."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perfbot.profiling import environment_cache
from perfbot.profiling.environment_cache import kept


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test is a process that uses nothing yet."""
    monkeypatch.setattr(environment_cache, "_used", {})
    yield
    process_ends()


class Filling:
    """Fills a folder and counts how often."""

    def __init__(self, size_bytes: int = 10) -> None:
        self.size_bytes = size_bytes
        self.count = 0

    def __call__(self, folder: Path) -> None:
        self.count += 1
        folder.mkdir()
        (folder / "lib").mkdir()
        (folder / "lib" / "one.py").write_bytes(b"x" * self.size_bytes)


def process_ends() -> None:
    """Let go of everything, as the end of a process does."""
    for lock in environment_cache._used.values():
        os.close(lock)
    environment_cache._used.clear()


def test_an_entry_is_filled_once(tmp_path: Path) -> None:
    filling = Filling()
    for _ in range(3):
        assert kept(tmp_path / "one", filling) == tmp_path / "one"
        process_ends()
    assert filling.count == 1


def no_note(folder: Path) -> None:
    folder.with_suffix(".complete").unlink()


def broken_note(folder: Path) -> None:
    folder.with_suffix(".complete").write_text('{"digest"')


def a_file_less(folder: Path) -> None:
    (folder / "lib" / "one.py").unlink()


def a_file_more(folder: Path) -> None:
    (folder / "lib" / "two.py").write_text("import os")


def another_content(folder: Path) -> None:
    (folder / "lib" / "one.py").write_text("x" * 9 + "y")


def another_mode(folder: Path) -> None:
    (folder / "lib" / "one.py").chmod(0o777)


def no_folder(folder: Path) -> None:
    for path in (folder / "lib" / "one.py", folder / "lib", folder):
        path.unlink() if path.is_file() else path.rmdir()


@pytest.mark.parametrize(
    "harm",
    [no_note, broken_note, a_file_less, a_file_more, another_content, another_mode, no_folder],
)
def test_what_is_half_written_or_changed_is_begun_afresh(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    filling = Filling()
    kept(tmp_path / "one", filling)
    process_ends()
    time.sleep(0.01)  # files written again within one tick of the clock would look the same
    harm(tmp_path / "one")
    kept(tmp_path / "one", filling)
    assert filling.count == 2
    assert sorted(path.name for path in (tmp_path / "one" / "lib").iterdir()) == ["one.py"]
    assert (tmp_path / "one" / "lib" / "one.py").read_bytes() == b"x" * 10


def test_an_entry_that_somebody_took_away_is_filled_again(tmp_path: Path) -> None:
    filling = Filling()
    kept(tmp_path / "one", filling)
    no_note(tmp_path / "one")
    kept(tmp_path / "one", filling)
    assert filling.count == 2


def test_what_fails_to_fill_is_no_entry(tmp_path: Path) -> None:
    def failing(folder: Path) -> None:
        folder.mkdir()
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path / "one", failing)
    kept(tmp_path / "one", Filling())
    assert not (tmp_path / "one" / "half").exists()


def test_the_longest_unused_entries_make_room(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b", "c")):
        kept(tmp_path / name, Filling(100_000))
        os.utime(tmp_path / f"{name}.complete", (number, number))
    process_ends()
    kept(tmp_path / "a", Filling())
    process_ends()
    kept(tmp_path / "d", Filling(100_000), most_bytes=300_000)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"a", "d"}


OTHER_PROCESS = """
import sys, time
from pathlib import Path
from perfbot.profiling.environment_cache import kept
def fill(folder):
    folder.mkdir()
    (folder / "one").write_text("half")
    time.sleep(0.3)
    (folder / "one").write_text("whole")
    with Path(sys.argv[2]).open("a") as log:
        log.write("filled ")
folder = kept(Path(sys.argv[1]), fill, most_bytes=int(sys.argv[3]))
print((folder / "one").read_text(), flush=True)
sys.stdin.read()
"""


def other(folder: Path, log: Path, most_bytes: int = 1 << 30) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", OTHER_PROCESS, str(folder), str(log), str(most_bytes)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: "subprocess.Popen[str]") -> None:
    process.communicate(timeout=60)


def test_processes_that_start_together_fill_it_once_and_none_sees_it_half_full(
    tmp_path: Path,
) -> None:
    processes = [other(tmp_path / "one", tmp_path / "log") for _ in range(5)]
    said = [first_line(each) for each in processes]
    for each in processes:
        ended(each)
    assert said == ["whole"] * 5
    assert (tmp_path / "log").read_text() == "filled "


def test_what_another_process_uses_is_not_removed(tmp_path: Path) -> None:
    user = other(tmp_path / "used", tmp_path / "log")
    assert first_line(user) == "whole"
    kept(tmp_path / "mine", Filling(), most_bytes=1)
    assert (tmp_path / "used" / "one").is_file()
    ended(user)
    kept(tmp_path / "next", Filling(), most_bytes=1)
    assert not (tmp_path / "used").exists()


def test_a_process_killed_while_filling_leaves_nothing_that_is_used(tmp_path: Path) -> None:
    killed = other(tmp_path / "one", tmp_path / "log")
    while not (tmp_path / "one" / "one").exists():
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    filling = Filling()
    kept(tmp_path / "one", filling)
    assert filling.count == 1
    assert not (tmp_path / "one" / "one").exists()
