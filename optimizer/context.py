"""What a model is shown of a function: the code, what was measured of it, and what it works with.

Everything here is text of a repository, which may be hostile: it is shown as ``containment.py`` makes
it, and the prompt marks it as data. The titles are perfbot's own; paths and names stand in the bodies.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from perfbot.optimizer.containment import visible, visible_source
from perfbot.optimizer.excerpts import Definition, between, excerpt, first_line
from perfbot.optimizer.knowledge import Exercise, Knowledge, Pair, PastCommit
from perfbot.optimizer.packing import Part, Section, budget, cost, packed
from perfbot.optimizer.plan import Subject
from perfbot.profiling.facts import Seen

FUNCTION = "The function"
HINT = "A maintainer's hint"
HEAT = (
    "Where its time goes on the calls that were recorded: each line's share of the function's time, "
    "how often it runs in one call, and the line (what stands before the bar is not part of the code)"
)
VALUES = "What its variables held while the workload ran ({calls} calls)"
GROWTH = "How its time grows with the size of its input, measured"
IMPORTS = "The file's imports"
USES = "What it uses of the same file"
PROJECT = "What it uses of the project's other files"
RELATED = "What else of the project sounds like it"
ACCEPTED = "Versions of similar functions that were proven faster and right"
CALLERS = "Who calls it"
TESTS = "Tests that lead to it"
REJECTED = "Versions of similar functions that were rejected, and why"
HISTORY = "Earlier changes to it that were about speed"
DOCUMENTATION = "What its module says about itself"
DEPENDENCIES = "Third-party packages that may be imported"

# Most useful first. Shares are of what the function itself leaves of the budget, the most that a part
# may take before all others have had theirs; they come to more than 1, as few functions have it all.
_ORDER = (
    (HINT, 0.10),  # a person knows what no measurement tells
    (HEAT, 0.15),  # where a change can gain anything at all
    (VALUES, 0.15),  # which types have to work, and which sizes make a strategy pay
    (GROWTH, 0.03),  # whether another algorithm is needed, or a cheaper line
    (IMPORTS, 0.05),  # what is at hand: nothing else of third parties may come in
    (USES, 0.25),  # what its names mean; a helper may be where the time goes
    (PROJECT, 0.15),  # the same, where it takes more than the file to know it
    (ACCEPTED, 0.20),  # how far the judge lets a version go, by example
    (CALLERS, 0.08),  # what others rely on
    (RELATED, 0.08),  # a helper that does already what is written out here
    (TESTS, 0.12),  # what is promised, and will be checked
    (REJECTED, 0.08),  # what not to repeat
    (HISTORY, 0.05),  # what was tried, and taken back, before
    (DOCUMENTATION, 0.05),  # what the code is for
    (DEPENDENCIES, 0.03),
)
_LINES = frozenset(  # blocks that follow on each other
    {HINT, HEAT, VALUES, IMPORTS, DOCUMENTATION, DEPENDENCIES}
)

_LEAST_SHARE = 0.01  # of a line's time, to be told
_MOST_HOT = 12
_MOST_NAMES = 12  # of tests
_BODY_LINES = 6  # of a commit's message

_NOTHING = Knowledge()


def sections(
    subject: Subject, text: str, knowledge: Knowledge = _NOTHING, *, tokens: int = 6000
) -> list[Section]:
    """Return what to show of the subject's version ``text``, most useful first.

    Together they are at most about ``tokens`` (``packing.py`` counts bytes), unless the function
    itself, which is always shown, is longer. The same input gives the same sections.
    """
    view = _View(subject, text)
    function = Section(FUNCTION, view.function)
    blocks = _blocks(view, knowledge)
    calls = subject.calls or "no"
    parts = [
        Part(title.format(calls=calls), tuple(blocks[title]), share, title in _LINES)
        for title, share in _ORDER
    ]
    return [function, *packed(parts, budget(tokens) - cost(function))]


def _blocks(view: "_View", knowledge: Knowledge) -> Mapping[str, Iterable[str]]:
    """Return what each section could show."""
    subject = view.subject
    return {
        HINT: visible(knowledge.hint).strip().split("\n"),
        HEAT: _heat(subject, knowledge),
        VALUES: map(_one_line, _values(subject.facts)),
        GROWTH: [visible(knowledge.growth)],
        IMPORTS: view.imports(),
        USES: view.used(),
        PROJECT: [_in_file(each.path, each.text) for each in knowledge.definitions],
        ACCEPTED: map(_pair, knowledge.accepted),
        RELATED: [_in_file(each.path, each.text) for each in knowledge.related],
        CALLERS: [_in_file(each.path, each.text) for each in knowledge.callers],
        TESTS: _tests(knowledge.tests),
        REJECTED: map(_pair, knowledge.rejected),
        HISTORY: map(_commit, knowledge.history),
        DOCUMENTATION: visible(view.docstring).strip().split("\n"),
        DEPENDENCIES: map(_one_line, _packages(subject.dependencies, knowledge.versions)),
    }


class _View:
    """One version of the subject's file, as a model may see it."""

    def __init__(self, subject: Subject, text: str) -> None:
        self.subject = subject
        self._module = ast.parse(text)
        self._lines = visible_source(text).split("\n")
        names = subject.function.qualname.replace(".<locals>", "").split(".")
        self._path = _path_to(self._module, names)

    @property
    def function(self) -> str:
        """The function, with the comments above it, in its classes, and where it stands."""
        outer = [f"class {each.name}:  # …" for each in self._path[:-1] if _is_class(each)]
        where = f"# {_one_line(self.subject.function.path)}"
        return "\n".join([where, *outer, *self._commented(self._path[-1])])

    @property
    def docstring(self) -> str:
        """The module's docstring."""
        return ast.get_docstring(self._module) or ""

    def imports(self) -> Iterator[str]:
        """Yield the file's import statements."""
        for node in self._module.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield "\n".join(between(self._lines, node.lineno, node.end_lineno))

    def used(self) -> list[str]:
        """Return the file's definitions that the function names, in the order in which it does.

        Constants and short functions in full, of other functions and of classes the head.
        """
        found = [*self._used_of_module(), *self._used_of_classes()]
        return [text for _, text in sorted(found)]

    def _used_of_module(self) -> Iterator[tuple[int, str]]:
        for node in self._module.body:
            if node is self._path[0]:
                continue
            for name in _defined(node) & self._named.keys():
                yield self._named[name], self._shown(node)

    def _used_of_classes(self) -> Iterator[tuple[int, str]]:
        for owner in self._path[:-1]:
            for node in owner.body:
                if node is self._path[-1]:
                    continue
                for name in _defined(node) & self._named.keys():
                    yield self._named[name], self._shown(node)

    @cached_property
    def _named(self) -> Mapping[str, int]:
        """The names and attributes that the function mentions, with the number of the first mention."""
        mentioned = [
            (node.lineno, node.col_offset, node.id if isinstance(node, ast.Name) else node.attr)
            for node in ast.walk(self._path[-1])
            if isinstance(node, ast.Name | ast.Attribute)
        ]
        names = dict.fromkeys(name for _, _, name in sorted(mentioned))
        return {name: number for number, name in enumerate(names)}

    def _shown(self, node: ast.stmt) -> str:
        return "\n".join(excerpt(self._lines, node))

    def _commented(self, node: Definition) -> Sequence[str]:
        """Return a definition's lines and the comments that stand directly above it."""
        first = first_line(node)
        while first > 1 and self._lines[first - 2].lstrip().startswith("#"):
            first -= 1
        return between(self._lines, first, node.end_lineno)


