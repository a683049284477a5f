"""Profiles that the user brings along (``--profile FILE``): a real run may say what is hot.

Read are pstats files (cProfile), speedscope JSON (py-spy, pyinstrument and others; sampled and
evented) and collapsed stacks (py-spy ``--format raw``: ``a (file.py:12);b (file.py:30) 42``).
The run was elsewhere, so files are matched to the tree by the longest common end of their paths.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from perfbot.profiling.hotspots import Frame, Profile, ProfileError, Stack
from perfbot.profiling.marshal_reader import MarshalError, read_marshal

_LARGEST_BYTES = 200_000_000
_COLLAPSED = re.compile(r"(?P<stack>\S.*) (?P<count>\d{1,15})")
_COLLAPSED_FRAME = re.compile(r"(?P<name>.+) \((?P<file>.+?)(?::(?P<line>\d{1,9}))?\)")
_COLLAPSED_SAMPLE_S = 0.01  # py-spy's default rate; collapsed stacks do not tell, shares stay true
_UNITS_S = {"nanoseconds": 1e-9, "microseconds": 1e-6, "milliseconds": 1e-3, "seconds": 1.0}
_STANDARD_LIBRARY = re.compile(r"/lib(?:64)?/python\d(?:\.\d+)?t?/(?!(?:site|dist)-packages/)")
_NO_FILE = ("", "~", "-")
_OWNER_DEPTH = 40
Place = tuple[str, int, str]  # file, line, name as the profile has them


@dataclass(frozen=True, slots=True)
class ExternalProfile:
    """A profile of a run elsewhere. ``unmatched``: samples of files that look like source code but
    are neither in the tree nor the standard library's, by file name."""

    profile: Profile
    unmatched: Mapping[str, int] = field(default_factory=dict)


def read_profile(path: Path, tree_files: Collection[str]) -> ExternalProfile:
    """Read a profile; raises ProfileError with what is wrong. ``tree_files`` are POSIX paths."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ProfileError(f"{path} is larger than {_LARGEST_BYTES // 1_000_000} MB.")
        data = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return parse_profile(data, tree_files)
    except ProfileError as error:
        raise ProfileError(f"{path}: {error}") from error


def parse_profile(data: bytes, tree_files: Collection[str]) -> ExternalProfile:
    """Read a profile of any known format; raises ProfileError when nothing in it is the tree's."""
    matcher = PathMatcher(tree_files)
    if data[:1] in (b"{", b"\xfb"):  # marshal writes a dictionary as "{", with or without its flag
        profile = _from_json_or_pstats(data, matcher)
    else:
        profile = Profile(tuple(_collapsed(data.decode("utf-8", "replace"), matcher)))
    if not any(stack.frames for stack in profile.stacks):
        raise ProfileError(
            "none of its samples are in this repository's files "
            "(known formats: pstats, speedscope JSON, collapsed stacks)."
        )
    return ExternalProfile(profile, dict(matcher.unmatched))


def _from_json_or_pstats(data: bytes, matcher: "PathMatcher") -> Profile:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return _pstats(data, matcher)
    return Profile(tuple(_speedscope(document, matcher)))


class PathMatcher:
    """Finds a file of another machine in the tree, by the longest common end of the paths.

    The end must be the whole of one of the two paths, or two names long; when two files of the tree
    fit equally well, none does.
    """

    def __init__(self, tree_files: Collection[str]) -> None:
        self._by_name: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
        for file in tree_files:
            self._by_name[PurePosixPath(file).name].append(PurePosixPath(file).parts)
        self.unmatched: Counter[str] = Counter()
        self._find = cache(self._search)

    def frame(self, place: Place) -> Frame | None:
        """Return the frame in the tree; None, counted if it may have been meant, otherwise."""
        file, line, name = place
        if file in _NO_FILE or file.startswith("<") or _STANDARD_LIBRARY.search(file):
            return None
        found = self._find(file.replace("\\", "/"))
        if found is not None:
            return Frame(found, line, _last_name(name))
        if file.endswith(".py") and "site-packages" not in file and "dist-packages" not in file:
            self.unmatched[file] += 1
        return None

    def _search(self, file: str) -> str | None:
        parts = tuple(part for part in PurePosixPath(file).parts if part not in ("/", "."))
        fits = [
            (common, candidate)
            for candidate in self._by_name.get(parts[-1] if parts else "", ())
            if (common := _common_end(parts, candidate)) >= min(2, len(parts), len(candidate))
        ]
        longest = max((common for common, _ in fits), default=0)
        best = [candidate for common, candidate in fits if common == longest]
        return "/".join(best[0]) if len(best) == 1 else None


