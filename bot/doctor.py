"""``perfbot doctor``: what this machine offers, tried rather than assumed."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.text import Text

from perfbot.bot.config import Operator, load, process_environment
from perfbot.bot.connect import told_by_exit_code
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.operator_models import Offered, offered
from perfbot.bot.options import DoctorOptions
from perfbot.bot.output import print_document
from perfbot.bot.report import Noise, dumped
from perfbot.bot.words import visible
from perfbot.optimizer.endpoint import Endpoint
from perfbot.optimizer.models import Message, ModelError, Role, Sampling
from perfbot.profiling import counters, environment, noise, sandbox
from perfbot.profiling.benchmark import MeasurementError
from perfbot.profiling.environment import NoInterpreter
from perfbot.profiling.probe import Finding, probe
from perfbot.profiling.sandbox import Level, Sandbox, SandboxError, ToolError, run_tool

WILL_BE_BUILT = "none found in the repository: one is built from its metadata when it is needed"
NOT_THERE = "not installed ({use})"
NOISE = "a function measured against itself: {low:.3f}–{high:.3f}× (99 % interval, {pairs} pairs)"
NO_NOISE = "not measured: {why}"
COUNTS = "counted by {name}"
COUNTS_NOT = "not counted: {why}"
NO_MODELS = "none offered in {file}: the embedded catalogue plans and writes"
ANSWERS = "{model} answered in {seconds:.2f} s"
UNPROVEN = "the sandbox did not hold: do not run code here that you do not trust"
_USES = {
    "git": "needed by verify and for the commit in a report",
    "uv": "builds environments faster than pip",
    "valgrind": "counts instructions where perf cannot",
    "perf": "counts instructions",
}
_TINY = [Message(Role.USER, "Answer with one word: ready?")]
_TINY_SAMPLING = Sampling(max_tokens=256)  # a reasoning model needs some for itself
_LONGEST_S = 30.0  # for an endpoint; a model that is loaded first has its own limit
_GIBI = 1 << 30
_TOOL_S = 30.0
_LITTLE_GIBI = 1.0


@dataclass(frozen=True, slots=True)
class SandboxState:
    """The level in force (None: no safe one), what an attack on it met, why not a stronger one."""

    level: Level | None
    promises: tuple[Finding, ...]
    not_available: dict[str, str]

    @property
    def holds(self) -> bool:
        """Whether there is a level and every promise held."""
        return self.level is not None and all(each.held for each in self.promises)


@dataclass(frozen=True, slots=True)
class Found:
    """Something looked for: what it is called, whether it can be used, and what there is to say."""

    name: str
    usable: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that perfbot writes to, and the room there in bytes."""

    use: str
    path: str
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that the doctor found; ``noise`` is None where it could not be measured."""

    schema: int
    perfbot: str
    python: str
    os: str
    sandbox: SandboxState
    target: Found
    tools: tuple[Found, ...]
    counters: Found
    models: tuple[Found, ...]
    noise: Noise | None
    noise_detail: str
    folders: tuple[Folder, ...]


def run(options: DoctorOptions) -> Exit:
    """Look at this machine and print what was found; exit 4 when no safe sandbox holds."""
    with told_by_exit_code():
        found = diagnosis(options.repository)
    if options.json:
        print_document(dumped(found))
    else:
        _print(found, Console())
    return Exit.DONE if found.sandbox.holds else Exit.NO_SANDBOX


def diagnosis(repository: Path) -> Diagnosis:
    """Try everything; nothing is written to the repository."""
    operator = Operator.from_environment()
    state = _sandbox()
    box = sandbox.strongest(trust=state.level is None)
    measured, detail = _noise(box)
    return Diagnosis(
        schema=1,
        perfbot=version("perfbot"),
        python=f"{platform.python_version()} ({sys.executable})",
        os=platform.platform(),
        sandbox=state,
        target=_target(repository, box, state.level is not None),
        tools=tuple(_tools()),
        counters=_counters(box.level),
        models=tuple(_models(operator)),
        noise=measured,
        noise_detail=detail,
        folders=tuple(_folders(operator)),
    )


def _sandbox() -> SandboxState:
    reasons: dict[str, str] = {}
    for level in (Level.BUBBLEWRAP, Level.LANDLOCK):
        try:
            box = sandbox.at(level)
            return SandboxState(level, probe(box, process_environment()), reasons)
        except SandboxError as error:
            reasons[level.value] = str(error)
    return SandboxState(None, (), reasons)


def _target(repository: Path, box: Sandbox, safe: bool) -> Found:
    """Find the Python that would run the repository's tests; never asked without a sandbox."""
    name = str(repository.absolute())
    if not safe:
        return Found(name, False, "not looked for without a sandbox")
    try:
        configured = load(repository).workload.python
        found = environment.find(repository, configured, process_environment(), box)
    except (RunError, NoInterpreter) as error:
        return Found(name, False, str(error))
    if found is None:
        return Found(name, True, WILL_BE_BUILT)
    return Found(name, True, f"{found.version_text} ({found.executable})")


