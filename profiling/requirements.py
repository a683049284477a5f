"""What a project needs to run its tests, read from its metadata without running any of it."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from perfbot.profiling.project import (
    Table,
    at,
    read_ini,
    read_toml,
    strings_at,
    table_at,
)

_TEST_NAMES = ("test", "tests", "testing", "pytest", "unittest", "unit-test", "hatch-test")
_DEVELOPER_NAMES = ("dev", "develop", "development", "default")
_FILES_FOR = (
    "requirements-{}.txt requirements_{}.txt requirements.{}.txt {}-requirements.txt "
    "{}_requirements.txt requirements/{}.txt requirements/requirements-{}.txt"
).split()
# In a list for developers that tests do not need: checkers, documentation, releasing.
_NOT_FOR_TESTS = re.compile(
    "(mypy|pyright|pre-commit|prek|black|ruff|isort|flake8|pylint|tox|nox|twine|build|hatch|bump|"
    "sphinx|furo|mkdocs|ipython|jupyter|commitizen|towncrier|python-semantic-release)([-_].*)?"
)
_SERVED_BY_OVERLAY = frozenset(("pytest", "pytest-benchmark"))


@dataclass(frozen=True, slots=True)
class Requirements:
    """What to install: the project itself or not, its extras, requirements, requirement files."""

    project: bool
    extras: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of ``pip install`` in the root of the repository."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        project = (f".{extras}",) if self.project else ()
        return (
            *project,
            *self.requirements,
            *(part for name in self.files for part in ("-r", name)),
        )


def requirements(repository: Path) -> Requirements:
    """Return what the project and its tests need.

    Extras, dependency groups (PEP 735, Poetry, PDM, Hatch, uv) and requirement files count when
    they are named for tests, and those for developers where there are none for tests; the
    ``deps`` of tox where there are neither. ``requirements.txt`` counts for a project that cannot
    be installed.
    """
    pyproject = read_toml(repository / "pyproject.toml")
    installable = is_installable(repository)
    base = () if installable else _existing(repository, ("requirements.txt",))
    for names in (_TEST_NAMES, _DEVELOPER_NAMES):
        extras = tuple(each for each in _extras(repository, pyproject) if _normal(each) in names)
        groups = {_normal(name): wanted for name, wanted in _groups(pyproject)}
        listed = dict.fromkeys(each for name in names for each in groups.get(name, ()))
        wanted = tuple(each for each in listed if names is _TEST_NAMES or _is_for_tests(each))
        files = _existing(repository, (form.format(name) for form in _FILES_FOR for name in names))
        files += _existing(repository, (f"{name}/requirements.txt" for name in names))
        if (extras and installable) or wanted or files:
            return Requirements(installable, extras if installable else (), wanted, base + files)
    return Requirements(installable, (), tuple(_tox_requirements(repository)), base)


def _is_for_tests(requirement: str) -> bool:
    name = re.match(r"[\w.-]*", requirement)
    return name is None or not _NOT_FOR_TESTS.fullmatch(name[0].lower())


def is_installable(repository: Path) -> bool:
    """Say whether there is build metadata; a ``pyproject.toml`` of tools alone is none."""
    pyproject = read_toml(repository / "pyproject.toml")
    return (
        "build-system" in pyproject
        or "project" in pyproject
        or "poetry" in table_at(pyproject, "tool")
        or (repository / "setup.py").is_file()
        or "metadata" in read_ini(repository / "setup.cfg")
    )


def needs_no_installer(repository: Path, wanted: Requirements) -> bool:
    """Say whether the metadata is static and asks for nothing that perfbot does not bring anyway."""
    project = table_at(read_toml(repository / "pyproject.toml"), "project")
    static = {"name", "version"} <= set(project) and not (repository / "setup.py").exists()
    if wanted.project and (not static or at(project, "dynamic") or _builds_something(repository)):
        return False
    listed = strings_at(project, "dependencies") if wanted.project else []
    for extra, each in table_at(project, "optional-dependencies").items():
        if extra in wanted.extras and isinstance(each, list):
            listed += [str(requirement) for requirement in each]
    return not wanted.files and all(map(_is_served, [*listed, *wanted.requirements]))


def _builds_something(repository: Path) -> bool:
    """Say whether a build may make files: extension modules, hooks."""
    tool = table_at(read_toml(repository / "pyproject.toml"), "tool")
    return bool(
        at(tool, "setuptools", "ext-modules")
        or at(tool, "setuptools_scm") is not None
        or at(tool, "hatch", "build", "hooks")
        or at(tool, "hatch", "build", "targets", "wheel", "hooks")
        or at(tool, "maturin")
        or at(tool, "scikit-build")
        or at(tool, "poetry", "build")
        or (repository / "meson.build").exists()
    )


def _is_served(text: str) -> bool:
    try:
        wanted = Requirement(text)
    except InvalidRequirement:
        return False
    lower_bounds = all(each.operator == ">=" for each in wanted.specifier)
    return canonicalize_name(wanted.name) in _SERVED_BY_OVERLAY and lower_bounds


def requires_python(repository: Path) -> SpecifierSet:
    """Return the versions of Python that the project says it runs on; all, where it says nothing."""
    pyproject = read_toml(repository / "pyproject.toml")
    poetry = at(pyproject, "tool", "poetry", "dependencies", "python")
    for said in (
        at(pyproject, "project", "requires-python"),
        _from_poetry(poetry) if isinstance(poetry, str) else None,
        read_ini(repository / "setup.cfg").get("options", {}).get("python_requires"),
        _setup_py_string(repository / "setup.py", "python_requires"),
    ):
        if isinstance(said, str):
            try:
                return SpecifierSet(said)
            except InvalidSpecifier:
                continue
    return SpecifierSet()


def likely_version(repository: Path) -> str:
    """Guess the version that tools would take from version control, which the copy lacks."""
    metadata = repository / "PKG-INFO"
    if metadata.is_file():
        found = re.search(r"(?m)^Version: (\S+)$", metadata.read_text("utf-8", "replace"))
        if found:
            return found[1]
    return str(max(_tagged_versions(repository / ".git"), default=Version("0.0")))


def _tagged_versions(git: Path) -> Iterator[Version]:
    packed = git / "packed-refs"
    text = packed.read_text("utf-8", "replace") if packed.is_file() else ""
    names = re.findall(r"(?m)^\S+ refs/tags/(\S+)$", text)
    if (git / "refs" / "tags").is_dir():
        names += [path.name for path in (git / "refs" / "tags").iterdir()]
    for name in names:
        found = re.search(r"(?:^|[-_/v])(\d+(?:\.\d+)+\S*)$", name)
        try:
            yield Version(found[1] if found else "-")
        except InvalidVersion:
            continue


def _existing(repository: Path, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if (repository / name).is_file())


def _normal(name: str) -> str:
    return str(canonicalize_name(name))


def _extras(repository: Path, pyproject: Table) -> Iterator[str]:
    yield from table_at(pyproject, "project", "optional-dependencies")
    yield from table_at(pyproject, "tool", "poetry", "extras")
    yield from read_ini(repository / "setup.cfg").get("options.extras_require", {})
    yield from _setup_py_extras(repository / "setup.py")


def _groups(pyproject: Table) -> Iterator[tuple[str, list[str]]]:
    """Yield named lists of requirements in the forms that the tools have for them."""
    groups = table_at(pyproject, "dependency-groups")
    for name in groups:
        yield name, _expanded(groups, name, frozenset())
    tool = table_at(pyproject, "tool")
    for name in table_at(tool, "pdm", "dev-dependencies"):
        yield name, strings_at(tool, "pdm", "dev-dependencies", name)
    if uv := strings_at(tool, "uv", "dev-dependencies"):
        yield "dev", uv
    for name in table_at(tool, "hatch", "envs"):
        environment = table_at(tool, "hatch", "envs", name)
        listed = [
            *strings_at(environment, "dependencies"),
            *strings_at(environment, "extra-dependencies"),
        ]
        yield name, [each for each in listed if "{" not in each]
    for name in table_at(tool, "poetry", "group"):
        yield (
            name,
            list(_poetry_requirements(table_at(tool, "poetry", "group", name, "dependencies"))),
        )
    if poetry := table_at(tool, "poetry", "dev-dependencies"):
        yield "dev", list(_poetry_requirements(poetry))


def _expanded(groups: Table, name: str, within: frozenset[str]) -> list[str]:
    """Return the requirements of a dependency group with those it includes (PEP 735)."""
    listed = groups.get(name)
    if not isinstance(listed, list) or name in within:
        return []
    found: list[str] = []
    for each in listed:
        if isinstance(each, str):
            found.append(each)
        elif isinstance(included := at(each, "include-group"), str):
            found += _expanded(groups, included, within | {name})
    return found


def _poetry_requirements(dependencies: Table) -> Iterator[str]:
    for name, constraint in dependencies.items():
        version = at(constraint, "version") if isinstance(constraint, Mapping) else constraint
        if isinstance(version, str) and name != "python":
            yield name + _from_poetry(version)


def _from_poetry(constraint: str) -> str:
    """Translate Poetry's caret and tilde, keeping the lower bound only."""
    parts = []
    for part in constraint.split("||")[0].split(","):
        text = part.strip()
        if text.startswith(("^", "~")) and not text.startswith("~="):
            text = ">=" + text[1:].strip()
        elif re.match(r"\d", text):
            text = "==" + text
        parts.append("" if text == "*" else text)
    return ",".join(part for part in parts if part)


def _tox_requirements(repository: Path) -> Iterator[str]:
    """Yield the unconditional ``deps`` of tox's default environment."""
    lines = read_ini(repository / "tox.ini").get("testenv", {}).get("deps", "").splitlines()
    for line in map(str.strip, lines):
        try:
            yield str(Requirement(line))
        except InvalidRequirement:
            continue


def _setup_keywords(path: Path, name: str) -> Iterator[ast.expr]:
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == name:
            yield node.value


def _setup_py_string(path: Path, name: str) -> str | None:
    for value in _setup_keywords(path, name):
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return None


def _setup_py_extras(path: Path) -> Iterator[str]:
    for value in _setup_keywords(path, "extras_require"):
        for key in value.keys if isinstance(value, ast.Dict) else []:
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value