def _path_to(module: ast.Module, names: Sequence[str]) -> list[Definition]:
    """Return the definitions from the outermost to the function; the last one of a name counts."""
    path: list[Definition] = []
    inside: ast.AST = module
    for name in names:
        inside = [
            each
            for each in ast.walk(inside)
            if isinstance(each, Definition) and each.name == name and each is not inside
        ][-1]
        path.append(inside)
    return path


def _is_class(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef)


def _defined(node: ast.stmt) -> set[str]:
    """Return the names that a statement defines; imports are shown apart."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Assign(targets=targets):
            return {each.id for each in targets if isinstance(each, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def _heat(subject: Subject, knowledge: Knowledge) -> Iterator[str]:
    """Yield the hottest lines of the function as it was measured, in their order, behind a margin."""
    lines = visible_source(subject.source.text).split("\n")
    hot = [each for each in knowledge.heat.lines if each.share >= _LEAST_SHARE]
    hottest = sorted(hot, key=lambda each: (-each.share, each.line))[:_MOST_HOT]
    before = 0
    for each in sorted(hottest, key=lambda each: each.line):
        if before and each.line > before + 1:
            yield "                 ⋮"
        before = each.line
        code = lines[each.line - 1] if each.line <= len(lines) else ""
        runs = f"×{each.runs:,.0f}" if each.runs >= 10 else f"×{each.runs:.3g}"
        yield f"{each.share:5.0%} {runs:>10} │ {code}"


def _values(facts: Mapping[str, Seen]) -> Iterator[str]:
    for name, seen in sorted(facts.items()):
        yield f"{name}: {described(seen)}"
        for attribute, kept in sorted(seen.attributes.items()):
            yield f"{name}.{attribute}: {described(kept)}"


def described(seen: Seen) -> str:
    """Return a fact in words: ``list (up to 600) of int``; what is longest is in items or characters."""
    text = " or ".join(sorted(seen.types)) or "unknown"
    if seen.longest:
        text += f" (up to {seen.longest:,})"
    if seen.elements and seen.values:
        return f"{text} from {described(seen.elements)} to {described(seen.values)}"
    return f"{text} of {described(seen.elements)}" if seen.elements else text


def _packages(names: Iterable[str], versions: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(names):
        yield f"{name} {versions.get(name.replace('_', '-').lower(), '')}"


def _tests(tests: Sequence[Exercise]) -> Iterator[str]:
    names = [_one_line(each.name) for each in tests[:_MOST_NAMES]]
    more = len(tests) - len(names)
    yield "\n".join([*names, *([f"and {more} more"] if more > 0 else [])])
    for each in tests:
        if each.source:
            yield _in_file(each.name.partition("::")[0], each.source)


def _in_file(path: str, code: str) -> str:
    return f"# {_one_line(path)}\n{visible_source(code)}"


def _pair(pair: Pair) -> str:
    parts = ["# before", visible_source(pair.before), f"# after: {_one_line(pair.outcome)}"]
    parts += [f"# {_one_line(each)}" for each in pair.strategies]
    return "\n".join([*parts, visible_source(pair.after)])


def _commit(commit: PastCommit) -> str:
    body = visible(commit.body).strip().split("\n")[:_BODY_LINES]
    return "\n".join([_one_line(f"{commit.day} {commit.subject}"), *body]).strip()


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())
