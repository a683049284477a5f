"""What a worker says of itself to those who watch over it: a real worker, real jobs, real HTTP."""

import http.client
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from perfbot.bot.deliveries import Json
from perfbot.bot.exits import Exit
from perfbot.bot.jobs import FAILED, MOST_ATTEMPTS, POISONED, Action, Job
from perfbot.bot.serving_options import WorkerOptions
from perfbot.bot.triggers import Priority
from perfbot.bot.worker_metrics import MeasuredWork, WorkerMetrics

from bot_process import TESTS, Server, Worker, comment_payload, wait_for

KIND = {"kind": "CommandAccepted"}


class Watched(Worker):
    """A worker with an address for its metrics."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        super().__init__(
            folder, folder / "ledger", "--metrics", "127.0.0.1:0", "--dead-after", "2s", *arguments
        )
        self.port = int(self.said(r"metrics at 127\.0\.0\.1:(\d+)")[1])

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def value(self, name: str, **labels: str) -> float | None:
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                if (sample.name, sample.labels) == (name, labels):
                    return sample.value
        return None


@pytest.fixture
def deliver(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.kill()


@pytest.mark.parametrize(("mode", "state"), [("plain", "done"), ("failing", "failed")])
def test_jobs_are_counted_by_kind_and_how_they_ended(
    deliver: Server, tmp_path: Path, mode: str, state: str
) -> None:
    worker = Watched(tmp_path, "--mode", mode, "--steps", "2")
    assert worker.value("perfbot_worker_in_touch") == 1
    assert worker.value("perfbot_jobs_waiting") == 0
    assert deliver.deliver(comment_payload()) == 204
    wait_for(lambda: worker.value("perfbot_jobs_total", state=state, **KIND))
    assert worker.value("perfbot_jobs_total", state=state, **KIND) == 1
    assert worker.value("perfbot_jobs_running", **KIND) == 0
    assert worker.value("perfbot_step_seconds_count", step="step") == 2
    worker.end()


def test_running_and_waiting_jobs_are_shown_and_a_stopped_one_is_counted(
    deliver: Server, tmp_path: Path
) -> None:
    (tmp_path / "ledger.hold").write_text("step 1")
    worker = Watched(tmp_path, "--steps", "1")
    for number in (1, 2):
        deliver.deliver(comment_payload(number))
    wait_for(lambda: worker.value("perfbot_jobs_running", **KIND))
    wait_for(lambda: worker.value("perfbot_jobs_waiting") == 1)
    deliver.deliver(comment_payload(3, "/perfbot stop asked-7-1"))
    wait_for(lambda: worker.value("perfbot_jobs_total", state="stopped", **KIND))
    worker.kill()


def test_a_job_whose_worker_ends_is_not_counted_as_stopped() -> None:
    class Ending:
        def run(self, job: Job, engine: object) -> None:
            raise KeyboardInterrupt

        def give_up(self, job: Job, why: str) -> None: ...

    metrics = WorkerMetrics()
    metrics.end()
    with pytest.raises(KeyboardInterrupt):
        MeasuredWork(Ending(), metrics).run(job(), object())  # type: ignore[arg-type]
    assert b'state="' not in metrics.page()


def test_a_poisoned_job_is_counted_when_it_is_given_up_and_a_failed_one_when_it_fails() -> None:
    told: list[str] = []

    class Sorry:
        def run(self, job: Job, engine: object) -> None: ...

        def give_up(self, job: Job, why: str) -> None:
            told.append(why)

    metrics = WorkerMetrics()
    for why in (FAILED.format(why="it"), POISONED.format(attempts=MOST_ATTEMPTS + 1)):
        MeasuredWork(Sorry(), metrics).give_up(job(), why)
    assert len(told) == 2
    assert b'perfbot_jobs_total{kind="CommentCreated",state="poisoned"} 1.0' in metrics.page()
    assert b'state="failed"' not in metrics.page()


def test_a_worker_is_well_while_it_goes_through_the_inbox(deliver: Server, tmp_path: Path) -> None:
    worker = Watched(tmp_path)
    assert worker.get("/healthz") == (200, "ok\n")
    assert worker.get("/elsewhere")[0] == 404
    assert "perfbot_worker_troubles_total 0.0" in worker.get("/metrics")[1]
    with sqlite3.connect(tmp_path / "perfbot" / "bot" / "deliveries.sqlite") as inbox:
        inbox.execute("ALTER TABLE perfbot_deliveries RENAME TO elsewhere")
    inbox.close()
    wait_for(lambda: worker.value("perfbot_worker_troubles_total"))
    worker.kill()


def test_a_worker_that_went_through_nothing_for_long_is_unwell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from perfbot.bot import worker_metrics
    from perfbot.bot.serve import bound

    monkeypatch.setattr(worker_metrics, "_SILENT_S", 0.0)
    listening = bound("127.0.0.1", 0, "--metrics")
    port = listening.getsockname()[1]
    with worker_metrics.served(WorkerMetrics(), listening):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (
            503,
            b"The inbox was last gone through 0 s ago.\n",
        )
        connection.close()


def test_without_the_option_nothing_listens(tmp_path: Path) -> None:
    worker = Worker(tmp_path, tmp_path / "ledger")
    assert worker.end() == Exit.INTERRUPTED
    assert not [line for line in worker.lines if "metrics at" in line]
    assert WorkerOptions().metrics is None


def test_an_address_that_is_taken_is_said_with_its_option(deliver: Server, tmp_path: Path) -> None:
    taken = f"127.0.0.1:{deliver.port}"
    argv = [
        sys.executable,
        str(TESTS / "ledger_worker.py"),
        str(tmp_path / "l"),
        "--metrics",
        taken,
    ]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == Exit.USAGE
    assert f"{taken} cannot be listened on" in ended.stderr
    assert "choose another with --metrics" in ended.stderr


@pytest.mark.parametrize(
    ("name", "label"),
    [("judge src/a.py::f", "judge"), ("step 1", "step"), ("12", "other"), ("Ünder", "other"),
     ("a" * 100, "a" * 20)],
)  # fmt: skip
def test_a_step_is_counted_under_the_first_word_of_its_name(name: str, label: str) -> None:
    class Engine:
        def step(self, name: str, action: Action) -> Json:
            return action(lambda: False)

    class OneStep:
        def run(self, job: Job, engine: Engine) -> None:
            assert engine.step(name, lambda stopped: "done") == "done"

        def give_up(self, job: Job, why: str) -> None: ...

    metrics = WorkerMetrics()
    MeasuredWork(OneStep(), metrics).run(job(), Engine())  # type: ignore[arg-type]
    assert f'perfbot_step_seconds_count{{step="{label}"}} 1.0' in metrics.page().decode()


@pytest.mark.parametrize("kind", ["<script>", 7, None])
def test_a_kind_that_perfbot_does_not_know_makes_no_label_of_its_own(kind: Json) -> None:
    class Nothing:
        def run(self, job: Job, engine: object) -> None: ...

        def give_up(self, job: Job, why: str) -> None: ...

    metrics = WorkerMetrics()
    strange = Job("comment-1-1", "repository-1", Priority.PERSON, {"kind": kind})
    MeasuredWork(Nothing(), metrics).run(strange, object())  # type: ignore[arg-type]
    assert 'perfbot_jobs_total{kind="other",state="done"} 1.0' in metrics.page().decode()


def job() -> Job:
    return Job("comment-1-1", "repository-1", Priority.PERSON, {"kind": "CommentCreated"})
