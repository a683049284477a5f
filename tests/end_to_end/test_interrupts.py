"""Ctrl-C and SIGTERM in every phase: exit 130, nothing left running, nothing half-written."""

import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from home import SHOP, Home, a_home, processes_with, repository, snapshot

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TRANSCRIPT = {"transcripts.lock", "transcripts.sqlite"}  # closed: no journal of SQLite's beside it
PHASES = {
    "copying the repository": signal.SIGINT,
    "preparing its Python": signal.SIGTERM,
    "running the tests as they are": signal.SIGINT,
    "profiling": signal.SIGTERM,
    "recording calls": signal.SIGINT,
    "measuring this machine's noise": signal.SIGTERM,
    "searching shop.py::missing": signal.SIGINT,
    "judging shop.py::missing": signal.SIGTERM,
}


@dataclass(frozen=True)
class Stopped:
    code: int
    err: str
    leftovers: list[str]
    running: list[str]
    state: list[str]
    untouched: bool


def stopped(home: Home, folder: Path, phase: str, number: signal.Signals) -> Stopped:
    """Start the main job, send a signal (to the whole group, as a terminal does) in a phase."""
    repository(folder, SHOP, git=True)
    before = snapshot(folder)
    process = home.start("optimize", folder, "--function", "shop.py::missing")
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if line.strip() == f"· {phase}":
            break
    time.sleep(0.15)  # well inside the phase
    if number is signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    said.append(process.communicate(timeout=120)[1])
    return Stopped(
        process.returncode,
        "".join(said),
        home.leftovers(),
        processes_with([str(home.folder)]),
        [path.name for path in (home.folder / "state").rglob("*") if path.is_file()],
        snapshot(folder) == before,
    )


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, shared_cache: Path
) -> dict[str, "Future[Stopped]"]:
    """Run all at once: each mostly waits for its phase."""
    with ThreadPoolExecutor(len(PHASES)) as pool:
        return {
            phase: pool.submit(
                stopped,
                a_home(tmp_path_factory.mktemp("home"), shared_cache),
                tmp_path_factory.mktemp("stopped") / "repository",
                phase,
                number,
            )
            for phase, number in PHASES.items()
        }


@pytest.mark.parametrize("phase", PHASES)
def test_a_run_can_be_ended_in_every_phase(runs: dict[str, "Future[Stopped]"], phase: str) -> None:
    found = runs[phase].result()
    assert f"· {phase}" in found.err
    assert found.code == 130, found.err
    assert found.err.endswith("Interrupted; nothing was left running or half-written.\n")
    assert found.leftovers == []
    assert found.running == []
    assert set(found.state) == TRANSCRIPT
    assert found.untouched


def test_an_impatient_second_ctrl_c_leaves_nothing_either(home: Home, tmp_path: Path) -> None:
    folder = repository(tmp_path / "repository", SHOP)
    process = home.start("profile", folder)
    assert process.stderr is not None
    for line in process.stderr:
        if "running the tests" in line:
            break
    for _ in range(4):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.01)
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert home.leftovers() == []
    deadline = time.monotonic() + 30  # those whose end was not waited for are ended all the same
    while processes_with([str(home.folder)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_with([str(home.folder)]) == []
