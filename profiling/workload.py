"""How a repository exercises itself: its tests, its benchmarks, commands of its owner.

The workload says what is hot and what is right, so it is found the way the project's own people
run it: pytest's settings first, then the folders and file names that everybody uses.
"""

import ast
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from perfbot.profiling.project import PytestSettings, pytest_settings
from perfbot.profiling.pytest_options import kept_options, neutral_arguments
from perfbot.profiling.source import UnreadableSource, read_source
from perfbot.profiling.tree import Tree, UnusableRepository, glob_pattern, is_vendored

_NOTHING_RUNS = (
    "nothing that runs was found in the repository: no tests (test_*.py, *_test.py or unittest "
    "cases), no pytest-benchmark file and no command. Name what exercises the code in .perfbot.yml, "
    'for example workload: {tests: "pytest tests"} or '
    'workload: {commands: ["python -m package.main data.csv"]}'
)
_NOT_PYTEST = (
    "workload.tests is {text!r}, which is no pytest command line: write pytest's arguments "
    '(tests: "pytest -q tests"), and give any other program under workload.commands'
)
_NOT_SPLIT = (
    "workload.{key} is {text!r}, which cannot be split into words ({why}): check its quotes"
)
_NO_BENCHMARK = (
    "workload.benchmarks is {text!r}, but no file there has a test with the benchmark fixture of "
    "pytest-benchmark: name a file, a folder or a pattern that does"
)
_DEFAULT_PATTERNS = ("test_*.py", "*_test.py")
_UNITTEST_PATTERN = "test*.py"  # unittest's own default for discovery
_TEST_FOLDERS = ("tests", "test")
_NO_TESTS_IN = frozenset("doc docs example examples sample samples build dist".split())
_BENCHMARK_FOLDERS = frozenset("benchmark benchmarks bench benches perf performance".split())
_BENCHMARK_FUNCTIONS = "python_functions=test bench"


@dataclass(frozen=True, slots=True)
class WorkloadSettings:
    """The section ``workload`` of ``.perfbot.yml``; what is ``None`` or empty is found."""

    python: str | None = None
    install: str | None = None
    tests: str | None = None
    benchmarks: str | None = None
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PytestArguments:
    """What to give pytest in the root of the tree: options, then paths (none: pytest's own choice)."""

    options: tuple[str, ...]
    paths: tuple[str, ...]

    @property
    def argv(self) -> tuple[str, ...]:
        """All arguments in order."""
        return (*self.options, *self.paths)


@dataclass(frozen=True, slots=True)
class Workload:
    """What exercises a tree.

    ``benchmarks`` are files with tests that use the ``benchmark`` fixture, ``commands`` argument
    lists, ``reasons`` a sentence for each part that says where it was found.
    """

    tests: PytestArguments | None
    benchmarks: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    reasons: tuple[str, ...]

    def benchmark_arguments(self) -> PytestArguments | None:
        """Return how to run the benchmark files alone; ``bench*`` functions are collected too."""
        if not self.benchmarks:
            return None
        options = self.tests.options if self.tests else neutral_arguments((), {})
        return PytestArguments((*options, "-o", _BENCHMARK_FUNCTIONS), self.benchmarks)


def discover(tree: Tree, configured: WorkloadSettings) -> Workload:
    """Find what exercises the tree; what is configured is taken instead of what would be found.

    Raises:
        UnusableRepository: nothing that runs, or a setting that names nothing.
    """
    settings = pytest_settings(tree.root)
    tests, where = _tests(tree, configured, settings)
    benchmarks = _benchmarks(tree, configured.benchmarks)
    commands = tuple(_words("commands", text) for text in configured.commands)
    if tests is None and not benchmarks and not commands:
        raise UnusableRepository(_NOTHING_RUNS)
    reasons = (
        *([where] if where else []),
        *([f"benchmarks: {_listing(benchmarks)} use the benchmark fixture"] if benchmarks else []),
        *(f"command from .perfbot.yml: {shlex.join(words)}" for words in commands),
    )
    return Workload(tests, benchmarks, commands, reasons)


def files_with_tests(tree: Tree) -> tuple[str, ...]:
    """Return the files that pytest collects by their names, and other files with unittest cases."""
    return tuple(_test_files(tree, pytest_settings(tree.root)))


def _tests(
    tree: Tree, configured: WorkloadSettings, settings: PytestSettings | None
) -> tuple[PytestArguments | None, str]:
    values = settings.values if settings else {}
    if configured.tests is not None:
        given = _pytest_words(tree, configured.tests)
        options = neutral_arguments(_addopts(settings), values)
        return PytestArguments((*options, *kept_options(given)), ()), "tests: .perfbot.yml"
    paths, where = _test_paths(tree, settings)
    if not paths:
        return None, ""
    return PytestArguments(neutral_arguments(_addopts(settings), values), paths), where


