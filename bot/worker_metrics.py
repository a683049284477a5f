"""What a worker counts, in the format of Prometheus, and whether it is well; served where the operator asks.

Jobs and steps are counted at the seams ``Work`` and ``JobEngine``: what stands behind them knows nothing
of it. Labels come from closed lists and from perfbot's own words, so that strangers cannot grow them.
"""

import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from perfbot.bot.database import DatabaseError
from perfbot.bot.deliveries import Json
from perfbot.bot.jobs import (
    MOST_ATTEMPTS,
    POISONED,
    Action,
    DurableJobs,
    Job,
    JobEngine,
    JobState,
    LiveJob,
    Stopped,
    Work,
)
from perfbot.bot.triggers import KINDS

WELL = "ok\n"
UNWELL = "The inbox was last gone through {silent_s:.0f} s ago.\n"
NOWHERE = "There are /metrics and /healthz.\n"
_SILENT_S = 30.0
_OTHER = "other"
_BOUNDS_S = (0.1, 0.5, 1, 5, 15, 60, 180, 600, 1800, 3600)
_FIRST_WORD = re.compile(r"[a-z]{1,20}")
_POISONED = POISONED.format(attempts=MOST_ATTEMPTS + 1)
_PLAIN = "text/plain; charset=utf-8"

_log = logging.getLogger("perfbot.worker")


class WorkerMetrics:
    """The counters of one worker, and when it last went through the inbox."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.jobs = Counter(
            "perfbot_jobs",
            "Jobs that ended here by kind and state",
            ("kind", "state"),
            registry=registry,
        )
        self.running = Gauge(
            "perfbot_jobs_running", "Jobs that run here by kind", ("kind",), registry=registry
        )
        self.steps = Histogram(
            "perfbot_step_seconds",
            "Time that steps took by the first word of their name",
            ("step",),
            buckets=_BOUNDS_S,
            registry=registry,
        )
        self._troubles = Counter(
            "perfbot_worker_troubles", "Looks into the inbox that failed", registry=registry
        )
        self._swept_s = time.monotonic()
        self._ending = threading.Event()

    def swept(self) -> None:
        """Say that the worker went through the inbox."""
        self._swept_s = time.monotonic()

    def troubled(self) -> None:
        """Say that it could not."""
        self._troubles.inc()

    def silent_s(self) -> float:
        """Return how long ago it last did."""
        return time.monotonic() - self._swept_s

    def watch(self, engine: DurableJobs) -> None:
        """Ask an engine at every scrape what waits and whether it is in touch."""
        self._registry.register(_EngineGauges(engine))

    def end(self) -> None:
        """Say that the worker ends: jobs that are interrupted from now on go on elsewhere."""
        self._ending.set()

    def stopped(self, kind: str) -> None:
        """Count a job that was interrupted, unless its worker ends."""
        if not self._ending.is_set():
            self.jobs.labels(kind, JobState.STOPPED).inc()

    def page(self) -> bytes:
        """Return what Prometheus reads."""
        return generate_latest(self._registry)


@dataclass(frozen=True, slots=True)
class _EngineGauges(Collector):
    engine: DurableJobs

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the gauges without asking the database."""
        yield GaugeMetricFamily("perfbot_worker_in_touch", "0: others take over its jobs")
        yield GaugeMetricFamily(
            "perfbot_jobs_waiting", "Jobs that wait in the queue of all workers"
        )

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges as they are now; what waits is left out while it cannot be asked."""
        in_touch, waiting = self.describe()
        in_touch.add_metric([], float(not self.engine.lost))
        yield in_touch
        with suppress(DatabaseError):
            waiting.add_metric([], self.engine.waiting())
            yield waiting


@dataclass(frozen=True, slots=True)
class MeasuredWork:
    """Work that is counted."""

    work: Work
    metrics: WorkerMetrics

    def run(self, job: Job, engine: JobEngine) -> None:
        """See ``Work``."""
        kind = _kind(job)
        with self.metrics.running.labels(kind).track_inprogress():
            try:
                self.work.run(job, _MeasuredEngine(engine, self.metrics))
            except Exception:
                self.metrics.jobs.labels(kind, JobState.FAILED).inc()
                raise
            except BaseException:  # JobStopped, or the engine's own
                self.metrics.stopped(kind)
                raise
        self.metrics.jobs.labels(kind, JobState.DONE).inc()

    def give_up(self, job: Job, why: str) -> None:
        """See ``Work``; what failed was counted when it did."""
        self.work.give_up(job, why)
        if why == _POISONED:
            self.metrics.jobs.labels(_kind(job), JobState.POISONED).inc()


@dataclass(frozen=True, slots=True)
class _MeasuredEngine:
    """The engine as a job sees it; the time of a step that was done before a crash is not counted again."""

    engine: JobEngine
    metrics: WorkerMetrics

    def enqueue(self, job: Job) -> None:
        self.engine.enqueue(job)

    def cancel(self, job_id: str) -> None:
        self.engine.cancel(job_id)

    def status(self, job_id: str) -> JobState | None:
        return self.engine.status(job_id)

    def live(self, lane: str) -> tuple[LiveJob, ...]:
        return self.engine.live(lane)

    def waiting(self) -> int:
        return self.engine.waiting()

    def step(self, name: str, action: Action) -> Json:
        word = _FIRST_WORD.match(name)
        seconds = self.metrics.steps.labels(word[0] if word else _OTHER)

        def timed(stopped: Stopped) -> Json:
            with seconds.time():
                return action(stopped)

        return self.engine.step(name, timed)


def _kind(job: Job) -> str:
    kind = job.task.get("kind")
    return kind if isinstance(kind, str) and kind in KINDS else _OTHER


@contextmanager
def served(metrics: WorkerMetrics, listening: socket) -> Iterator[None]:
    """Answer /metrics and /healthz on a socket that is bound, in threads of its own."""
    with _Server(metrics, listening) as server:
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        _log.info("metrics at %s:%s", *listening.getsockname()[:2])
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, metrics: WorkerMetrics, listening: socket) -> None:
        super().__init__(listening.getsockname()[:2], _Visit, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.metrics = metrics


class _Visit(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5

    def do_GET(self) -> None:
        metrics = self.server.metrics
        if self.path == "/metrics":
            self._say(200, metrics.page(), CONTENT_TYPE_PLAIN_0_0_4)
        elif self.path != "/healthz":
            self._say(404, NOWHERE.encode())
        elif (silent_s := metrics.silent_s()) < _SILENT_S:
            self._say(200, WELL.encode())
        else:
            self._say(503, UNWELL.format(silent_s=silent_s).encode())

    def _say(self, status: int, body: bytes, kind: str = _PLAIN) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: scrapes would fill the log."""
