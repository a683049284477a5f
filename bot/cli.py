"""The ``perfbot`` command.

Each verb's module is imported when it is asked for, so that ``--help`` and wrong usage answer at
once. This is the outermost layer: what nobody else caught ends here, as an exit code and a sentence.
"""

import os
import signal
import sys
import traceback
from argparse import (
    SUPPRESS,
    Action,
    ArgumentParser,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from types import FrameType

from perfbot.bot import options, serving_options
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.foreign_text import guarded_output, shown
from perfbot.bot.scratch import temporary_files

DESCRIPTION = "Finds slow Python functions, makes them faster, proves it, and writes the patch."
EXITS = """\
exit codes:
  0 ran to its end (verify: accepted)    2 wrong usage or configuration
  3 the repository cannot be used        4 no safe sandbox
  10 verify: rejected    11 verify: inconclusive    130 interrupted
  1 a bug in perfbot itself
"""
BUG = "This is a bug in perfbot. Please report it with the lines above."
NO_SERVER = "the bot needs {name}, which is not installed: pip install 'perfbot[server]'"
INTERRUPTED = "Interrupted; nothing was left running or half-written."


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that perfbot does: how to ask for it and what runs then."""

    name: str
    help: str
    declare: Callable[[ArgumentParser], None]
    start: Callable[[Namespace], Exit]


def _init(chosen: Namespace) -> Exit:
    from perfbot.bot import init

    return init.run(options.InitOptions.read(chosen))


def _optimize(chosen: Namespace) -> Exit:
    from perfbot.bot import optimize

    return optimize.run(options.OptimizeOptions.read(chosen))


def _profile(chosen: Namespace) -> Exit:
    from perfbot.bot import profile

    return profile.run(options.ProfileOptions.read(chosen))


def _plan(chosen: Namespace) -> Exit:
    from perfbot.bot import plan

    return plan.run(options.PlanOptions.read(chosen))


def _verify(chosen: Namespace) -> Exit:
    from perfbot.bot import verify

    return verify.run(options.VerifyOptions.read(chosen))


def _doctor(chosen: Namespace) -> Exit:
    from perfbot.bot import doctor

    return doctor.run(options.DoctorOptions.read(chosen))


def _export(chosen: Namespace) -> Exit:
    from perfbot.bot import export

    return export.run(options.ExportOptions.read(chosen))


def _action(_chosen: Namespace) -> Exit:
    from perfbot.bot import action, optimize

    return action.run(optimize.report_of)


def _serve_models(chosen: Namespace) -> Exit:
    from perfbot.bot import serve_models

    return serve_models.run(serving_options.ServeModelsOptions.read(chosen))


def _serve(chosen: Namespace) -> Exit:
    from perfbot.bot.kept_in_memory import keep_in_memory

    keep_in_memory()
    with _server_extra():
        from perfbot.bot import serve
    return serve.run(serving_options.ServeOptions.read(chosen))


def _worker(chosen: Namespace) -> Exit:
    from perfbot.bot.kept_in_memory import keep_in_memory

    keep_in_memory()
    with _server_extra():
        from perfbot.bot import worker
    return worker.run(serving_options.WorkerOptions.read(chosen))


def _create_app(chosen: Namespace) -> Exit:
    with _server_extra():
        from perfbot.bot import app_create
    return app_create.run(serving_options.AppCreateOptions.read(chosen))


@contextmanager
def _server_extra() -> Iterator[None]:
    """Say how to install what the bot needs beyond the command line."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise RunError(Exit.USAGE, NO_SERVER.format(name=error.name)) from None


def _nothing(_parser: ArgumentParser) -> None:
    """Declare no arguments."""


VERBS = (
    Verb(
        "optimize",
        "find slow functions, make them faster, prove it",
        options.OptimizeOptions.declare,
        _optimize,
    ),
    Verb(
        "profile", "show where the workload's time goes", options.ProfileOptions.declare, _profile
    ),
    Verb("plan", "list what could be done about one function", options.PlanOptions.declare, _plan),
    Verb("verify", "judge a patch, whoever wrote it", options.VerifyOptions.declare, _verify),
    Verb(
        "doctor",
        "try what this machine offers: sandbox, Python, noise, tools",
        options.DoctorOptions.declare,
        _doctor,
    ),
    Verb(
        "models",
        "serve a model of one's own: perfbot models serve",
        serving_options.ServeModelsOptions.declare,
        _serve_models,
    ),
    Verb(
        "export",
        "write training data from the runs that this machine keeps",
        options.ExportOptions.declare,
        _export,
    ),
    Verb("action", "run as a step of a GitHub workflow", _nothing, _action),
    Verb("serve", "receive GitHub's webhooks", serving_options.ServeOptions.declare, _serve),
    Verb("worker", "work on what webhooks ask for", serving_options.WorkerOptions.declare, _worker),
    Verb(
        "app",
        "register a GitHub App of one's own: perfbot app create",
        serving_options.AppCreateOptions.declare,
        _create_app,
    ),
    Verb("init", "write a commented .perfbot.yml", options.InitOptions.declare, _init),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; ``arguments`` default to the process's own.

    Raises SystemExit, with code 0 or 2, where argparse has answered.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a character must not end a run
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        chosen = parser(VERBS).parse_args(arguments)
        start: Callable[[Namespace], Exit] = chosen.start
        # The step of a workflow has commands of its own to print, and stops others meanwhile.
        with nullcontext() if start is _action else guarded_output(), temporary_files():
            code = start(chosen)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _ended(Exit.INTERRUPTED, INTERRUPTED)
    except RunError as error:
        return _ended(error.code, f"perfbot: {error}")
    except BrokenPipeError:
        return _reader_left()
    except Exception:
        return _ended(Exit.BUG, f"{traceback.format_exc()}\n{BUG}")
    return code


def parser(verbs: Sequence[Verb]) -> ArgumentParser:
    """Build the command line of these verbs."""
    top = ArgumentParser(
        "perfbot",
        description=DESCRIPTION,
        epilog=EXITS,
        allow_abbrev=False,
        formatter_class=RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=_Version, help="print the version and exit")
    below = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in verbs:
        one = below.add_parser(
            verb.name, help=verb.help, description=verb.help.capitalize() + ".", allow_abbrev=False
        )
        verb.declare(one)
        one.set_defaults(start=verb.start)
    return top


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C, so that every ``finally`` cleans up."""
    raise KeyboardInterrupt


def _ended(code: Exit, message: str) -> Exit:
    with suppress(OSError):
        sys.stderr.write(shown(message) + "\n")
        sys.stderr.flush()
    return code


def _reader_left() -> Exit:
    """Standard output was closed by its reader; what is still buffered must not raise at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.INTERRUPTED


class _Version(Action):
    """Looks the version up only when asked: reading the metadata takes time."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest=SUPPRESS, default=SUPPRESS, nargs=0, help=help)

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: object, option: object = None
    ) -> None:
        from importlib.metadata import version

        print(f"perfbot {version('perfbot')}")
        parser.exit()
