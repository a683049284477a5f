"""What the webhook server holds: nothing lost, quick answers, flat memory, no work for nonsense.

    python benchmarks/bot.py                     # the figures of benchmarks/bot.md, about 3 minutes
    python benchmarks/bot.py --deliveries 400 --fuzzed 500      # to see that it works

Every part runs against a real ``perfbot serve`` in a process of its own, over HTTP on loopback, with
the secret and the headers that GitHub would use:

* load: signed deliveries at a steady rate; in the middle the server is killed (SIGKILL) and started
  again; what got no answer is sent once more, as the reconciler will.
* nonsense: signatures, headers, encodings, deep and huge JSON, wrong types in every field that counts.
* events: every example that GitHub's users have published, as it is and as an App gets it.
* stop: from the moment that a job is stopped to the death of its subprocess, in a real worker.
"""

import argparse
import gzip
import http.client
import json
import logging
import os
import random
import re
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "bot"))

from perfbot.bot.deliveries import EVENTS, Json
from perfbot.bot.inbox import Inbox, State
from perfbot.bot.jobs import Action, Job, JobState
from perfbot.bot.sweeper import sweep

from bot_process import Server, Worker, comment_payload, headers_for, ledger_lines, wait_for

EXAMPLES: dict[str, list[dict[str, Any]]] = json.loads(
    gzip.decompress((ROOT / "tests/bot/data/webhook_examples.json.gz").read_bytes())
)
SENDERS = 16


class CountingEngine:
    """Takes jobs and does none: the sweeper cannot tell it from a real one."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}

    def enqueue(self, job: Job) -> None:
        self.jobs[job.id] = job

    def cancel(self, job_id: str) -> None:
        del self.jobs[job_id]

    def status(self, job_id: str) -> JobState | None:
        return JobState.WAITING if job_id in self.jobs else None

    def waiting(self) -> int:
        return 0

    def step(self, name: str, action: Action) -> Json:
        raise NotImplementedError(name)


@dataclass
class Answer:
    id: str
    status: int | None  # None: the connection broke
    duration_s: float


class Site:
    """A server, its inbox, and a way to restart it at the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server(folder)
        self.port = self.server.port
        self.inbox = Inbox(f"sqlite:///{folder}/perfbot/bot/deliveries.sqlite")

    def kill_and_restart(self) -> None:
        self.server.kill()
        self.server = Server(self.folder, arguments=["--listen", f"127.0.0.1:{self.port}"])

    def post(self, body: bytes, headers: dict[str, str], id: str = "") -> Answer:
        begun_s = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/webhook", body, headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            status = None
        finally:
            connection.close()
        return Answer(id, status, time.perf_counter() - begun_s)

    def resident_bytes(self) -> int | None:
        """Return the server's resident memory; None while it is dead."""
        with suppress(OSError):
            status = Path(f"/proc/{self.server.popen.pid}/status").read_text()
            if found := re.search(r"VmRSS:\s+(\d+) kB", status):
                return int(found[1]) * 1024
        return None

    def swept(self) -> CountingEngine:
        engine = CountingEngine()
        while sweep(self.inbox, engine):
            pass
        return engine

    def close(self) -> None:
        self.server.kill()
        self.inbox.close()


