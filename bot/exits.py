"""How a run ends: the exit codes that other programs rely on, and the one way to end early."""

from enum import IntEnum


class Exit(IntEnum):
    """perfbot's exit codes; numbers and meanings are a contract."""

    DONE = 0
    """Ran to its end; for ``verify``: the patch is accepted."""
    BUG = 1
    """perfbot itself is wrong; never used for anything else."""
    USAGE = 2
    """Wrong usage or configuration."""
    REPOSITORY = 3
    """The repository cannot be used: no interpreter, collection fails, nothing that runs passes."""
    NO_SANDBOX = 4
    """No safe sandbox on this machine."""
    REJECTED = 10
    """``verify``: the patch is rejected."""
    INCONCLUSIVE = 11
    """``verify``: neither proven nor disproven."""
    INTERRUPTED = 130
    """Ended by Ctrl-C or SIGTERM."""


class RunError(Exception):
    """The run cannot go on; the message says what was tried, on what, and what to do."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code
