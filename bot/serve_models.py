"""``perfbot models serve``: a model directory served to perfbot, until Ctrl-C.

The engine's own words go to standard error; standard output has the lines for ``models.yml``.
"""

import sys
from pathlib import Path

from perfbot.bot.config import Operator, process_environment
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.operator_models import FILE_NAME, offered
from perfbot.bot.serving_options import ServeModelsOptions
from perfbot.optimizer.engine import Engine
from perfbot.optimizer.local import LocalModel
from perfbot.optimizer.model_directory import LONGEST_TOKENS
from perfbot.optimizer.serving import (
    Served,
    Server,
    ServerKind,
    Serving,
    ServingError,
    running,
)

NO_MODEL = (
    "which model? Name its folder (perfbot models serve MODEL_DIR), or give {roles} a directory: in "
    "{file}"
)
NO_KEY = "--key-env names {name}, which is not set"
NO_KEY_FILE = "--key-file {file} cannot be read: {why}"
EMPTY_KEY = "the server's key is empty"
STARTING = "Starting {engine} for {directory}; large weights take minutes. Ctrl-C ends it.\n"
READY = "Ready at {url}. In {file}:\n"
ENDED = "{engine} ended by itself (exit status {status}); it says above why"
_PLANNER_TOKENS = 8192  # a plan is five lines


def run(options: ServeModelsOptions) -> Exit:
    """Serve until interrupted; nothing is left running.

    Raises:
        RunError: there is no model, no engine, no key or no such address, or the server ended.
    """
    operator = Operator.from_environment()
    file = operator.configuration / FILE_NAME
    serving = _serving(options, operator)
    told = {"engine": serving.kind.value, "directory": serving.directory}
    try:
        with running(serving, process_environment()) as server:
            sys.stderr.write(STARTING.format(**told))
            sys.stderr.flush()
            server.wait_until_healthy(within_s=float("inf"))
            sys.stderr.write(READY.format(url=server.url, file=file))
            print("\n".join(_lines(options, server)), flush=True)
            status = server.wait()
    except ServingError as error:
        raise RunError(Exit.USAGE, str(error)) from None
    raise RunError(Exit.USAGE, ENDED.format(status=status, **told))


def _serving(options: ServeModelsOptions, operator: Operator) -> Serving:
    plans_only = options.roles == ("planner",)
    return Serving(
        directory=options.directory or _named(options.roles, operator),
        kind=ServerKind(options.engine),
        python=options.python and options.python.absolute(),
        host=options.host,
        port=options.port,
        key=_key(options),
        most_tokens=_PLANNER_TOKENS if plans_only else LONGEST_TOKENS,
        options=options.engine_options,
    )


def _named(roles: tuple[str, ...], operator: Operator) -> Path:
    """Return the first model directory that the operator's file names for one of the roles."""
    offer = offered(operator, process_environment())
    for each in offer.models:
        if each.role in roles:
            match each.opened():
                case Served(serving=serving):
                    return serving.directory
                case LocalModel(directory=directory) | Engine(directory=directory):
                    return directory
    raise RunError(Exit.USAGE, NO_MODEL.format(roles=" or ".join(roles), file=offer.file))


def _key(options: ServeModelsOptions) -> str:
    """Return the key that the server asks for; ``""``: none."""
    if options.key_env is None and options.key_file is None:
        return ""
    if options.key_env is not None:
        key = process_environment().get(options.key_env)
        if key is None:
            raise RunError(Exit.USAGE, NO_KEY.format(name=options.key_env))
    else:
        key = _read(Path(options.key_file or ""))
    if not key.strip():
        raise RunError(Exit.USAGE, EMPTY_KEY)
    return key.strip()


def _read(file: Path) -> str:
    try:
        return file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(Exit.USAGE, NO_KEY_FILE.format(file=file, why=error)) from None


def _lines(options: ServeModelsOptions, server: Server) -> list[str]:
    """Return what to write into the operator's file so that perfbot asks this server."""
    parts = [f'url: "{server.url}"', f'model: "{server.serving.model}"']
    if server.serving.kind is ServerKind.VLLM:
        parts.append("priorities: true")
    if options.key_env is not None:
        parts.append(f"key_env: {options.key_env}")
    if options.key_file is not None:
        parts.append(f'key_file: "{options.key_file.absolute()}"')
    offer = ", ".join(["backend: openai", *parts])
    return [f"{role}: {{{offer}}}" for role in options.roles]
