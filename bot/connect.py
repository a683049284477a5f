"""From what the user said to what a session needs, and the errors of both worlds brought together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from perfbot.bot.config import Accept, Config, Operator, process_environment
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.history import past_commits
from perfbot.bot.operator_models import chosen, offered
from perfbot.bot.options import Behalf
from perfbot.bot.transcripts import identified, learned, remembered
from perfbot.optimizer.case import Terms
from perfbot.optimizer.journal import Journal, Unkept
from perfbot.optimizer.models import Priority, Roles
from perfbot.optimizer.preparation import Request, UnknownFunction
from perfbot.optimizer.readability import Limits
from perfbot.optimizer.recorded import Transcript
from perfbot.optimizer.routing import Rule
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.hotspots import ProfileError
from perfbot.profiling.install_policy import TRUST_VARIABLE, Policy, Trust
from perfbot.profiling.sandbox import SandboxError, strongest
from perfbot.profiling.tree import UnusableRepository

_UNKEPT = Unkept()
_NOBODY = Behalf()


def request(
    repository: Path,
    config: Config,
    operator: Operator,
    *,
    functions: tuple[str, ...] = (),
    time_s: float | None = None,
    trust: bool = False,
    profile: Path | None = None,
    python: Path | None = None,
    journal: Journal = _UNKEPT,
    replay: Transcript | None = None,
    hint: str = "",
    behalf: Behalf = _NOBODY,
) -> Request:
    """Return what a session is asked for.

    Raises:
        RunError: the configuration asks for what is not there.
        SandboxError: no safe sandbox is here and the repository is not trusted.
    """
    allowed = frozenset(each.value for each in config.allow)
    models = _models(config, operator) if replay is None else None
    identity = identified(repository, behalf.known_as)
    return Request(
        repository=repository,
        sandbox=strongest(trust=trust),
        cache=operator.cache,
        environ=_environment(behalf),
        terms=lambda path: _terms(config.accept_for(path), allowed),
        workload=config.workload,
        include=config.paths.include,
        exclude=config.paths.exclude,
        functions=tuple(FunctionName.parse(each) for each in functions),
        at_most=config.hotspots.at_most,
        min_share=config.hotspots.min_share,
        time_s=config.budget.time_s if time_s is None else time_s,
        candidates=config.budget.candidates,
        refinement=config.models.feedback,
        profile=profile,
        python=python,
        models=models,
        rule=learned(identity, operator, models.larger.name)
        if models and models.larger
        else Rule(),
        replay=replay,
        journal=journal,
        pairs=remembered(identity, operator),
        history=lambda function: past_commits(repository, function),
        hint=hint,
        priority=Priority.SCAN if behalf.scan else Priority.PERSON,
        identity=identity,
    )


def _environment(behalf: Behalf) -> dict[str, str]:
    """Return the process's environment with whose code it is; raises RunError for wrong settings."""
    environ = process_environment()
    if behalf.stranger:
        environ[TRUST_VARIABLE] = Trust.FORK
    try:
        Policy.of(environ)
    except ValueError as error:
        raise RunError(Exit.USAGE, str(error)) from None
    return environ


def _models(config: Config, operator: Operator) -> Roles | None:
    roles = chosen(config.models, offered(operator, process_environment()), config.budget.usd)
    return replace(roles, most_tokens=config.budget.tokens) if roles else None


def _terms(accept: Accept, allowed: frozenset[str]) -> Terms:
    return Terms(
        accept.min_speedup,
        accept.confidence,
        accept.max_memory_ratio,
        Limits(
            accept.max_complexity_increase,
            accept.max_length_ratio,
            accept.max_nesting_increase,
            accept.keep,
        ),
        allowed,
        accept.objective,
        accept.min_kill_rate,
        tolerance=accept.tolerance,
    )


@contextmanager
def told_by_exit_code() -> Iterator[None]:
    """Turn the errors of a session into the exit codes of the command line."""
    try:
        yield
    except SandboxError as error:
        raise RunError(Exit.NO_SANDBOX, str(error)) from error
    except UnusableRepository as error:
        raise RunError(Exit.REPOSITORY, str(error)) from error
    except (UnknownFunction, ProfileError) as error:
        raise RunError(Exit.USAGE, str(error)) from error
    except OSError as error:
        raise RunError(Exit.REPOSITORY, _disk(error)) from error


def _disk(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return (
        f"the run could not go on: {error.strerror or error}{where}. perfbot works in the folder for "
        "temporary files; make room there or set TMPDIR to a folder that has some"
    )
