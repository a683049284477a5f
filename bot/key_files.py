"""Files that hold a key: read only where nobody but their owner can read them."""

import os
import stat
from pathlib import Path

UNREADABLE = "{path} cannot be read: {why}"
NO_TEXT = "it is no text"
OPEN = "{path} can be read by others than its owner (mode {mode:03o}): chmod 600 {path}"
_MOST_BYTES = 16 * 1024
_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyFileError(Exception):
    """A key cannot be had from a file; the message says which file and why, and shows no key."""


def read_key(path: Path) -> str:
    """Return what is written in a file, which is ASCII, up to 16 KiB of it.

    Raises:
        KeyFileError: it cannot be read, or others than its owner can read it too.
    """
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            key = stream.read(_MOST_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else NO_TEXT
        raise KeyFileError(UNREADABLE.format(path=path, why=why)) from None
    if mode & _BY_OTHERS:
        raise KeyFileError(OPEN.format(path=path, mode=mode))
    return key
