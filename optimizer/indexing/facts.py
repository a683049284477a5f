"""What the index keeps of one Python file, before it becomes rows."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a symbol is."""

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"
    METHOD = "method"
    PROPERTY = "property"
    VARIABLE = "variable"  # of a module
    ATTRIBUTE = "attribute"  # of a class, or of ``self``


class Manner(StrEnum):
    """How a name is used."""

    CALL = "call"
    READ = "read"
    WRITE = "write"
    DECORATE = "decorate"
    INHERIT = "inherit"


class Definition(NamedTuple):
    """One symbol; lines count from 1 and include decorators; ``parent`` counts the file's symbols.

    ``value`` is the way to what a variable holds or a function returns, where the text tells.
    """

    qualname: str
    name: str
    kind: Kind
    first_line: int
    end_line: int
    signature: str
    docstring: str
    decorators: str
    parent: int | None
    is_public: bool
    value: str | None = None


class Import(NamedTuple):
    """``from module import name as local``; ``name`` is ``""`` for a module itself, ``"*"`` for all."""

    line: int
    inside: int
    module: str
    name: str
    local: str


class Use(NamedTuple):
    """A name in the text of the symbol of that number; ``way`` (see scopes.py) may be unknown."""

    line: int
    inside: int
    manner: Manner
    name: str
    way: str | None


class Base(NamedTuple):
    """A base of the class of that number, in the order of the text."""

    symbol: int
    place: int
    name: str
    way: str | None


class FileFacts(NamedTuple):
    """All that the index keeps of one file; ``source`` is its text, compressed by zlib."""

    path: str
    module: str
    digest: bytes
    lines: int
    source: bytes
    symbols: Sequence[Definition]
    words: Sequence[str]  # of each symbol's name and signature, with spaces between (words.py)
    imports: Sequence[Import]
    uses: Sequence[Use]
    bases: Sequence[Base]


class Unindexable(ValueError):  # noqa: N818 - it says what the file is
    """Nothing of a file can be indexed; the message says why."""