def load(deliveries: int, per_second: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        samples: list[int | None] = []
        ids = [str(uuid.uuid4()) for _ in range(deliveries)]
        begun_s = time.perf_counter()

        def send(number: int) -> Answer:
            time.sleep(max(0.0, begun_s + number / per_second - time.perf_counter()))
            body = json.dumps(comment_payload(number + 1) | {"filler": "x" * 8000}).encode()
            if number % (deliveries // 20) == 0:
                samples.append(site.resident_bytes())
            return site.post(body, headers_for(body, delivery=ids[number]), ids[number])

        killer = threading.Timer(deliveries / per_second / 2, site.kill_and_restart)
        killer.start()
        with ThreadPoolExecutor(SENDERS) as pool:
            answers = list(pool.map(send, range(deliveries)))
        killer.join()
        lasted_s = time.perf_counter() - begun_s
        acknowledged = [one for one in answers if one.status == 204]
        lost = [one.id for one in acknowledged if not site.inbox.state(one.id)]
        again = [send(number) for number, one in enumerate(answers) if one.status != 204]
        jobs = site.swept().jobs
        missing = [id for id in ids if not site.inbox.state(id)]
        site.close()
    times_ms = sorted(one.duration_s * 1000 for one in acknowledged)
    after = [one for one in samples[len(samples) // 2 + 3 :] if one]
    return [
        f"deliveries sent: {deliveries} at {deliveries / lasted_s:.0f}/s; acknowledged: "
        f"{len(acknowledged)}; broken by the kill: {len(answers) - len(acknowledged)}",
        f"acknowledged and lost: {len(lost)}; sent again: {len(again)}; missing at the end: {len(missing)}",
        f"jobs: {len(jobs)} (one a delivery)",
        f"time to answer, ms: median {statistics.median(times_ms):.1f}, "
        f"p99 {times_ms[int(len(times_ms) * 0.99)]:.1f}, longest {times_ms[-1]:.1f}",
        f"resident memory after the restart, MiB: first {after[0] / 2**20:.1f}, last {after[-1] / 2**20:.1f}",
    ]


Spoiler = Callable[[random.Random], tuple[bytes, dict[str, str]]]
COUNTS = {  # the fields of a comment without which it starts no work
    ("action",), ("installation",), ("installation", "id"), ("repository",), ("repository", "id"),
    ("repository", "full_name"), ("issue",), ("issue", "number"), ("comment",), ("comment", "id"),
    ("comment", "body"), ("comment", "user"), ("comment", "user", "id"), ("comment", "user", "login"),
    ("comment", "created_at"), ("sender",), ("sender", "id"), ("sender", "type"),
}  # fmt: skip
WRONG: list[Any] = [
    None,
    True,
    -1,
    1.5,
    10**30,
    "",
    "\ud800",
    "\0",
    [],
    {},
    [[]],
    {"id": "x"},
    "x" * 2000,
]


def wrong_type(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    """Spoil one field that counts; what is taken out again could be right by accident."""
    payload = json.loads(json.dumps(comment_payload()))
    *path, name = chance.choice(sorted(COUNTS))
    inner = payload
    for part in path:
        inner = inner[part]
    right = inner[name]
    inner[name] = chance.choice(
        [one for one in WRONG if not isinstance(one, type(right)) or not one]
    )
    if isinstance(right, str) and chance.random() < 0.5:
        del inner[name]
    body = json.dumps(payload).encode()
    return body, headers_for(body)


def wrong_signature(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(comment_payload()).encode()
    right = headers_for(body)
    name = "X-Hub-Signature-256"
    spoiled = chance.choice(
        [
            right[name][:-1],
            right[name].replace("sha256", "sha1"),
            right[name].upper(),
            "sha256=" + chance.randbytes(32).hex(),
            "sha256=" + "\xe9" * 64,
            "",
            right[name] + "," + right[name],
        ]
    )
    return body, right | {name: spoiled}


def wrong_header(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(comment_payload()).encode()
    headers = headers_for(body)
    name = chance.choice(
        ["Content-Type", "X-GitHub-Delivery", "X-GitHub-Event", "X-Hub-Signature-256"]
    )
    if chance.random() < 0.3:
        del headers[name]
    else:
        headers[name] = "".join(chance.choice("ab/;=,'\"\x80\xff .%\t") for _ in range(20)) + "!"
    return body, headers


def wrong_encoding(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    text = json.dumps(comment_payload(text="/optimize é"), ensure_ascii=False)
    body = chance.choice(
        [
            text.encode("utf-16"),
            text.encode("latin-1"),
            text.encode("utf-8-sig"),
            b"payload=" + text.encode(),
            gzip.compress(text.encode()),
            chance.randbytes(200),
            text.encode()[: chance.randrange(1, 200)],
        ]
    )
    return body, headers_for(body)


def wrong_shape(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    depth = chance.choice([65, 500, 5_000, 100_000])
    huge = chance.choice([10_000, 1_000_000])
    body = chance.choice(
        [
            b'{"a":' * depth + b"1" + b"}" * depth,
            b'{"a":' + b"[" * depth + b"]" * depth + b"}",
            b"[" * depth,
            b'{"a":' + b"9" * huge + b"}",
            b'{"a":1e' + b"9" * 50 + b"}",
            b'{"a":"' + b"x" * huge + b'"}',
            b'{"a":[' + b"1," * huge + b"1]}",
            b"null",
            b"[]",
            b"{}",
            b'{"a":NaN}',
        ]
    )
    return body, headers_for(body)


def nonsense(count: int) -> list[str]:
    kinds: Sequence[Spoiler] = (
        wrong_type,
        wrong_signature,
        wrong_header,
        wrong_encoding,
        wrong_shape,
    )
    chance = random.Random(5)
    statuses: Counter[tuple[str, int | None]] = Counter()
    lock = threading.Lock()
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))

        def send(number: int) -> None:
            with lock:
                kind = kinds[number % len(kinds)]
                body, headers = kind(chance)
            answer = site.post(body, headers)
            with lock:
                statuses[kind.__name__, answer.status] += 1

        resident = [site.resident_bytes() or 0]
        with ThreadPoolExecutor(4) as pool:
            for quarter in range(4):
                list(pool.map(send, range(count * quarter // 4, count * (quarter + 1) // 4)))
                resident.append(site.resident_bytes() or 0)
        jobs = site.swept().jobs
        alive = site.server.get("/healthz")[0]
        unreadable = len(site.inbox.oldest(count, State.UNREADABLE))
        site.close()
    failures = sum(n for (_kind, status), n in statuses.items() if status is None or status >= 500)
    return [
        f"nonsense sent: {count}; answers of 500 and above, or none: {failures}; jobs: {len(jobs)}",
        "answers: "
        + ", ".join(
            f"{kind} {status} × {n}" for (kind, status), n in sorted(statuses.items(), key=str)
        ),
        f"kept, then found unreadable: {unreadable}; the server still answers: {alive}",
        "resident memory before and after each quarter, MiB: "
        + ", ".join(f"{one / 2**20:.1f}" for one in resident),
    ]


def events() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        statuses: Counter[int | None] = Counter()
        for event, payloads in EXAMPLES.items():
            for payload in payloads:
                for sent in (payload, {"installation": {"id": 5}} | payload):
                    body = json.dumps(sent).encode()
                    statuses[site.post(body, headers_for(body, event)).status] += 1
        jobs = site.swept().jobs
        site.close()
    kinds = Counter(str(job.task["kind"]) for job in jobs.values())
    return [
        f"event types: {len(EXAMPLES)}, of which {len(EVENTS & EXAMPLES.keys())} may start work; "
        f"payloads: {sum(statuses.values())}; answers: {dict(statuses)}",
        f"jobs: {len(jobs)} ({', '.join(f'{kind} {n}' for kind, n in sorted(kinds.items()))})",
    ]


def one_stop(site: Site, ledger: Path, number: int) -> float:
    """Start a job, stop it, and return the seconds until its subprocess was dead."""
    job = f"asked-7-{number}"
    site.server.deliver(comment_payload(number))
    line = wait_for(lambda: [x for x in ledger_lines(ledger) if x.startswith(f"{job} pid ")])[0]
    process = Path("/proc") / line.split()[-1]
    begun_s = time.perf_counter()
    site.server.deliver(comment_payload(number + 1000, f"/perfbot stop {job}"))
    wait_for(lambda: not process.exists())
    return time.perf_counter() - begun_s


def stop(times: int) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site = Site(folder)
        ledger = folder / "ledger"
        worker = Worker(folder, ledger, "--mode", "subprocess")
        took_s = [one_stop(site, ledger, number) for number in range(1, times + 1)]
        worker.kill()
        site.close()
    return [
        f"stops: {times}; from the delivery of the comment to the death of the subprocess, s: "
        f"median {statistics.median(took_s):.2f}, longest {max(took_s):.2f}"
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--deliveries", type=int, default=5000)
    arguments.add_argument("--rate", type=int, default=200, help="deliveries a second")
    arguments.add_argument("--fuzzed", type=int, default=20_000)
    arguments.add_argument("--stops", type=int, default=10)
    chosen = arguments.parse_args()
    logging.disable()  # the sweeper would tell each delivery that it cannot read
    parts: dict[str, Callable[[], list[str]]] = {
        "load": lambda: load(chosen.deliveries, chosen.rate),
        "nonsense": lambda: nonsense(chosen.fuzzed),
        "events": events,
        "stop": lambda: stop(chosen.stops),
    }
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    for name, part in parts.items():
        print(f"\n{name}", flush=True)
        for line in part():
            print(f"- {line}", flush=True)


if __name__ == "__main__":
    main()