def _common_end(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        count += 1
    return count


def _last_name(name: str) -> str:
    """Return ``co_name`` from what a profiler shows, which may be qualified."""
    return name if name.startswith("<") else name.rpartition(".")[2]


def _stack(places: Sequence[Place], seconds: float, matcher: PathMatcher) -> Stack:
    """Make a stack from all its places, outermost first."""
    found = [matcher.frame(place) for place in places]
    own = tuple(frame for frame in found if frame is not None)
    return Stack(own, leaf_is_own=bool(found) and found[-1] is not None, python_s=seconds)


def _collapsed(text: str, matcher: PathMatcher) -> Iterator[Stack]:
    for line in text.splitlines():
        if match := _COLLAPSED.fullmatch(line.strip()):
            places = [_collapsed_place(part) for part in match["stack"].split(";")]
            yield _stack(places, int(match["count"]) * _COLLAPSED_SAMPLE_S, matcher)


def _collapsed_place(part: str) -> Place:
    match = _COLLAPSED_FRAME.fullmatch(part.strip())
    return (match["file"], int(match["line"] or 0), match["name"]) if match else ("", 0, part)


def _speedscope(document: object, matcher: PathMatcher) -> Iterator[Stack]:
    """Read https://www.speedscope.app/file-format-schema.json, leaving out what does not fit."""
    if not isinstance(document, dict):
        return
    shared = document.get("shared")
    places = [_speedscope_place(item) for item in _list(shared, "frames")]
    for part in _list(document, "profiles"):
        if not isinstance(part, dict):
            continue
        weighted = _evented(part) if part.get("type") == "evented" else _sampled(part)
        unit = part.get("unit")
        scale = _UNITS_S.get(unit, _COLLAPSED_SAMPLE_S) if isinstance(unit, str) else 1.0
        for indices, weight in weighted:
            if all(0 <= index < len(places) for index in indices) and 0 < weight < 1e18:
                yield _stack([places[index] for index in indices], weight * scale, matcher)


def _speedscope_place(item: object) -> Place:
    match item:
        case {"name": str(name), "file": str(file)}:
            line = item.get("line") if isinstance(item, dict) else None
            return file, line if isinstance(line, int) else 0, name
    return "", 0, ""


def _list(holder: object, name: str) -> list[object]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else []


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e18 else None


def _indices(sample: object) -> list[int] | None:
    if not isinstance(sample, list) or not all(isinstance(index, int) for index in sample):
        return None
    return sample


def _sampled(part: Mapping[str, object]) -> Iterator[tuple[list[int], float]]:
    samples, weights = _list(part, "samples"), _list(part, "weights")
    for sample, weight in zip(samples, weights, strict=False):
        indices, number = _indices(sample), _number(weight)
        if indices is not None and number is not None:
            yield indices, number


def _evented(part: Mapping[str, object]) -> Iterator[tuple[list[int], float]]:
    open_frames: list[int] = []
    before = _number(part.get("startValue")) or 0.0
    for event in _list(part, "events"):
        match event:
            case {"type": "O" | "C" as kind, "frame": int(index), "at": int() | float() as at}:
                if open_frames and at > before:
                    yield list(open_frames), at - before
                before = at
                if kind == "O":
                    open_frames.append(index)
                elif open_frames and open_frames[-1] == index:
                    open_frames.pop()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One function of a pstats file: number of calls, own seconds, seconds per caller."""

    calls: int
    own_s: float
    callers: Mapping[Place, tuple[float, float]]  # own and inclusive seconds under that caller


def _pstats(data: bytes, matcher: PathMatcher) -> Profile:
    """Read what ``cProfile`` dumps: ``{(file, line, name): (cc, nc, tt, ct, callers)}``.

    The format knows callers, not stacks: the time of foreign functions is handed up to the nearest
    functions of the tree in proportion to their inclusive time, as gprof does; inclusive shares are
    therefore no more than shares.
    """
    try:
        document = read_marshal(data)
    except MarshalError as error:
        raise ProfileError(f"it is neither JSON nor a pstats file: {error}.") from error
    entries = dict(_entries(document))
    frames = {place: matcher.frame(place) for place in entries}
    stacks: list[Stack] = []
    calls: dict[Frame, int] = {}
    for place, entry in entries.items():
        frame = frames[place]
        if frame is not None:
            stacks.append(Stack((frame,), leaf_is_own=True, python_s=entry.own_s))
            calls[frame] = calls.get(frame, 0) + entry.calls
        else:
            stacks.extend(_handed_up(place, entry, entries, frames))
    return Profile(tuple(stack for stack in stacks if stack.seconds > 0), calls=calls)


def _entries(document: object) -> Iterator[tuple[Place, _Entry]]:
    for key, value in document.items() if isinstance(document, dict) else ():
        match value:
            case (int(), int(calls), int() | float() as own_s, int() | float(), dict(callers)):
                place = _place(key)
                if place is not None and 0 <= own_s < 1e9:
                    yield place, _Entry(calls, float(own_s), dict(_callers(callers)))


def _place(key: object) -> Place | None:
    match key:
        case (str(file), int(line), str(name)):
            return file, line, name
    return None


def _callers(callers: Mapping[object, object]) -> Iterator[tuple[Place, tuple[float, float]]]:
    for key, value in callers.items():
        match value:
            case (int(), int(), int() | float() as own_s, int() | float() as inclusive_s):
                place = _place(key)
                if place is not None and 0 <= own_s < 1e9 and 0 <= inclusive_s < 1e9:
                    yield place, (float(own_s), float(inclusive_s))


def _handed_up(
    place: Place,
    entry: _Entry,
    entries: Mapping[Place, _Entry],
    frames: Mapping[Place, Frame | None],
) -> Iterator[Stack]:
    """Give a foreign function's own time to the functions of the tree that caused it."""
    native = place[0] == "~"
    shares: defaultdict[Frame, float] = defaultdict(float)
    weights = _weights(entry.callers, lambda times: times[0]) or _weights(
        entry.callers, lambda times: times[1]
    )
    for caller, weight in weights.items():
        for frame, part in _owners(caller, entries, frames).items():
            shares[frame] += weight * part
    for frame, part in shares.items():
        seconds = entry.own_s * part
        yield Stack((frame,), False, 0.0 if native else seconds, seconds if native else 0.0)
    yield Stack((), False, max(entry.own_s * (1 - sum(shares.values())), 0.0))


def _weights(
    callers: Mapping[Place, tuple[float, float]], of: Callable[[tuple[float, float]], float]
) -> dict[Place, float]:
    total = sum(of(times) for times in callers.values())
    return {caller: of(times) / total for caller, times in callers.items()} if total else {}


def _owners(
    place: Place, entries: Mapping[Place, _Entry], frames: Mapping[Place, Frame | None]
) -> dict[Frame, float]:
    """Return the functions of the tree above a place, with their parts of its time (sum ≤ 1)."""
    found: defaultdict[Frame, float] = defaultdict(float)
    level: dict[Place, float] = {place: 1.0}
    for _ in range(_OWNER_DEPTH):  # breadth first; a cycle of foreign functions ends here
        above: defaultdict[Place, float] = defaultdict(float)
        for current, part in level.items():
            frame = frames.get(current)
            if frame is not None:
                found[frame] += part
            elif current in entries:
                for caller, weight in _weights(entries[current].callers, _inclusive).items():
                    above[caller] += part * weight
        level = {key: part for key, part in above.items() if part > 1e-4}
    return dict(found)


def _inclusive(times: tuple[float, float]) -> float:
    return times[1]


def describe_unmatched(unmatched: Mapping[str, int], at_most: int = 3) -> Iterable[str]:
    """Say which files of the profile were not found here, most frequent first."""
    for file, count in Counter(unmatched).most_common(at_most):
        yield f"{file} ({count} samples) is in the profile but not in this repository"
