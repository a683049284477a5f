"""What people ask of perfbot in comments: ``/optimize …`` and ``/perfbot …`` at the start of a line.

A comment is read by a CommonMark parser, for only that knows what is quoted, code, hidden or folded;
commands there are somebody else's words and are not heard. Anything that a comment may hold ends in
a record, quickly: the text is bounded, and one without a slash at the start of a line is not parsed.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from markdown_it import MarkdownIt
from markdown_it.token import Token

from perfbot.bot import words
from perfbot.bot.durations import parse_duration
from perfbot.bot.markdown import shortened
from perfbot.bot.options import function_name
from perfbot.profiling.functions import FunctionName

NO_FUNCTION = (
    "`{text}` is no function; write `FILE::QUALNAME`, such as `src/shop/cart.py::Cart.total`, "
    "with FILE relative to the repository"
)
NO_TIME = "`--time` needs a duration from 10s to 24h, such as `--time 10m`"
TWICE = "`{option}` stands there twice"
NO_OPTION = "`{option}` is no option of it, there is only `--time`"
TOO_LONG = "the hint has {count} characters, and at most {most} are taken"
TAKES_NOTHING = "it takes nothing after it"
IGNORE_WHAT = "write `/perfbot ignore this function` or `/perfbot ignore this file`"
LONGEST_COMMENT = 65_536  # characters, GitHub's own limit
LONGEST_HINT = 300
MOST_COMMANDS = 20  # of one comment that are looked at
LONGEST_NAME = 500
_LONGEST_WORD = 24
_LONGEST_SHOWN = 80
_SHORTEST_S, _LONGEST_S = 10.0, 24 * 3600.0
_CLOSE_ENOUGH = 0.8
_MARKUP = re.compile(
    r"""<!-- | <(?P<end>/?) (?P<name>[a-z][^\s/>]*) (?:[^>"']|"[^"]*"|'[^']*')* (?P<closed>>?)""",
    re.IGNORECASE | re.VERBOSE,
)
_MOST_TAGS = 2000  # signs that open one; looking for the end of each takes long
_MAYBE = re.compile(r"^ {0,3}/[A-Za-z]", re.MULTILINE)
_NEW_LINE = re.compile(r"\r\n?|\n")
_CONTAINER = re.compile(r"[ \t]*(?:>|[-+*](?![^ \t])|\d{1,9}[.)](?![^ \t])|\[.*\]:)")
_LINE_BREAKS = frozenset({"softbreak", "hardbreak"})


class Scope(StrEnum):
    """What ``ignore`` leaves alone from now on."""

    FUNCTION = "function"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Optimize:
    """Make one function faster, or those that the pull request changes.

    ``time_s`` is the most that it may take; ``hint`` is what a person wrote for the models, one
    line, untrusted like all text of theirs.
    """

    function: FunctionName | None = None
    time_s: float | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Verify:
    """Judge the pull request's own change as a claim to be faster."""


@dataclass(frozen=True, slots=True)
class Explain:
    """Say why it was decided so."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Do it once more."""


@dataclass(frozen=True, slots=True)
class Rebase:
    """Apply, prove and measure it again on the present base."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Leave this function or file alone from now on."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class Stop:
    """End what is running."""


@dataclass(frozen=True, slots=True)
class Status:
    """Say what is running."""


@dataclass(frozen=True, slots=True)
class Help:
    """List the commands."""


@dataclass(frozen=True, slots=True)
class Mistyped:
    """A word that is no command; ``meant`` is the command that is nearest to it."""

    written: str
    meant: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A command whose arguments cannot be used; ``problem`` is a sentence that says why."""

    written: str
    problem: str


Command: TypeAlias = Optimize | Verify | Explain | Retry | Rebase | Ignore | Stop | Status | Help
Answerable: TypeAlias = Command | Mistyped | Wrong


@dataclass(frozen=True, slots=True)
class Request:
    """What a comment asks for: its first command, and how the others, not carried out, begin."""

    asked: Answerable
    passed_over: tuple[str, ...] = ()


def read(comment: str) -> Request | None:
    """Return what a comment asks for, None where it asks perfbot for nothing.

    A mistyped command counts only where the comment has no other: somebody else's bot may have a
    command that looks like one of ours.
    """
    if len(comment) > LONGEST_COMMENT or comment.count("<") > _MOST_TAGS:
        return None
    if not _MAYBE.search(comment):
        return None
    heard = [found for line in _lines(comment) if (found := _understood(line)) is not None]
    ours = [found for found in heard if not isinstance(found[1], Mistyped)][:MOST_COMMANDS]
    if ours:
        return Request(ours[0][1], tuple(written for written, _ in ours[1:]))
    return Request(heard[0][1]) if heard else None


def spelled(command: Command) -> str:
    """Return a command as ``read`` understands it again."""
    if isinstance(command, Optimize):
        function = str(command.function) if command.function else ""
        time = f"--time {round(command.time_s)}s" if command.time_s is not None else ""
        return " ".join(filter(None, ["/optimize", function, time, command.hint]))
    if isinstance(command, Ignore):
        return f"/perfbot ignore this {command.scope}"
    return f"/perfbot {type(command).__name__.lower()}"


def _lines(comment: str) -> Iterator[str]:
    """Yield the lines of paragraphs that stand by themselves: not quoted, listed, code or folded."""
    tokens = _parser().parse(comment)
    folded, goes_on = _Folded(), _continuing(comment, tokens)
    last = paragraph = Token("", "", 0)
    for token in tokens:
        if token.type == "html_block":
            folded.through(token.content, opens=token.level == 0, ends=token.level == 0)
        elif token.type == "paragraph_open":
            paragraph = token
        elif token.type == "inline" and last is paragraph:
            first = token.map[0] if token.map else 0
            if paragraph.level == 0:
                yield from _spoken(token.children or [], folded, not goes_on[first])
        last = token


def _continuing(comment: str, tokens: Sequence[Token]) -> list[bool]:
    """Say of each line whether a quotation, list or reference began above it without an empty line.

    Parsers differ on how long such a block goes on, and GitHub's is not ours. In a code block
    nothing begins.
    """
    fences = [token.map for token in tokens if token.type == "fence" and token.level == 0]
    code = {line for span in fences if span for line in range(*span)}
    found, going = [], False
    for number, line in enumerate(_NEW_LINE.split(comment)):
        begins = number not in code and bool(_CONTAINER.match(line))
        going = bool(line.strip()) and (going or begins)
        found.append(going)
    return found


def _spoken(pieces: Sequence[Token], folded: "_Folded", alone: bool) -> Iterator[str]:
    """Yield a paragraph's lines that begin with a bare slash; HTML in it may fold what follows."""
    line, hearing = "", alone
    for piece in [*pieces, Token("softbreak", "", 0)]:
        if piece.type == "html_inline":
            folded.through(piece.content, opens=True, ends=alone)
        if piece.type in _LINE_BREAKS:
            if line.startswith("/") and hearing:
                yield line
            line, hearing = "", alone
        elif not line:
            hearing = alone and not folded and piece.type == "text"
            line = piece.content if hearing else " "
        else:
            line += piece.content


class _Folded:
    """Tells whether the text is folded by ``<details>``, or in HTML that was begun and never ended."""

    def __init__(self) -> None:
        self._depth = 0
        self._unfinished = False

    def __bool__(self) -> bool:
        return self._unfinished or self._depth > 0

    def through(self, html: str, *, opens: bool, ends: bool) -> None:
        """Go through a whole block or tag of HTML, in one pass.

        ``opens`` and ``ends`` say whether its tags can do so for what follows: those in a quotation
        or a list cannot, but what is left unfinished there hides everything after it.
        """
        place = 0
        while not self._unfinished and (found := _MARKUP.search(html, place)):
            if found["name"] is None:
                place = html.find("-->", found.end())
                self._unfinished = place < 0
            else:
                place = found.end()
                self._unfinished = not found["closed"]
                if found["name"].lower() == "details":
                    step = -int(ends) if found["end"] else int(opens)
                    self._depth = max(0, self._depth + step)


def _parser() -> MarkdownIt:
    """Return a CommonMark parser that keeps a command's characters as they were written.

    Without emphasis ``__init__`` keeps its underscores; without ``text_join`` an escaped slash is
    still told from a bare one.
    """
    parser = MarkdownIt("commonmark").enable("table")
    parser.disable(["emphasis", "link", "image", "autolink"])
    return parser.disable("text_join")


def _understood(line: str) -> tuple[str, Answerable] | None:
    """Return how a line begins and what it asks for, None where it does not speak to perfbot."""
    first, *rest = line.split()
    word = first.lower()
    if word == "/optimize":
        return word, _optimize(rest)
    if word == "/perfbot":
        return _perfbot(rest)
    near = _nearest(word.removeprefix("/"), ("optimize", "perfbot"))
    return (first, Mistyped(words.visible(first), f"/{near}")) if near else None


def _perfbot(rest: Sequence[str]) -> tuple[str, Answerable]:
    word = rest[0].lower() if rest else "help"
    if word in _READERS:
        return f"/perfbot {word}", _READERS[word](rest[1:])
    written = f"/perfbot {words.visible(word[:_LONGEST_WORD])}"
    return written, Mistyped(written, f"/perfbot {_nearest(word, list(_READERS)) or 'help'}")


def _nearest(word: str, known: Sequence[str]) -> str | None:
    if len(word) > _LONGEST_WORD:  # difflib takes long for long words
        return None
    return next(iter(difflib.get_close_matches(word, known, 1, _CLOSE_ENOUGH)), None)


def _optimize(rest: Sequence[str]) -> Optimize | Wrong:
    try:
        time_s, others = _time(rest)
        function = _function(others[0]) if others and _looks_like_a_place(others[0]) else None
        return Optimize(function, time_s, _hint(others[1:] if function else others))
    except ValueError as error:
        return Wrong("/optimize", str(error))


def _time(rest: Sequence[str]) -> tuple[float | None, list[str]]:
    """Return the value of ``--time`` and the words beside it."""
    time_s, others, remaining = None, list[str](), iter(rest)
    for word in remaining:
        option, equals, value = word.replace("—", "--", 1).partition("=")  # as telephones write it
        if not option.startswith("--") or option == "--":
            others.append(word)
        elif option != "--time":
            raise ValueError(NO_OPTION.format(option=_cut(option)))
        elif time_s is not None:
            raise ValueError(TWICE.format(option=option))
        else:
            time_s = _duration_s(value if equals else next(remaining, ""))
    return time_s, others


def _duration_s(text: str) -> float:
    try:
        time_s = parse_duration(text)
    except ValueError:
        raise ValueError(NO_TIME) from None
    if not _SHORTEST_S <= time_s <= _LONGEST_S:
        raise ValueError(NO_TIME)
    return time_s


def _looks_like_a_place(word: str) -> bool:
    return "::" in word or word.endswith(".py")


def _function(text: str) -> FunctionName:
    try:
        if len(text) > LONGEST_NAME or words.visible(text) != text:
            raise ValueError(text)
        return FunctionName.parse(function_name(text))
    except ValueError:
        raise ValueError(NO_FUNCTION.format(text=_cut(text))) from None


def _hint(rest: Sequence[str]) -> str:
    hint = " ".join(words.visible(" ".join(rest)).split())
    if len(hint) > LONGEST_HINT:
        raise ValueError(TOO_LONG.format(count=len(hint), most=LONGEST_HINT))
    return hint


def _ignore(rest: Sequence[str]) -> Ignore | Wrong:
    match [word.lower().rstrip(".") for word in rest if word.lower() != "this"]:
        case [] | ["function"]:
            return Ignore(Scope.FUNCTION)
        case ["file"]:
            return Ignore(Scope.FILE)
        case _:
            return Wrong("/perfbot ignore", IGNORE_WHAT)


def _alone(word: str, command: Command) -> Callable[[Sequence[str]], Answerable]:
    def read(rest: Sequence[str]) -> Answerable:
        return Wrong(f"/perfbot {word}", TAKES_NOTHING) if rest else command

    return read


def _stop(rest: Sequence[str]) -> Stop:
    """Return the wish to stop, whatever else was said with it: it harms nothing and is urgent."""
    return Stop()


def _cut(text: str) -> str:
    return shortened(words.visible(text), _LONGEST_SHOWN)


_READERS: Mapping[str, Callable[[Sequence[str]], Answerable]] = {
    "optimize": _optimize,
    "verify": _alone("verify", Verify()),
    "explain": _alone("explain", Explain()),
    "retry": _alone("retry", Retry()),
    "rebase": _alone("rebase", Rebase()),
    "ignore": _ignore,
    "stop": _stop,
    "status": _alone("status", Status()),
    "help": _alone("help", Help()),
}