def _addopts(settings: PytestSettings | None) -> list[str]:
    value = settings.values.get("addopts") if settings else None
    if not isinstance(value, str):
        return settings.words("addopts") if settings else []
    try:
        return shlex.split(value)
    except ValueError:  # pytest itself would refuse it; without options it may run
        return []


def _words(key: str, text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as problem:
        raise UnusableRepository(_NOT_SPLIT.format(key=key, text=text, why=problem)) from problem


def _pytest_words(tree: Tree, text: str) -> tuple[str, ...]:
    """Return the arguments of a pytest command line, whose leading ``pytest`` may be missing."""
    words = _words("tests", text)
    program = PurePosixPath(words[0]).name if words else ""
    if program in ("pytest", "py.test"):
        return words[1:]
    if re.fullmatch(r"python[\d.]*", program) and words[1:3] in (
        ("-m", "pytest"),
        ("-m", "py.test"),
    ):
        return words[3:]
    first = words[0].partition("::")[0] if words else ""
    if words and not first.startswith("-") and not (tree.root / first).exists():
        raise UnusableRepository(_NOT_PYTEST.format(text=text))
    return words


def _test_paths(tree: Tree, settings: PytestSettings | None) -> tuple[tuple[str, ...], str]:
    """Return where tests lie, and a sentence that says why these."""
    listed = settings.words("testpaths") if settings else []
    chosen = tuple(dict.fromkeys(found for path in listed for found in _existing(tree, path)))
    if chosen and settings:
        return chosen, f"tests: testpaths of {settings.file}"
    files = _test_files(tree, settings)
    paths = tuple(dict.fromkeys(_collected_from(name, settings) for name in files))
    return paths, f"tests: {_listing(paths)}" if paths else ""


def _existing(tree: Tree, path: str) -> list[str]:
    """Return the path if it is there, or what its wildcards fit; never anything outside the tree."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        return []
    if any(letter in path for letter in "*?["):
        return sorted(each.relative_to(tree.root).as_posix() for each in tree.root.glob(path))
    return [parts.as_posix()] if (tree.root / parts).exists() else []


def _test_files(tree: Tree, settings: PytestSettings | None) -> list[str]:
    patterns = [glob_pattern(each) for each in _patterns(settings)]
    loose = glob_pattern(_UNITTEST_PATTERN)
    candidates = [name for name in tree.files if name.endswith(".py") and _may_hold_tests(name)]
    return [
        name
        for name in candidates
        if any(pattern.fullmatch(name) for pattern in patterns)
        or (loose.fullmatch(name) and _has_test_case(tree, name))
    ]


def _patterns(settings: PytestSettings | None) -> Sequence[str]:
    return (settings.words("python_files") if settings else []) or _DEFAULT_PATTERNS


def _may_hold_tests(name: str) -> bool:
    folders = PurePosixPath(name).parts[:-1]
    beside = bool(folders) and folders[0] in _NO_TESTS_IN | _BENCHMARK_FOLDERS
    return not (beside or is_vendored(name))


def _collected_from(name: str, settings: PytestSettings | None) -> str:
    """Return the outermost ``tests`` folder of a file that is collected by name, else the file."""
    parts = name.split("/")
    by_name = any(glob_pattern(each).fullmatch(name) for each in _patterns(settings))
    inner = [index for index, part in enumerate(parts[:-1]) if part in _TEST_FOLDERS]
    return "/".join(parts[: inner[0] + 1]) if by_name and inner else name


def _has_test_case(tree: Tree, name: str) -> bool:
    for node in _nodes(tree, name):
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
            if any(base.endswith("TestCase") for base in bases):
                return True
    return False


def _benchmarks(tree: Tree, configured: str | None) -> tuple[str, ...]:
    pattern = glob_pattern(configured) if configured is not None else None
    named = [
        name
        for name in tree.files
        if name.endswith(".py")
        and (pattern.fullmatch(name) if pattern else _may_hold_benchmarks(name))
    ]
    found = tuple(name for name in named if _uses_benchmark_fixture(tree, name))
    if configured is not None and not found:
        raise UnusableRepository(_NO_BENCHMARK.format(text=configured))
    return found


def _may_hold_benchmarks(name: str) -> bool:
    path = PurePosixPath(name)
    likely = (
        any(part in _BENCHMARK_FOLDERS | {*_TEST_FOLDERS} for part in path.parts[:-1])
        or path.stem.startswith(("test", "bench"))
        or path.stem.endswith(("_test", "_bench", "_benchmark"))
    )
    return likely and not is_vendored(name)


def _uses_benchmark_fixture(tree: Tree, name: str) -> bool:
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith(("test", "bench"))
        and "benchmark" in {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
        for node in _nodes(tree, name)
    )


def _nodes(tree: Tree, name: str) -> Iterator[ast.AST]:
    """Yield the nodes of a file's syntax tree; nothing of a file that cannot be parsed."""
    try:
        module = ast.parse(read_source(tree.root / name).text)
    except (UnreadableSource, OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    yield from ast.walk(module)


def _listing(names: Sequence[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")
