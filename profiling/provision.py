"""Building a virtual environment for a repository that has none.

It holds what the project and its tests need, and of the project itself only the metadata: its
code always comes from the copy under judgement. It lies in the cache under a hash of all that
decides what is in it, the trust level included: what a stranger's build script made never serves
a run on the project's own branch.

Everything is installed inside the sandbox: wheels are fetched by name, apart from the repository, and
installed without network (``wheels.py``, ``installer.py``). Where wheels alone do not do, it is for the
operator to say whether build scripts may have network.
"""

import hashlib
import json
import os
import shlex
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.specifiers import SpecifierSet

from perfbot.profiling import reach, wheels
from perfbot.profiling.environment import (
    Interpreter,
    NoInterpreter,
    last_lines,
    query,
    run_inside,
)
from perfbot.profiling.environment_cache import MOST_BYTES, kept
from perfbot.profiling.install_policy import Network, Policy
from perfbot.profiling.installer import Installer
from perfbot.profiling.project import import_roots, read_toml, table_at
from perfbot.profiling.requirements import (
    Requirements,
    likely_version,
    needs_no_installer,
    requirements,
    requires_python,
)
from perfbot.profiling.sandbox import Sandbox
from perfbot.profiling.tree import export, files_of
from perfbot.profiling.wheels import NotByWheels

_NO_BASE = (
    "the project needs Python {wanted}, and no such CPython (3.10 or newer) was found{on}: install "
    "one, or name it in .perfbot.yml (workload: {{python: /path/to/python}})"
)
_NOT_DETACHED = "the installed copy of the project could not be taken out of {folder}:\n{output}"
_WHEELS_DO_NOT = (
    "wheels alone do not do for what this repository needs: {why}\nBuild scripts get no network here. "
    "The operator may allow it by setting PERFBOT_NETWORK_INSTALL=network; or name a virtual environment "
    "that its tests pass in: workload: {{python: .venv/bin/python}}"
)
_FORMAT = "2"  # raise it when environments of earlier versions of perfbot must not be used
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
    policy: Policy
    variables: Mapping[str, str]  # the caller's environment

    @property
    def key(self) -> str:
        total = hashlib.sha256()
        uv = shutil.which("uv", path=self.variables.get("PATH", ""))
        base = (self.base.version_text, str(self.base.executable.resolve()))
        policy = (self.policy.trust, self.policy.network)
        for part in (_FORMAT, *base, *policy, self.install or "", "uv" if uv else "pip"):
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
    policy: Policy,
    environ: Mapping[str, str],
    most_bytes: int = MOST_BYTES,
) -> Interpreter:
    """Return an interpreter with all that the project's tests need, built unless it is in the cache.

    ``install`` is the user's own command line (``workload.install``), ``policy`` says whose code it is
    and what may use the network, ``environ`` the caller's environment, of which PATH and the settings
    of pip, uv and proxies are looked at. One process builds at a time; an interrupted build is begun
    afresh; the cache holds ``most_bytes`` at most.

    Raises:
        NoInterpreter: no Python that the project runs on, or installing failed.
    """
    repository = repository.resolve()
    base = _base(repository, base_python, environ, sandbox)
    recipe = _Recipe(repository, base, install, policy, environ)
    place = cache.resolve() / "environments" / recipe.key
    folder = kept(place, lambda new: _fill(new, recipe, sandbox), most_bytes)
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
    venv.mkdir()
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
        _install(_Site(recipe, installer, venv), wanted)
        _detach(folder, recipe, sandbox)
    shutil.rmtree(work, ignore_errors=True)
    if os.geteuid() == 0:  # it was handed to the user that the sandbox runs as
        reach.give((folder,), 0)


@dataclass(frozen=True, slots=True)
class _Site:
    """Where something is being installed."""

    recipe: _Recipe
    installer: Installer
    venv: Path

    @property
    def source(self) -> Path:
        return self.installer.work / "source"

    @property
    def writable(self) -> tuple[Path, ...]:
        """What build scripts write to; all of it is handed to the sandbox's user."""
        return (self.venv.parent,)


