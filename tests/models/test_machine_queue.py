"""The queue of model calls that several processes share: real processes, one file."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from perfbot.optimizer.call_queue import CancelledError, Queued, Turns
from perfbot.optimizer.machine_queue import MachineQueue
from perfbot.optimizer.models import Priority

PERSON, SCAN = Priority.PERSON, Priority.SCAN
PATIENCE_S = 60.0

# Calls one after the other: says when each begins and ends, in a file that all of them append to.
CALLS = """
import sys, time
from pathlib import Path
from perfbot.optimizer.machine_queue import MachineQueue

file, slots, priority, count, hold_s, told = sys.argv[1:]
queue = MachineQueue(Path(file), int(slots))
for _ in range(int(count)):
    with queue.turn(int(priority)), open(told, "a") as log:
        log.write(f"+{priority}\\n"); log.flush()
        time.sleep(float(hold_s))
        log.write(f"-{priority}\\n")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "calls.json"


def process(file: Path, priority: int, count: int, hold_s: float, told: Path, slots: int = 1):
    arguments = [str(each) for each in (file, slots, int(priority), count, hold_s, told)]
    return subprocess.Popen([sys.executable, "-c", CALLS, *arguments])


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_grants_turns_as_the_queue_of_one_process_does(file: Path) -> None:
    queue: Turns = MachineQueue(file, slots=1)
    with queue.turn(SCAN) as turn:
        assert not turn.lifted
    assert json.loads(file.read_text())["calls"] == []


def test_no_more_calls_run_on_the_machine_than_there_are_slots(file: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    running = [process(file, each, 4, 0.01, told, slots=2) for each in (PERSON, SCAN, SCAN, SCAN)]
    assert [each.wait(PATIENCE_S) for each in running] == [0, 0, 0, 0]
    now = most = 0
    for line in told.read_text().splitlines():
        now += 1 if line.startswith("+") else -1
        most = max(most, now)
    assert (now, len(told.read_text().splitlines())) == (0, 32)
    assert most <= 2


def test_a_person_of_one_process_goes_before_the_waiting_scan_of_another(
    file: Path, tmp_path: Path
) -> None:
    told, queue = tmp_path / "told", MachineQueue(file, slots=1)
    with queue.turn(PERSON):
        scan = process(file, SCAN, 2, 0.0, told)
        until(lambda: queue.waiting == 1)
        person = process(file, PERSON, 1, 0.0, told)
        until(lambda: queue.waiting == 2)
    assert (scan.wait(PATIENCE_S), person.wait(PATIENCE_S)) == (0, 0)
    assert told.read_text().split() == ["+0", "-0", "+10", "-10", "+10", "-10"]


def test_the_oldest_is_lifted_across_processes(file: Path, tmp_path: Path) -> None:
    told, queue = tmp_path / "told", MachineQueue(file, slots=1, patience=1)
    order: list[str] = []

    def call(name: str, priority: int) -> None:
        with queue.turn(priority) as turn:
            order.append(f"{name}{' lifted' * turn.lifted}")

    calls = [("scan", SCAN), ("first", PERSON), ("second", PERSON)]
    threads = [threading.Thread(target=call, args=each) for each in calls]
    with queue.turn(PERSON):
        for waiting, thread in enumerate(threads, 1):
            thread.start()
            until(lambda waiting=waiting: queue.waiting == waiting)
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == ["first", "scan lifted", "second"]
    assert not told.exists()


def test_a_process_that_dies_holds_no_slot(file: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    dying = process(file, PERSON, 1, 600, told)
    until(told.exists)
    until(lambda: told.read_text() == "+0\n")
    dying.kill()
    dying.wait()
    with MachineQueue(file, slots=1).turn(SCAN):
        pass


def test_a_process_of_the_same_number_is_not_the_one_that_died(file: Path) -> None:
    file.parent.mkdir()
    call = {"key": "k", "number": 0, "priority": 0, "process": os.getpid(), "began": "1"}
    held = {"arrived": 1, "passed_over": 0, "calls": [{**call, "running": True, "lifted": False}]}
    file.write_text(json.dumps(held))
    with MachineQueue(file, slots=1).turn(SCAN):
        pass


@pytest.mark.parametrize("held", ["", "{", "[]", "null", '{"calls": [1]}', '{"calls": 3}'])
def test_a_file_that_holds_nothing_of_use_is_begun_anew(file: Path, held: str) -> None:
    file.parent.mkdir()
    file.write_text(held)
    with MachineQueue(file, slots=1).turn(SCAN):
        pass


def test_a_line_that_was_lost_is_joined_again(file: Path) -> None:
    queue, had_its_turn = MachineQueue(file, slots=1), threading.Event()

    def wait() -> None:
        with queue.turn(SCAN):
            had_its_turn.set()

    waiting = threading.Thread(target=wait)
    with queue.turn(PERSON):
        waiting.start()
        until(lambda: queue.waiting == 1)
        file.unlink()
        assert had_its_turn.wait(PATIENCE_S)
    waiting.join(PATIENCE_S)


def test_a_cancelled_call_leaves_the_line(file: Path) -> None:
    queue, given_up = MachineQueue(file, slots=1), threading.Event()
    left = threading.Event()

    def wait() -> None:
        with pytest.raises(CancelledError), queue.turn(SCAN, given_up):
            pass
        left.set()

    waiting = threading.Thread(target=wait)
    with queue.turn(PERSON):
        waiting.start()
        until(lambda: queue.waiting == 1)
        given_up.set()
        queue.wake()
        assert left.wait(PATIENCE_S)
        assert queue.waiting == 0
        with pytest.raises(CancelledError), queue.turn(SCAN, given_up):
            pass
    waiting.join(PATIENCE_S)


def test_a_model_can_be_queued_in_it(file: Path) -> None:
    from test_call_queue import ASKED, Sampling, Scripted

    queued = Queued(Scripted(), MachineQueue(file, slots=1))
    assert queued.ask(ASKED, Sampling()).text == "?"


def test_without_a_file_that_can_be_written_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("no folder")
    queue = MachineQueue(tmp_path / "taken" / "calls.json", slots=1)
    with queue.turn(PERSON), queue.turn(SCAN) as turn:
        assert not turn.lifted


def test_there_is_at_least_one_slot(file: Path) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        MachineQueue(file, slots=0)
