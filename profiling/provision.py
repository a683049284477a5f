"""Building a virtual environment for a repository that has none.

It holds what the project and its tests need, and of the project itself only the metadata: its
code always comes from the copy under judgement. It lies in the cache under a hash of all that
decides what is in it, the trust level included: what a stranger's build script made never serves
a run on the project's own branch.
"""

import fcntl
import hashlib
import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.specifiers import SpecifierSet

from perfbot.profiling.environment import (
    Interpreter,
    NoInterpreter,
    last_lines,
    query,
    run_inside,
)
from perfbot.profiling.installer import Installer
from perfbot.profiling.project import import_roots, read_toml, table_at
from perfbot.profiling.requirements import (
    likely_version,
    needs_no_installer,
    requirements,
    requires_python,
)
from perfbot.profiling.sandbox import Sandbox
from perfbot.profiling.tree import export, files_of

_NO_BASE = (
    "the project needs Python {wanted}, and no such CPython (3.10 or newer) was found{on}: install "
    "one, or name it in .perfbot.yml (workload: {{python: /path/to/python}})"
)
_NOT_DETACHED = "the installed copy of the project could not be taken out of {folder}:\n{output}"
_FORMAT = "1"  # raise it when environments of earlier versions of perfbot must not be used
_DECIDING = (
    "pyproject.toml setup.py setup.cfg tox.ini .python-version PKG-INFO *requirements*.txt "
    "requirements/*.txt test/requirements.txt tests/requirements.txt *.lock MANIFEST.in"
).split()
_COMPILED = (".c", ".cc", ".cpp", ".pyx", ".pxd", ".rs", ".h", ".f90")  # built into modules
_BASE_NAMES = "python3 python3.13 python3.12 python3.14 python3.11 python3.10 python".split()
_VERSION_VARIABLES = (
    "SETUPTOOLS_SCM_PRETEND_VERSION PDM_BUILD_SCM_VERSION PBR_VERSION "
    "POETRY_DYNAMIC_VERSIONING_BYPASS UV_DYNAMIC_VERSIONING_BYPASS"
).split()
_MOST_BUILT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What decides the contents of an environment."""

    repository: Path
    base: Interpreter
    install: str | None
    trust: str
    variables: Mapping[str, str]  # the caller's environment

    @property
    def key(self) -> str:
        total = hashlib.sha256()
        uv = shutil.which("uv", path=self.variables.get("PATH", ""))
        base = (self.base.version_text, str(self.base.executable.resolve()))
        for part in (_FORMAT, *base, self.trust, self.install or "", "uv" if uv else "pip"):
            total.update(part.encode() + b"\0")
        for path in _deciding_files(self.repository):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(
                f"{path.relative_to(self.repository)}\0{digest}\n".encode(errors="replace")
            )
        return total.hexdigest()[:32]


def build(
    repository: Path,
    cache: Path,
    sandbox: Sandbox,
    base_python: Path | None,
    install: str | None,
    trust: str,
    environ: Mapping[str, str],
) -> Interpreter:
    """Return an interpreter with all that the project's tests need, built unless it is in the cache.

    ``install`` is the user's own command line (``workload.install``), ``trust`` a word for whose
    code builds it, ``environ`` the caller's environment, of which PATH and the settings of pip, uv
    and proxies are looked at. One process builds at a time; an interrupted build is begun afresh.

    Raises:
        NoInterpreter: no Python that the project runs on, or installing failed.
    """
    repository = repository.resolve()
    base = _base(repository, base_python, environ, sandbox)
    recipe = _Recipe(repository, base, install, trust, environ)
    folder = cache.resolve() / "environments" / recipe.key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        complete = folder.with_suffix(".complete")  # beside the folder, which a build can write to
        if not (complete.is_file() and folder.is_dir()):
            complete.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            _fill(folder, recipe, sandbox)
            complete.touch()
    built = folder / "built"
    interpreter = query(folder / "venv" / "bin" / "python", sandbox)
    return replace(interpreter, built=built if built.is_dir() else None)


def built_files(interpreter: Interpreter) -> dict[str, bytes]:
    """Return the files that only the project's build makes: a version module, extension modules.

    They belong into a copy that lacks them (``export(..., added=...)``). Links are left out, and
    what a build made beyond 64 MiB.
    """
    folder = interpreter.built
    if folder is None:
        return {}
    found: dict[str, bytes] = {}
    left_bytes = _MOST_BUILT_BYTES
    for path in sorted(folder.rglob("*")):
        inside = path.parent.resolve().is_relative_to(folder.resolve())
        if inside and not path.is_symlink() and path.is_file():
            left_bytes -= path.stat().st_size
            if left_bytes >= 0:
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _deciding_files(repository: Path) -> list[Path]:
    named = {path for pattern in _DECIDING for path in repository.glob(pattern)}
    compiled = {repository / name for name in files_of(repository) if name.endswith(_COMPILED)}
    return sorted(path for path in named | compiled if path.is_file())


def _base(
    repository: Path, given: Path | None, environ: Mapping[str, str], sandbox: Sandbox
) -> Interpreter:
    wanted = requires_python(repository)
    for executable in [given] if given else _bases(repository, environ):
        try:
            interpreter = query(executable.absolute(), sandbox)
        except NoInterpreter:
            if given:
                raise
            continue
        if wanted.contains(interpreter.version_text, prereleases=True):
            return interpreter
    raise NoInterpreter(_no_base(wanted, given))


def _no_base(wanted: SpecifierSet, given: Path | None) -> str:
    return _NO_BASE.format(
        wanted=wanted or ">=3.10", on=f" ({given} is not)" if given else " on PATH"
    )


def _bases(repository: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield Pythons in the order of preference: the project's, the usual one, others, our own."""
    pinned = repository / ".python-version"
    lines = pinned.read_text("utf-8", "replace").split() if pinned.is_file() else []
    chosen = [f"python{'.'.join(line.split('.')[:2])}" for line in lines[:1] if line[:1].isdigit()]
    for name in (*chosen, *_BASE_NAMES):
        if found := shutil.which(name, path=environ.get("PATH", "")):
            yield Path(found)
    yield Path(sys.executable)