def _install(site: _Site, wanted: Requirements) -> None:
    """Install by wheels alone; where that does not do, as far as the operator allows, with network."""
    may_build = site.recipe.policy.network is Network.NETWORK
    try:
        _install_fetched(site, wanted, build=may_build)
    except (NotByWheels, NoInterpreter) as error:
        if not may_build:
            raise NoInterpreter(_WHEELS_DO_NOT.format(why=error)) from error
        _run(site, wanted, network=True)


def _install_fetched(site: _Site, wanted: Requirements, *, build: bool) -> None:
    """Fetch apart from the repository, then install without network.

    Raises:
        NotByWheels: something is needed that has no name on an index.
        NoInterpreter: something is not there, or a build failed without network.
    """
    repository, installer = site.recipe.repository, site.installer
    listed, extras = wheels.listed(repository, wanted.files)
    needs = [*wheels.named(wanted.requirements, "the project's lists"), *listed]
    if wanted.project:
        _fetched(installer, wheels.build_requirements(repository), build=build)
        needs += _dependencies(site, extras.union(wanted.extras))
    if needs:
        _fetched(installer, needs, build=build)
    _run(site, wanted, network=False)


def _fetched(installer: Installer, needs: Sequence[str], *, build: bool) -> None:
    """Fetch wheels; where there are none and ``build`` allows it, let them be built, with network."""
    try:
        installer.fetch(needs, build=False)
    except NoInterpreter:
        if not build:
            raise
        installer.fetch(needs, build=True)


def _dependencies(site: _Site, extras: Collection[str]) -> list[str]:
    """Return what the project needs to run; where only its build can say it, by that, offline."""
    told = wheels.static_dependencies(site.recipe.repository, extras)
    if told is not None:
        return told
    into = site.installer.work / "project"
    into.mkdir()
    versions = _scm_versions(site.recipe.repository)
    site.installer.build_wheel(site.source, into, site.writable, versions)
    return wheels.dependencies_of(into, extras, _markers(site.recipe.base))


def _markers(base: Interpreter) -> dict[str, str]:
    """Return the environment of the target, as far as it differs from perfbot's own (PEP 508)."""
    return {
        "python_version": f"{base.version[0]}.{base.version[1]}",
        "python_full_version": base.version_text,
        "implementation_version": base.version_text,
    }


def _run(site: _Site, wanted: Requirements, *, network: bool) -> None:
    """Run the command of ``workload.install``, or the installer on all that is wanted."""
    if site.recipe.install is not None:
        _run_commands(site, network=network)
    elif wanted.arguments:
        site.installer.install(
            *wanted.arguments,
            cwd=site.source,
            writable=site.writable,
            network=network,
            extra=_scm_versions(site.recipe.repository),
        )


def _needs_pip(recipe: _Recipe, installer: Installer) -> bool:
    return installer.uv is None if recipe.install is None else "pip" in recipe.install


def _make_venv(recipe: _Recipe, installer: Installer, venv: Path, *, pip: bool) -> None:
    base = str(recipe.base.executable)
    if installer.uv is not None and not pip:
        argv = [str(installer.uv), "venv", "--no-project", "--python", base, str(venv)]
    else:
        argv = [base, "-m", "venv", *([] if pip else ["--without-pip"]), str(venv)]
    doing = "making a virtual environment"
    installer.run(argv, doing, cwd=venv.parent, writable=(venv.parent,), network=False)


def _scm_versions(repository: Path) -> dict[str, str]:
    return dict.fromkeys(_VERSION_VARIABLES, likely_version(repository))


def _run_commands(site: _Site, *, network: bool) -> None:
    """Run the user's own command line, whose commands may be joined by ``&&``."""
    extra = {**_scm_versions(site.recipe.repository), "VIRTUAL_ENV": str(site.venv)}
    for words in _commands(site.recipe.install or ""):
        site.installer.run(
            _in_environment(words, site.installer),
            "the command of .perfbot.yml (workload: install)",
            cwd=site.source,
            writable=site.writable,
            network=network,
            extra=extra,
        )


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
