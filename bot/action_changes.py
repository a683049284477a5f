"""The accepted changes of a report as files before and after, put together where they stand on each other.

A patch of a report applies on top of those before it (docs/decisions/005-patches-stand-on-each-other.md),
so results that touch the same file are one change. The files come from the forge, never from a folder that
judged code was near.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from perfbot.bot.action_report import Handed
from perfbot.bot.config import Paths
from perfbot.bot.git import Refused, applied
from perfbot.bot.patch import unified_patch
from perfbot.bot.publishable import publishable
from perfbot.bot.report import Result
from perfbot.optimizer import gates
from perfbot.optimizer.gates import FileChange

DOES_NOT_FIT = "its patch does not fit the commit that it is for"
TOO_MANY = "more than {most} accepted changes stand on each other"
ALTERS_ANOTHER = "its patch does not change that function"
_MOST_RESULTS = 8

Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Change:
    """Accepted results with the files that they change; ``before`` has None for a file that is new."""

    results: tuple[Result, ...]
    before: Mapping[str, bytes | None]
    after: Mapping[str, bytes]

    @property
    def patch(self) -> bytes:
        """All of it as one patch."""
        return unified_patch({path: (self.before[path], self.after[path]) for path in self.after})

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of what became faster."""
        return tuple(each.function for each in self.results)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An accepted result that is not published; ``why`` is a sentence's end."""

    function: str
    why: str


def changes(
    handed: Handed, read: Read, paths: Paths
) -> tuple[tuple[Change, ...], tuple[PassedOver, ...]]:
    """Return what can be published of a report, in its order, and what cannot.

    ``read`` returns a file of the commit that was measured.
    """
    sums: list[_Sum] = []
    passed_over = []
    for result in handed.report.accepted:
        why = _added(sums, result, handed.patch_of(result), read, paths)
        if why is not None:
            passed_over.append(PassedOver(result.function, why))
    return tuple(each.change() for each in sums), tuple(passed_over)


@dataclass
class _Sum:
    """Results that touch common files, added one after the other."""

    results: list[Result] = field(default_factory=list)
    before: dict[str, bytes | None] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)

    def change(self) -> Change:
        return Change(tuple(self.results), self.before, self.after)


def _added(sums: list[_Sum], result: Result, patch: bytes, read: Read, paths: Paths) -> str | None:
    """Add a result to the sum that it stands on; return why that cannot be, None where it was done."""
    known = {path: content for each in sums for path, content in each.after.items()}
    patched = applied(patch, lambda path: known[path] if path in known else read(path))
    if isinstance(patched, Refused):
        return DOES_NOT_FIT
    if refusal := publishable(patched.contents.keys(), paths):
        return str(refusal)
    touched = [each for each in sums if each.after.keys() & patched.contents.keys()]
    if sum(len(each.results) for each in touched) >= _MOST_RESULTS:
        return TOO_MANY.format(most=_MOST_RESULTS)
    joined = _Sum()
    for each in touched:
        sums.remove(each)
        joined.results += each.results
        joined.before |= each.before
        joined.after |= each.after
    joined.results.append(result)
    joined.before = {path: read(path) for path in patched.contents} | joined.before
    joined.after |= patched.contents
    sums.append(joined)
    return None


def unfit(change: Change) -> str | None:
    """Return why a change of unknown origin cannot have passed the judge, from reading alone.

    Without running anything: it parses, keeps interfaces, reaches for nothing new (no package either,
    since what the project depends on is not known here), and alters the functions that it names.
    """
    files = [
        FileChange(path, change.before[path], content) for path, content in change.after.items()
    ]
    own = frozenset(part for path in change.after for part in PurePosixPath(path).parts)
    refusal = (
        gates.parses([*files, *_befores(files)])
        or gates.keeps_interface(files)
        or gates.reaches_for_nothing_new(files, dependencies=own, allowed=frozenset())
    )
    if refusal is not None:
        return refusal.detail
    altered = {f"{each.path}::{name}" for each in files for name in gates.changed_functions(each)}
    missing = [name for name in change.functions if name.partition("@")[0] not in altered]
    return ALTERS_ANOTHER if missing else None


def _befores(files: list[FileChange]) -> Iterator[FileChange]:
    """Yield the old contents as changes: reading them has to be possible as well."""
    return (FileChange(each.path, None, each.before) for each in files if each.before is not None)
