"""Small repairs of code that does not parse, each with one possible meaning and told in a sentence.

The parser says where it stumbles; a repair changes what stands there and is kept if there is no other
way to read it. Whatever could be meant in two ways is refused with what the parser said.
"""

import ast
import keyword
import re
import textwrap
import warnings
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from perfbot.optimizer.normal_form import normal_form

DOES_NOT_PARSE = "the code does not parse: {why}"
OTHER_LANGUAGE = "the code is {language}, but the function is Python"
HALF = "the reply ended before the code did: answer with less text"
AT_MARGIN = (
    "the code is indented as a whole, and its strings over several lines may be meant with or without "
    "that: begin it at the left margin"
)

DEDENTED = "the code was indented as a whole"
NUMBERED = "line numbers in front of the code were taken away"
CHARACTERS = "{count} characters that Python does not know were replaced by what they stand for"
TABS = "tabs and spaces were mixed in the indentation"
FIRST_LINE = "the first line had lost its indentation"
OFF_BY = "lines from line {line} on were indented by {columns} columns too many"
BEFORE = "text before the code was left out: {text}"
BEHIND = "text behind the code was left out: {text}"

_MOST_STEPS = 40
_SHOWN = 60
_LOOKED_AT = 4000
_DEFINED = re.compile(r"^\s*(?:async )?def (\w+)", re.MULTILINE)
_NUMBER = re.compile(r"[ \t]*(\d{1,6})(?:[ \t]*[|:│]|\t|(?=[ \t]*$))")
_CODE = re.compile(
    r"(?:import|from|def|async def|class)\s+[^\W\d]|@[^\W\d]|[A-Z_][A-Z0-9_]* *(?::.*)?="
)
_STANDS_FOR = (
    dict.fromkeys("“”„‟", '"')
    | dict.fromkeys("‘’‚‛", "'")
    | dict.fromkeys("−–", "-")
    | dict.fromkeys("\u00a0\u2007\u202f\u3000", " ")
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", "")
)
_LANGUAGES = {
    "JavaScript": r"^\s*(?:export\s+)?(?:async\s+)?function\b|^\s*(?:const|let|var)\s+\w+\s*=|=>\s*\{",
    "C or C++": r"^\s*#include\b|^\s*(?:int|void|double|float|auto|std::\S+)\s+\w+\s*\([^)]*\)\s*\{",
    "Java": r"^\s*(?:public|private|protected)\s+(?:static\s+)?[\w<>\[\]]+\s+\w+",
    "Rust": r"^\s*(?:pub\s+)?fn\s+\w+",
    "Go": r"^\s*func\s+(?:\(\w+ \S+\)\s*)?\w+\s*\(|^\s*package\s+\w+\s*$",
    "SQL": r"^\s*(?:SELECT|INSERT|UPDATE|CREATE)\s",
    "a shell script": r"^#!.*\b(?:ba|z)?sh\b|^\s*\$ ",
}


