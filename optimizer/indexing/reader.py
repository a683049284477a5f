"""What one Python file defines, imports, inherits and uses, read with ``ast`` alone.

Nothing is imported or run, and what cannot be read says why.
"""

import ast
import hashlib
from pathlib import Path

from perfbot.optimizer.indexing.facts import FileFacts
from perfbot.optimizer.indexing.walk import Walk
from perfbot.profiling.source import UnreadableSource, decode_source

MOST_BYTES = 2_000_000
_TOO_LARGE = "it has more than {most:,} bytes"
_BINARY = "it has null bytes"
_NOT_PYTHON = "it is no Python: {why}"
_TOO_DEEP = "it nests too deeply"


class Unindexable(ValueError):  # noqa: N818 - it says what the file is
    """Nothing of a file can be indexed; the message says why."""


def read_file(data: bytes, path: str, module: str) -> FileFacts:
    """Read one file; ``module`` is its dotted name, ``""`` where it cannot be imported.

    Raises:
        Unindexable: it is too large, binary, in another encoding than it says, or no Python.
    """
    if len(data) > MOST_BYTES:
        raise Unindexable(_TOO_LARGE.format(most=MOST_BYTES))
    if b"\0" in data:
        raise Unindexable(_BINARY)
    try:
        text = decode_source(data, Path(path)).text
        text = text.replace("\r\n", "\n").replace("\r", "\n")  # as ast counts lines
        return Walk(path, module, text, ast.parse(text)).facts(digest_of(data))
    except UnreadableSource as problem:
        raise Unindexable(_NOT_PYTHON.format(why=problem.__cause__ or problem)) from problem
    except (SyntaxError, ValueError) as problem:
        raise Unindexable(_NOT_PYTHON.format(why=problem)) from problem
    except (RecursionError, MemoryError) as problem:
        raise Unindexable(_TOO_DEEP) from problem


def digest_of(data: bytes) -> bytes:
    """Return the hash by which an index tells whether a file changed."""
    return hashlib.blake2b(data, digest_size=16).digest()
