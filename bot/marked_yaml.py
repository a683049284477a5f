"""A YAML mapping that remembers where each of its values stands, so that an error can say so.

PyYAML's nodes are read directly instead of being built into dictionaries: a dictionary has lost
the lines, the order and the duplicate keys. Nothing but plain data is understood; anchors, aliases
and tags are refused, and with them every trick that makes a small file large.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

import yaml

from perfbot.bot.durations import parse_duration
from perfbot.bot.exits import Exit, RunError

_LARGEST_BYTES = 64 * 1024
_DEEPEST = 12
_SHOWN_CHARACTERS = 40

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")


class ConfigError(RunError):
    """A configuration file is wrong; ``line`` counts from 1, ``key`` is a path such as ``budget.time``."""

    def __init__(self, file: str, line: int, key: str, problem: str) -> None:
        place = f"{file}:{line}: {key}" if key else f"{file}:{line}"
        super().__init__(Exit.USAGE, f"{place}: {problem}")
        self.file = file
        self.line = line
        self.key = key
        self.problem = problem


def nearest(word: str, words: Sequence[str]) -> str:
    """Return a hint naming the word that was probably meant, or nothing."""
    found = get_close_matches(word, words, n=1, cutoff=0.6)
    return f"; did you mean '{found[0]}'?" if found else ""


def read_mapping(content: bytes, file: str) -> "Section":
    """Read a YAML document that is a mapping (an empty document is an empty mapping).

    ``file`` is named in the ConfigError that is raised for anything else.
    """
    text = _decoded(content, file)
    try:
        _refuse_tricks(text, file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(file, line, "", f"this is no valid YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(file, line, "", "a control character is not allowed here") from None
    if node is None:
        start = yaml.Mark(file, 0, 0, 0, "", 0)
        node = yaml.MappingNode("tag:yaml.org,2002:map", [], start, start)
    return Section(node, file, "")


def _decoded(content: bytes, file: str) -> str:
    if len(content) > _LARGEST_BYTES:
        problem = f"the file has {len(content):,} bytes; at most {_LARGEST_BYTES:,} are read"
        raise ConfigError(file, 1, "", problem)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(file, line, "", "this is not UTF-8; save the file as UTF-8") from None


def _refuse_tricks(text: str, file: str) -> None:
    """Refuse what plain data never has, before anything recursive looks at the document."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise ConfigError(file, line, "", "anchors and aliases (& and *) are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise ConfigError(file, line, "", f"nested deeper than {_DEEPEST} levels")