def _noise(box: Sandbox) -> tuple[Noise | None, str]:
    with tempfile.TemporaryDirectory(prefix="perfbot-", ignore_cleanup_errors=True) as folder:
        try:
            found = noise.of_this_machine(box, Path(folder).resolve())
        except (MeasurementError, NoInterpreter, SandboxError, OSError) as error:
            return None, NO_NOISE.format(why=error)
    text = NOISE.format(low=found.low, high=found.high, pairs=found.pairs)
    return Noise(found.low, found.high, found.pairs), text


def _counters(level: Level) -> Found:
    """Find what the judge would count instructions with, in this very sandbox."""
    found = counters.counter(level)
    if found is None:
        why = counters.why_no_counter(level)
        return Found("instructions", False, COUNTS_NOT.format(why=why))
    return Found("instructions", True, COUNTS.format(name=found.name))


def _models(operator: Operator) -> Iterator[Found]:
    """Ask each model that the operator offers one tiny question."""
    try:
        offer = offered(operator, process_environment())
    except RunError as error:
        yield Found("models", False, str(error))
        return
    yield from map(_answering, offer.models)
    if not offer.models:
        yield Found("models", True, NO_MODELS.format(file=offer.file))


def _answering(offer: Offered) -> Found:
    try:
        model = offer.opened()
        if isinstance(model, Endpoint):
            model = replace(model, timeout_s=min(model.timeout_s, _LONGEST_S))
        reply = model.ask(_TINY, _TINY_SAMPLING)
    except (ModelError, RunError) as error:
        return Found(offer.role, False, str(error))
    return Found(offer.role, True, ANSWERS.format(model=offer.name, seconds=reply.latency_s))


def _tools() -> Iterator[Found]:
    asked: dict[str, Callable[[str], Found]] = {"perf": _perf}
    for name, use in _USES.items():
        path = shutil.which(name)
        if path is None:
            yield Found(name, False, NOT_THERE.format(use=use))
        else:
            yield asked.get(name, _version)(path)


def _version(path: str) -> Found:
    name = Path(path).name
    try:
        said = run_tool([path, "--version"], b"", _TOOL_S).decode(errors="replace")
    except ToolError as error:
        return Found(name, False, str(error))
    return Found(name, True, next(iter(said.splitlines()), "").strip())


def _perf(path: str) -> Found:
    """Count the instructions of a program that does nothing: being installed is not being allowed."""
    true = shutil.which("true") or "/bin/true"
    counted = [path, "stat", "-x,", "--log-fd", "1", "-e", "instructions:u", "--", true]
    try:
        said = run_tool(counted, b"", _TOOL_S).decode(errors="replace")
    except ToolError:
        return Found("perf", False, "may not count here (see kernel.perf_event_paranoid)")
    usable = any(line.partition(",")[0].isdigit() for line in said.splitlines())
    return Found(
        "perf", usable, "counts instructions" if usable else "this processor has no counter"
    )


def _folders(operator: Operator) -> Iterator[Folder]:
    places = {
        "temporary files": Path(tempfile.gettempdir()),
        "environments": operator.cache,
        "reports": operator.state,
    }
    for use, place in places.items():
        there = next((each for each in (place, *place.parents) if each.exists()), Path("/"))
        with suppress(OSError):
            yield Folder(use, str(place), shutil.disk_usage(there).free)


# --- for people ---------------------------------------------------------------------------------


def _print(found: Diagnosis, console: Console) -> None:
    console.print(Text(f"perfbot {found.perfbot}", style="bold"))
    _line(console, True, "Python", found.python)
    _line(console, True, "system", found.os)
    _print_sandbox(found.sandbox, console)
    _line(console, found.target.usable, "target Python", found.target.detail)
    _line(console, found.noise is not None, "noise", found.noise_detail)
    _line(console, found.counters.usable, found.counters.name, found.counters.detail, needed=False)
    for model in found.models:
        _line(console, model.usable, model.name, model.detail)
    for tool in found.tools:
        _line(console, tool.usable, tool.name, tool.detail, needed=tool.name == "git")
    for folder in found.folders:
        room = folder.free_bytes / _GIBI
        text = f"{room:.1f} GiB free in {folder.path}"
        _line(console, room >= _LITTLE_GIBI, folder.use, text)


def _print_sandbox(state: SandboxState, console: Console) -> None:
    if state.level is None:
        _line(console, False, "sandbox", "no safe one")
    elif state.holds:
        text = f"{state.level}: all {len(state.promises)} attempts to break out failed"
        _line(console, True, "sandbox", text)
    else:
        _line(console, False, "sandbox", f"{state.level}: {UNPROVEN}")
    for finding in state.promises:
        _line(console, finding.held, "", f"{finding.name}: {finding.detail}")
    for reason in state.not_available.values():
        _line(console, False, "", reason, needed=False)


def _line(console: Console, good: bool, name: str, text: str, *, needed: bool = True) -> None:
    mark, style = ("✓", "green") if good else (("✗", "red") if needed else ("–", "dim"))
    line = Text.assemble((f"  {mark} ", style), (f"{name:<16}", "bold"), visible(text))
    console.print(line, soft_wrap=True)
