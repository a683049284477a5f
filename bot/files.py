"""Files written together: all of them, whole, or none."""

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write every file, each by replacing it in one step; an existing file keeps its mode.

    All contents are on the disk before the first file is replaced, so a full disk or a folder that
    cannot be written to leaves everything as it was. Raises OSError, and lets KeyboardInterrupt
    through; temporary files are removed in every case.
    """
    waiting: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            waiting[path] = _written_beside(path, content)
        for path in contents:
            waiting[path].replace(path)
            del waiting[path]
    finally:
        for temporary in waiting.values():
            temporary.unlink(missing_ok=True)


def _written_beside(path: Path, content: bytes) -> Path:
    handle, name = tempfile.mkstemp(prefix=".perfbot-", dir=path.parent)
    try:
        with open(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(_mode(path))
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    return Path(name)


def _mode(path: Path) -> int:
    """Return the mode of an existing file, else the usual one less the process's mask."""
    with suppress(FileNotFoundError):
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0o077)  # the mask cannot be asked for without setting it
    os.umask(mask)
    return 0o666 & ~mask