def _fill(folder: Path, recipe: _Recipe, sandbox: Sandbox) -> None:
    work, venv = folder / "work", folder / "venv"
    work.mkdir(parents=True)
    python = venv / "bin" / "python"
    installer = Installer(sandbox, python, recipe.base.readable, work, recipe.variables)
    wanted = requirements(recipe.repository)
    if recipe.install is None and needs_no_installer(recipe.repository, wanted):
        _make_venv(recipe, installer, venv, pip=False)
        if wanted.project:
            _write_metadata(recipe, venv)
    else:
        tree = export(recipe.repository, work / "source")
        (work / "files.json").write_text(json.dumps(tree.files))
        _make_venv(recipe, installer, venv, pip=_needs_pip(recipe, installer))
        if recipe.install is not None:
            _run_commands(recipe, installer)
        elif wanted.arguments:
            cwd = work / "source"
            extra = _scm_versions(recipe.repository)
            installer.install(*wanted.arguments, cwd=cwd, writable=folder, extra=extra)
        _detach(folder, recipe, sandbox)
    shutil.rmtree(work, ignore_errors=True)


def _needs_pip(recipe: _Recipe, installer: Installer) -> bool:
    return installer.uv is None if recipe.install is None else "pip" in recipe.install


def _make_venv(recipe: _Recipe, installer: Installer, venv: Path, *, pip: bool) -> None:
    base = str(recipe.base.executable)
    if installer.uv is not None and not pip:
        argv = [str(installer.uv), "venv", "--no-project", "--python", base, str(venv)]
    else:
        argv = [base, "-m", "venv", *([] if pip else ["--without-pip"]), str(venv)]
    doing = "making a virtual environment"
    installer.run(argv, doing, cwd=venv.parent, writable=venv.parent, network=False)


def _scm_versions(repository: Path) -> dict[str, str]:
    return dict.fromkeys(_VERSION_VARIABLES, likely_version(repository))


def _run_commands(recipe: _Recipe, installer: Installer) -> None:
    """Run the user's own command line, whose commands may be joined by ``&&``."""
    folder = installer.work.parent
    for words in _commands(recipe.install or ""):
        extra = {**_scm_versions(recipe.repository), "VIRTUAL_ENV": str(folder / "venv")}
        argv = _in_environment(words, installer)
        doing = "the command of .perfbot.yml (workload: install)"
        cwd = installer.work / "source"
        installer.run(argv, doing, cwd=cwd, writable=folder, extra=extra)


def _commands(text: str) -> Iterator[list[str]]:
    words: list[str] = []
    for word in [*shlex.split(text), "&&"]:
        if word in ("&&", ";"):
            if words:
                yield words
            words = []
        else:
            words.append(word)


def _in_environment(words: list[str], installer: Installer) -> list[str]:
    name = Path(words[0]).name
    if name in ("pip", "pip3"):
        return [str(installer.python), "-m", "pip", *words[1:]]
    if name in ("python", "python3"):
        return [str(installer.python), *words[1:]]
    if name == "uv" and installer.uv is not None:
        return [str(installer.uv), *words[1:]]
    return words


def _detach(folder: Path, recipe: _Recipe, sandbox: Sandbox) -> None:
    source, built = folder / "work" / "source", folder / "built"
    project = {"source": str(source), "roots": import_roots(recipe.repository), "built": str(built)}
    python = folder / "venv" / "bin" / "python"
    arguments = ("detach", json.dumps(project))
    completed = run_inside(python, arguments, recipe.base.readable, sandbox, (folder,))
    if completed.returncode != 0:
        output = last_lines(completed, 15)
        raise NoInterpreter(_NOT_DETACHED.format(folder=folder, output=output))


def _write_metadata(recipe: _Recipe, venv: Path) -> None:
    """Write what installing would have written, for a project that asks for its own version."""
    project = table_at(read_toml(recipe.repository / "pyproject.toml"), "project")
    name, version = (" ".join(str(project[key]).split()) for key in ("name", "version"))
    lib = f"python{recipe.base.version[0]}.{recipe.base.version[1]}"
    file_name = "_".join("".join(c if c.isalnum() else " " for c in name).split())
    number = "".join(c for c in version if c.isalnum() or c in ".+!_-")
    info = venv / "lib" / lib / "site-packages" / f"{file_name}-{number}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("\n".join(_entry_points(project)) + "\n")
    (info / "RECORD").write_text("")


def _entry_points(project: Mapping[str, object]) -> Iterator[str]:
    groups = {
        "console_scripts": table_at(project, "scripts"),
        "gui_scripts": table_at(project, "gui-scripts"),
    }
    for group in table_at(project, "entry-points"):
        groups[group] = table_at(project, "entry-points", group)
    for group, entries in groups.items():
        if entries:
            yield f"[{group}]"
            yield from (f"{name} = {target}" for name, target in entries.items())
