"""One folder for all temporary files of a run, which goes away with the run, whatever ends it."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from perfbot.bot.exits import Exit, RunError

NO_ROOM = (
    "no folder for temporary files can be made: {why}. Make room, or set TMPDIR to a folder that can "
    "be written to and has some"
)

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def temporary_files() -> Iterator[None]:
    """Let everything that ``tempfile`` makes inside the block lie in one folder, and remove that.

    A signal may end the removal of a part anywhere; the removal of the whole is not interrupted.
    Raises RunError where no folder can be made.
    """
    before = tempfile.tempdir
    try:
        folder = tempfile.mkdtemp(prefix="perfbot-")
    except OSError as error:
        raise RunError(Exit.REPOSITORY, NO_ROOM.format(why=error.strerror or error)) from error
    try:
        tempfile.tempdir = folder
        yield
    finally:
        handlers = {each: signal.signal(each, signal.SIG_IGN) for each in _ENDING}
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)
        for each, handler in handlers.items():
            signal.signal(each, handler)
