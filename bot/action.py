"""perfbot as steps of a GitHub workflow: one that measures and one that publishes.

The composite action (action.yml) hands its inputs over as ``PERFBOT_*`` variables, because an expression
inside a ``run:`` script would let a branch name run commands. The step that measures runs code of the
repository and never has a token; the step that publishes has one and runs nothing. What goes from the first
to the second lies in the report folder and is read like a stranger's.
"""

import os
import secrets
import sys
import traceback
from collections.abc import Callable, Mapping
from enum import StrEnum

from perfbot.bot import action_event, action_inputs, action_summary
from perfbot.bot.action_inputs import Inputs
from perfbot.bot.action_measure import Measured, Work, measure
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.markdown import fenced

BUG = "This is a bug in perfbot. Please report it with the lines above."
NO_GITHUB = "the Action's second step needs {name}, which its first step installs: pip install 'perfbot[action]'"


class Stage(StrEnum):
    """The steps of the Action that run perfbot."""

    MEASURE = "measure"
    PUBLISH = "publish"


def run(stage: Stage, work: Work, environ: Mapping[str, str] = os.environ) -> Exit:
    """Do one step as the workflow asks for and hand its result to the runner.

    Until it has ended, errors included, the runner is told to take nothing in the log for a command, as
    repository text may stand in it.
    """
    steps: dict[Stage, Callable[[], Exit]] = {
        Stage.MEASURE: lambda: _measure(environ, work),
        Stage.PUBLISH: lambda: _publish(environ),
    }
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        return steps[stage]()
    except RunError as error:
        action_summary.write_summary(
            environ, action_summary.NO_RESULT.format(message=fenced(str(error), "text"))
        )
        return _ended(error.code, f"perfbot: {error}")
    except Exception:
        return _ended(Exit.BUG, f"{traceback.format_exc()}\n{BUG}")
    finally:
        sys.stderr.flush()
        print(f"::{token}::", flush=True)


def _measure(environ: Mapping[str, str], work: Work) -> Exit:
    inputs = action_inputs.read(environ)
    found = measure(inputs, action_event.read(environ), work)
    if found.summary:
        action_summary.write_summary(environ, found.summary)
    action_summary.write_outputs(environ, {**found.outputs, "publish": _publishes(inputs, found)})
    return found.code


def _publishes(inputs: Inputs, found: Measured) -> str:
    """Say whether the next step is to run; without a token it would have nothing to do it with."""
    return "true" if found.publishable and inputs.token_given else "false"


def _publish(environ: Mapping[str, str]) -> Exit:
    try:
        from perfbot.bot import action_github
    except ModuleNotFoundError as error:
        raise RunError(Exit.USAGE, NO_GITHUB.format(name=error.name)) from None
    inputs, event = action_inputs.read(environ), action_event.read(environ)
    outcome = action_github.publish(inputs, event, environ)
    lines = "\n".join(f"- {line}" for line in outcome.lines)
    action_summary.write_summary(environ, action_summary.PUBLISHED.format(lines=lines))
    action_summary.write_outputs(environ, outcome.outputs)
    return Exit.DONE


def _ended(code: Exit, message: str) -> Exit:
    sys.stderr.write(message + "\n")
    return code