class SpliceError(Exception):
    """The code is no version of the function; the message tells a model what to do otherwise.

    ``missing`` are the names in it that are defined nowhere, if that is what is wrong.
    """

    def __init__(self, told: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(told)
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Repaired:
    """Code that parses, and what was done for it."""

    code: str
    repairs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Broken:
    """Code, where the parser stumbles over it, and what it is to define at which column."""

    code: str
    error: SyntaxError
    names: Set[str]
    column: int

    @property
    def lines(self) -> list[str]:
        return self.code.split("\n")

    @property
    def at(self) -> int:
        """The line of the error, counted from 0."""
        return max(0, min(self.error.lineno or 1, len(self.lines)) - 1)


@dataclass(frozen=True, slots=True)
class _Repair:
    code: str
    sentence: str


def repaired(code: str, names: Set[str], *, column: int = 0, cut: bool = False) -> Repaired:
    """Return code so that it parses.

    Text before and behind is left out only where what stays defines a function of one of the
    ``names``, which begins at ``column`` in its file. ``cut`` says that the reply reached its limit: then the last
    statement may be half of one.

    Raises:
        SpliceError: it does not parse and cannot be repaired, or is cut off within the function.
    """
    text = code.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    repairs: list[str] = []
    if cut:
        text = _whole(text, names, repairs)
    found = first = parsed(text)
    for step in _STEPS:
        if isinstance(found, ast.Module):
            break
        change = step(_Broken(text, found, names, column))
        if change is not None and change.code != text:
            text = change.code
            repairs.append(change.sentence)
            found = parsed(text)
    if not isinstance(found, ast.Module):
        assert isinstance(first, SyntaxError)
        raise SpliceError(_refusal(text, first))
    return Repaired(text + "\n", tuple(repairs))


def parsed(text: str) -> ast.Module | SyntaxError:
    """Return the tree, or why there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in an answer is nobody's business
        try:
            return ast.parse(text)
        except SyntaxError as error:
            return error
        except (ValueError, RecursionError, MemoryError) as error:
            return SyntaxError(str(error) or type(error).__name__)


def defines(tree: ast.Module, names: Set[str]) -> bool:
    """Say whether a function of one of the names is defined at the top or in a class."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names:
            return True
        if isinstance(node, ast.ClassDef):
            waiting.extend(node.body)
    return False


def _refusal(text: str, error: SyntaxError) -> str:
    for language, pattern in _LANGUAGES.items():
        if re.search(pattern, text[:_LOOKED_AT], re.MULTILINE):
            return OTHER_LANGUAGE.format(language=language)
    return DOES_NOT_PARSE.format(why=f"line {error.lineno or 1}: {error.msg}")


def _whole(text: str, names: Set[str], repairs: list[str]) -> str:
    """Return what of a reply that was cut off is complete: all but the last thing at the margin."""
    lines = text.split("\n")
    for place in reversed(_margins(lines)):
        above = "\n".join(lines[:place])
        tree = parsed(above)
        if isinstance(tree, ast.Module) and not lines[place - 1].startswith("@"):
            if not defines(tree, names) or _may_continue(lines[place]):
                break
            repairs.append(BEHIND.format(text=lines[place][:_SHOWN]))
            return above
    raise SpliceError(HALF)


def _margins(lines: Sequence[str]) -> list[int]:
    """Return the lines, from the second on, at which something begins at the left margin."""
    found = [number for number, line in enumerate(lines) if number and line[:1].strip()]
    return found[-_MOST_STEPS:]


def _may_continue(line: str) -> bool:
    """Say whether a line at the margin may belong to the function above and have lost its place."""
    word = re.match(r"[^\W\d]\w*", line)
    if word is None:
        return line[:1] in ")]}" or line[:3] in {'"""', "'''"}
    begins = {"def", "class", "async", "import", "from"}
    return keyword.iskeyword(word[0]) and word[0] not in begins


def _without_numbers(broken: _Broken) -> _Repair | None:
    lines = [line for line in broken.lines if line.strip()]
    found = [_NUMBER.match(line) for line in lines]
    numbers = [int(each[1]) for each in found if each is not None]
    if (
        not lines
        or len(numbers) < len(lines)
        or numbers != list(range(numbers[0], numbers[0] + len(lines)))
    ):
        return None
    plain = "\n".join(_NUMBER.sub("", line, count=1) for line in broken.lines)
    return _Repair(textwrap.dedent(plain), NUMBERED)


def _dedented(broken: _Broken) -> _Repair | None:
    """Move the code to the margin; text over several lines stays as it is where the file has it so."""
    lines = broken.lines
    columns = min((_columns(line) for line in lines if line.strip()), default=0)
    inside = parsed("if 1:\n" + broken.code)
    if columns == 0 or not isinstance(inside, ast.Module):
        return None
    within = _lines_of_text(inside)
    everything = "\n".join(line[columns:] for line in lines)
    code_alone = "\n".join(
        line if number in within else line[columns:] for number, line in enumerate(lines, 2)
    )
    if columns != broken.column and normal_form(everything) != normal_form(code_alone):
        raise SpliceError(AT_MARGIN)
    return _Repair(code_alone, DEDENTED)


def _lines_of_text(tree: ast.Module) -> set[int]:
    """Return the lines that begin inside a string."""
    return {
        number
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        for number in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }


def _columns(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _with_first_line_placed(broken: _Broken) -> _Repair | None:
    """Give the first line the indentation that definitions below it have, and dedent them all."""
    first, *below = broken.lines
    columns = min((_columns(line) for line in below if line.strip()), default=0)
    level = [line for line in below if line.strip() and _columns(line) == columns]
    if columns == 0 or not _CODE.match(first):
        return None
    if not all(_CODE.match(line.strip()) for line in level):
        return None
    return _Repair("\n".join([first, *(line[columns:] for line in below)]), FIRST_LINE)


def _without_text_before(broken: _Broken) -> _Repair | None:
    lines = broken.lines
    for number, line in enumerate(lines[:_MOST_STEPS]):
        if number <= broken.at or not _CODE.match(line):
            continue
        found = parsed("\n".join(lines[number:]))
        if isinstance(found, ast.Module) or (found.lineno or 1) > 1:
            sentence = BEFORE.format(text=lines[0][:_SHOWN])
            return _Repair("\n".join(lines[number:]), sentence)
    return None


def _without_text_behind(broken: _Broken) -> _Repair | None:
    lines = broken.lines
    for number in reversed(_margins(lines[: broken.at + 1])):
        above, below = "\n".join(lines[:number]), "\n".join(lines[number:])
        found = parsed(above)
        if not isinstance(found, ast.Module):
            continue
        if not broken.names.isdisjoint(_DEFINED.findall(below)):
            return None
        if _may_continue(lines[number]) or not defines(found, broken.names):
            return None
        return _Repair(above, BEHIND.format(text=lines[number][:_SHOWN]))
    return None


def _with_known_characters(broken: _Broken) -> _Repair | None:
    """Exchange the characters that the parser objects to, quotation marks with what closes them."""
    lines, error, count = broken.lines, broken.error, 0
    while error.msg.startswith("invalid ") and count < _MOST_STEPS:
        number = max(0, min(error.lineno or 1, len(lines)) - 1)
        place = max(0, (error.offset or 1) - 1)
        changed = _exchanged(lines[number], place)
        if changed is None:
            return None
        lines[number] = changed
        count += 1
        found = parsed("\n".join(lines))
        if isinstance(found, ast.Module):
            break
        error = found
    return _Repair("\n".join(lines), CHARACTERS.format(count=count)) if count else None


def _exchanged(line: str, place: int) -> str | None:
    character = line[place : place + 1]
    plain = _STANDS_FOR.get(character)
    if plain is None:
        return None
    rest = line[place + 1 :]
    if plain in {'"', "'"}:
        closing = next((n for n, each in enumerate(rest) if _STANDS_FOR.get(each) == plain), None)
        if closing is not None:
            rest = rest[:closing] + plain + rest[closing + 1 :]
    return line[:place] + plain + rest


def _with_spaces(broken: _Broken) -> _Repair | None:
    """Write tabs as spaces where that has one meaning only."""
    if not any("\t" in line[: _columns(line)] for line in broken.lines):
        return None
    texts = ["\n".join(_expanded(line, width) for line in broken.lines) for width in (4, 8, 2)]
    readable = [text for text in texts if isinstance(parsed(text), ast.Module)]
    return _Repair(readable[0], TABS) if len(set(map(normal_form, readable))) == 1 else None


def _expanded(line: str, width: int) -> str:
    columns = _columns(line)
    return line[:columns].expandtabs(width) + line[columns:]


def _aligned(broken: _Broken) -> _Repair | None:
    """Move lines back that stand some columns too far to the right, which can only be a slip.

    By a whole level it may be that the line above them is missing.
    """
    lines, error = broken.lines, broken.error
    first = broken.at
    while error.msg == "unexpected indent":
        at = max(0, min(error.lineno or 1, len(lines)) - 1)
        too_many = _columns(lines[at]) - _last_column("\n".join(lines[:at]))
        if too_many <= 0 or too_many % _unit(lines) == 0:
            return None
        _move(lines, at, too_many)
        found = parsed("\n".join(lines))
        if isinstance(found, ast.Module):
            sentence = OFF_BY.format(line=first + 1, columns=too_many)
            return _Repair("\n".join(lines), sentence)
        if (found.lineno or 1) - 1 <= at:
            return None
        error = found
    return None


def _last_column(above: str) -> int:
    tree = parsed(above)
    if not isinstance(tree, ast.Module):
        return 0
    statements = [each for each in ast.walk(tree) if isinstance(each, ast.stmt)]
    last = max(statements, key=lambda each: (each.lineno, each.col_offset), default=None)
    return last.col_offset if last is not None else 0


def _unit(lines: Sequence[str]) -> int:
    return next((_columns(line) for line in lines if line.strip() and _columns(line)), 4)


def _move(lines: list[str], at: int, columns: int) -> None:
    level = _columns(lines[at])
    for number in range(at, len(lines)):
        if lines[number].strip() and _columns(lines[number]) < level:
            return
        lines[number] = lines[number][columns:] if lines[number].strip() else lines[number]


_STEPS: tuple[Callable[[_Broken], _Repair | None], ...] = (
    _without_numbers,
    _dedented,
    _with_first_line_placed,
    _without_text_before,
    _without_text_behind,
    _with_known_characters,
    _with_spaces,
    _aligned,
    _without_text_before,
    _without_text_behind,
)
