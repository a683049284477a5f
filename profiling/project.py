"""What the files of a repository say about it: import roots, requirements, pytest's settings.

Only files are read; nothing of the project is run. A file that cannot be parsed says nothing
here (the tool that it is meant for will complain with a better message).
"""

import ast
import configparser
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

Table: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PytestSettings:
    """The settings of one file in pytest's configuration; a value is a string or a list."""

    file: str
    values: Table

    def words(self, key: str) -> list[str]:
        """Return a setting of several words: a list as it is, a string split at whitespace."""
        value = self.values.get(key)
        return value.split() if isinstance(value, str) else _strings(value)


def read_toml(path: Path) -> Table:
    """Return the contents of a TOML file; an empty table where there is none or it is broken."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def read_ini(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Return the sections of an INI file; none where there is none or it is broken."""
    parser = configparser.RawConfigParser(strict=False, default_section="")
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):
        return {}
    return {name: dict(parser.items(name)) for name in parser.sections()}


def at(table: object, *keys: str) -> object:
    """Return what lies below nested keys, or ``None``."""
    for key in keys:
        table = table.get(key) if isinstance(table, Mapping) else None
    return table


def table_at(table: object, *keys: str) -> Table:
    """Return the table below nested keys; an empty one where there is none."""
    found = at(table, *keys)
    return found if isinstance(found, Mapping) else {}


def strings_at(table: object, *keys: str) -> list[str]:
    """Return the strings of the list below nested keys, or of the one string there."""
    return _strings(at(table, *keys))


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def pytest_settings(repository: Path) -> PytestSettings | None:
    """Return the settings that pytest itself would take, in its own order of precedence.

    Source: ``_pytest.config.findpaths.locate_config`` of pytest 9.
    """
    for name, read in _PYTEST_FILES.items():
        values = read(repository / name) if (repository / name).is_file() else None
        if values is not None:
            return PytestSettings(name, values)
    return None


def _pytest_toml(path: Path) -> Table | None:
    return table_at(read_toml(path), "pytest")


def _pytest_ini(path: Path) -> Table | None:
    return read_ini(path).get("pytest", {})


def _pytest_pyproject(path: Path) -> Table | None:
    tool = table_at(read_toml(path), "tool", "pytest")
    own = {key: value for key, value in tool.items() if key != "ini_options"}
    return own or (table_at(tool, "ini_options") if "ini_options" in tool else None)


def _tox_ini(path: Path) -> Table | None:
    return read_ini(path).get("pytest")


def _setup_cfg(path: Path) -> Table | None:
    return read_ini(path).get("tool:pytest")


_PYTEST_FILES: Mapping[str, Callable[[Path], Table | None]] = {
    "pytest.toml": _pytest_toml,
    ".pytest.toml": _pytest_toml,
    "pytest.ini": _pytest_ini,
    ".pytest.ini": _pytest_ini,
    "pyproject.toml": _pytest_pyproject,
    "tox.ini": _tox_ini,
    "setup.cfg": _setup_cfg,
}


def import_roots(repository: Path) -> tuple[str, ...]:
    """Return the folders from which the project's modules are imported, most specific first.

    They come from the build metadata, a ``src`` folder that is no package itself, and pytest's
    ``pythonpath``; the repository (``"."``) is always the last, as ``python -m pytest`` has it.
    """
    settings = pytest_settings(repository)
    named = [
        *_built_from(read_toml(repository / "pyproject.toml")),
        *_setup_cfg_roots(read_ini(repository / "setup.cfg")),
        *_setup_py_roots(repository / "setup.py"),
        *(["src"] if _is_src_layout(repository / "src") else []),
        *(settings.words("pythonpath") if settings else []),
    ]
    inside = [root for root in map(_normal, named) if root and (repository / root).is_dir()]
    return (*dict.fromkeys(root for root in inside if root != "."), ".")


def _normal(root: str) -> str | None:
    path = PurePosixPath(root)
    return None if path.is_absolute() or ".." in path.parts else path.as_posix()


def _is_src_layout(src: Path) -> bool:
    if not src.is_dir() or (src / "__init__.py").exists():
        return False
    return any(path.suffix == ".py" or path.is_dir() for path in src.iterdir())


def _built_from(pyproject: Table) -> Iterator[str]:
    tool = table_at(pyproject, "tool")
    yield from _package_dir(table_at(tool, "setuptools", "package-dir"))
    yield from strings_at(tool, "setuptools", "packages", "find", "where")
    for build in (
        table_at(tool, "hatch", "build", "targets", "wheel"),
        table_at(tool, "hatch", "build"),
    ):
        yield from (_parent(each) for each in strings_at(build, "packages"))
        yield from strings_at(build, "sources")
        yield from strings_at(build, "dev-mode-dirs")
    packages = at(tool, "poetry", "packages")
    for package in packages if isinstance(packages, list) else []:
        yield from strings_at(package, "from")
    yield from strings_at(tool, "pdm", "build", "package-dir")
    yield from strings_at(tool, "uv", "build-backend", "module-root")
    yield from strings_at(tool, "maturin", "python-source")
    yield from (_parent(each) for each in strings_at(tool, "scikit-build", "wheel", "packages"))


def _package_dir(mapping: Mapping[str, object]) -> Iterator[str]:
    """Yield the root of all packages, and those of packages that lie in a folder of their name."""
    for package, folder in mapping.items():
        path = PurePosixPath(str(folder))
        depth = len(package.split(".")) if package else 0
        if not package or path.parts[-depth:] == tuple(package.split(".")):
            yield PurePosixPath(*path.parts[: len(path.parts) - depth]).as_posix()


def _parent(folder: str) -> str:
    return PurePosixPath(folder).parent.as_posix()


def _setup_cfg_roots(sections: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    lines = sections.get("options", {}).get("package_dir", "").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    yield from _package_dir({name.strip(): folder.strip() for name, _, folder in pairs})
    where = sections.get("options.packages.find", {}).get("where")
    if where:
        yield where.strip()


def _setup_py_roots(path: Path) -> Iterator[str]:
    """Yield what a literal ``package_dir`` or ``find_packages`` says; setup.py is never run."""
    for call in _calls(path):
        for keyword in call.keywords:
            match keyword:
                case ast.keyword(arg="package_dir", value=ast.Dict() as mapping):
                    yield from _package_dir(_literal_strings(mapping))
                case ast.keyword(arg="packages", value=ast.Call() as finder):
                    yield from _where(finder)


def _calls(path: Path) -> list[ast.Call]:
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [node for node in ast.walk(module) if isinstance(node, ast.Call)]


def _literal_strings(mapping: ast.Dict) -> dict[str, object]:
    return {
        key.value: value.value
        for key, value in zip(mapping.keys, mapping.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }


def _where(finder: ast.Call) -> Iterator[str]:
    given = [*finder.args[:1], *(each.value for each in finder.keywords if each.arg == "where")]
    for each in given:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