@dataclass(frozen=True, slots=True)
class Section:
    """One mapping of the file. Each reader returns its default when the key is not there.

    Every reader raises ConfigError with the place of the value when that is not what was asked for.
    """

    node: yaml.Node
    file: str
    key: str
    _entries: dict[str, tuple[yaml.Node, yaml.Node]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.node, yaml.MappingNode):
            raise self._error(self.node, self.key, f"expected a mapping, found {_shown(self.node)}")
        for key, value in self.node.value:
            name = self._name(key)
            if name in self._entries:
                first = self._entries[name][0].start_mark.line + 1
                raise self._error(key, self._path(name), f"given twice; first in line {first}")
            self._entries[name] = (key, value)

    @property
    def keys(self) -> frozenset[str]:
        """The keys that the file gives here."""
        return frozenset(self._entries)

    def allow(self, *names: str, why_not: Callable[[str], str] = lambda name: "") -> None:
        """Refuse every key but these; ``why_not`` may explain a key that people expect to work."""
        for name, (key, _) in self._entries.items():
            if name not in names:
                reason = why_not(name) or nearest(name, names)
                problem = f"unknown key{reason} (allowed: {', '.join(names)})"
                raise self._error(key, self._path(name), problem)

    def fail(self, name: str, problem: str) -> ConfigError:
        """Return the error that says ``problem`` about the value of ``name``."""
        node = self._entries[name][1] if name in self._entries else self.node
        return self._error(node, self._path(name), problem)

    def section(self, name: str) -> "Section":
        """Return the mapping under ``name``; an empty one when it is missing or left empty."""
        entry = self._entries.get(name)
        if entry is not None and not _is_null(entry[1]):
            return Section(entry[1], self.file, self._path(name))
        start = entry[1].start_mark if entry else self.node.start_mark
        empty = yaml.MappingNode("tag:yaml.org,2002:map", [], start, start)
        return Section(empty, self.file, self._path(name))

    def sections(self, name: str) -> tuple["Section", ...]:
        """Return the list of mappings under ``name``."""
        return self._sections(name, "a list of mappings")

    def one_or_more(self, name: str) -> tuple["Section", ...]:
        """Return the mapping, or the list of mappings, under ``name``; nothing when it is missing."""
        if name in self._entries and isinstance(self._entries[name][1], yaml.MappingNode):
            return (self.section(name),)
        return self._sections(name, "a mapping or a list of mappings")

    def _sections(self, name: str, wanted: str) -> tuple["Section", ...]:
        return tuple(
            Section(node, self.file, f"{self._path(name)}[{position}]")
            for position, node in enumerate(self._items(name, wanted))
        )

    def text(self, name: str, default: str | None) -> str | None:
        """Return a text that is not empty."""
        return self._read(name, default, "a text", _text)

    def texts(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return a list of texts, none of them empty."""
        if name not in self._entries or _is_null(self._entries[name][1]):
            return default
        nodes = self._items(name, "a list of texts")
        return tuple(
            self._value(node, f"{self._path(name)}[{position}]", "a text", _text)
            for position, node in enumerate(nodes)
        )

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        return self._read(name, default, "true or false", _flag)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """Return a number between ``low`` and ``high``, both included."""

        def read(node: yaml.ScalarNode) -> float:
            return _within(_number(node), low, high)

        return self._read(name, default, f"a number from {low:g} to {high:g}", read)

    def optional_number(
        self, name: str, default: float | None, low: float, high: float
    ) -> float | None:
        """Return a number between ``low`` and ``high``, or ``None`` for null."""

        def read(node: yaml.ScalarNode) -> float | None:
            return None if _is_null(node) else _within(_number(node), low, high)

        return self._read(name, default, f"null or a number from {low:g} to {high:g}", read)

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number between ``low`` and ``high``, both included."""

        def read(node: yaml.ScalarNode) -> int:
            return _within(int(_plain(node)), low, high)

        return self._read(name, default, f"a whole number from {low} to {high}", read)

    def duration_s(self, name: str, default: float, low: str, high: str) -> float:
        """Return the seconds of a duration such as ``15m``."""

        def read(node: yaml.ScalarNode) -> float:
            return _within(parse_duration(_text(node)), parse_duration(low), parse_duration(high))

        wanted = f"a duration from {low} to {high}, such as 90s, 15m or 1h30m"
        return self._read(name, default, wanted, read)

    def choice(self, name: str, default: Choice) -> Choice:
        """Return one of the members of ``default``'s enumeration."""
        kind = type(default)
        return self._read(name, default, _one_of(kind), lambda node: kind(_text(node)), list(kind))

    def choices(self, name: str, kind: type[Choice]) -> frozenset[Choice]:
        """Return a set of members of the enumeration ``kind``; empty when the key is missing."""
        wanted = _one_of(kind)
        return frozenset(
            self._value(node, self._path(name), wanted, lambda node: kind(_text(node)), list(kind))
            for node in self._items(name, f"a list of these: {', '.join(kind)}")
        )

    def _items(self, name: str, wanted: str) -> Iterator[yaml.Node]:
        if name not in self._entries or _is_null(self._entries[name][1]):
            return
        node = self._entries[name][1]
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(name, f"expected {wanted}, found {_shown(node)}")
        yield from node.value

    def _read(
        self,
        name: str,
        default: Value,
        wanted: str,
        read: Callable[[yaml.ScalarNode], Value],
        words: Sequence[str] = (),
    ) -> Value:
        if name not in self._entries:
            return default
        return self._value(self._entries[name][1], self._path(name), wanted, read, words)

    def _value(
        self,
        node: yaml.Node,
        path: str,
        wanted: str,
        read: Callable[[yaml.ScalarNode], Value],
        words: Sequence[str] = (),
    ) -> Value:
        try:
            if isinstance(node, yaml.ScalarNode):
                return read(node)
        except ValueError:
            hint = nearest(node.value, words)
        else:
            hint = ""
        raise self._error(node, path, f"expected {wanted}, found {_shown(node)}{hint}")

    def _name(self, key: yaml.Node) -> str:
        if isinstance(key, yaml.ScalarNode):
            return str(key.value)
        raise self._error(key, self.key, "a key must be a word")

    def _path(self, name: str) -> str:
        shown = _shortened(name)
        return f"{self.key}.{shown}" if self.key else shown

    def _error(self, node: yaml.Node, key: str, problem: str) -> ConfigError:
        return ConfigError(self.file, node.start_mark.line + 1, key, problem)


def _one_of(kind: type[StrEnum]) -> str:
    members = list(kind)
    return f"one of {', '.join(members)}" if len(members) > 1 else repr(str(members[0]))


def _plain(node: yaml.ScalarNode) -> str:
    """Return the text of an unquoted scalar, in which Python's underscores are not understood."""
    if node.style is not None or "_" in node.value:
        raise ValueError(node.value)
    return str(node.value)


def _text(node: yaml.ScalarNode) -> str:
    if node.tag != "tag:yaml.org,2002:str" or not node.value.strip():
        raise ValueError(node.value)
    return str(node.value)


def _flag(node: yaml.ScalarNode) -> bool:
    if node.tag != "tag:yaml.org,2002:bool":
        raise ValueError(node.value)
    return str(node.value).lower() in {"true", "yes", "on"}


def _number(node: yaml.ScalarNode) -> float:
    number = float(_plain(node))
    if not math.isfinite(number):
        raise ValueError(node.value)
    return number


Number = TypeVar("Number", int, float)


def _within(number: Number, low: float, high: float) -> Number:
    if not low <= number <= high:
        raise ValueError(number)
    return number


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _shortened(text: str) -> str:
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= _SHOWN_CHARACTERS else printable[:_SHOWN_CHARACTERS] + "…"


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    kinds = {"null": "nothing", "bool": node.value, "int": node.value, "float": node.value}
    kind = node.tag.rpartition(":")[2]
    return _shortened(kinds.get(kind, f'"{node.value}"'))
