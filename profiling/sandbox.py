"""The door to other processes."""

import subprocess
from collections.abc import Sequence


class ToolError(Exception):
    """A tool that perfbot itself brings could not be run or did not answer."""


def run_tool(argv: Sequence[str], stdin: bytes, timeout_s: float) -> bytes:
    """Run a trusted tool of perfbot's own with an empty environment and return its standard output.

    Raises:
        ToolError: it cannot be started, takes longer than ``timeout_s``, or exits with an error.
    """
    try:
        done = subprocess.run(
            list(argv), input=stdin, capture_output=True, timeout=timeout_s, env={}, check=True
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()[-500:]
        raise ToolError(f"{argv[0]} exited with {error.returncode}: {said}") from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{argv[0]} gave no answer within {timeout_s:g} s") from error
    except OSError as error:
        raise ToolError(f"{argv[0]} cannot be started: {error}") from error
    return done.stdout
