"""pytest and pytest-benchmark for a target that lacks them, without touching its environment.

An overlay is a folder that comes *after* the target's own packages on ``sys.path``, so whatever
the target has is what it uses. Its contents fit the target's version of Python and the packages
that are there. Where perfbot's own environment has fitting pure-Python versions they are copied,
else they are installed into the folder with the target's packages as constraints.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from perfbot.profiling.environment import Interpreter
from perfbot.profiling.installer import Installer
from perfbot.profiling.sandbox import Sandbox

WANTED = ("pytest", "pytest-benchmark")
# The oldest that the harness knows how to talk to.
_LOWER_BOUNDS = {"pytest": "pytest>=7", "pytest-benchmark": "pytest-benchmark>=4"}
_FORMAT = "1"


def overlay(
    interpreter: Interpreter, cache: Path, sandbox: Sandbox, environ: Mapping[str, str]
) -> tuple[Path, ...]:
    """Return the folders to put after the target's site-packages; none where it lacks nothing.

    Raises:
        NoInterpreter: they had to be installed and that failed.
    """
    lacking = [name for name in WANTED if name not in interpreter.packages]
    if not lacking:
        return ()
    folders = cache.resolve() / "overlays"
    folder = folders / _key(interpreter, lacking)
    if not folder.is_dir():
        folders.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folders, prefix="new-") as new:
            _fill(Path(new), interpreter, lacking, sandbox, environ)
            _publish(Path(new) / "packages", folder)
    return (folder,)


def _publish(made: Path, folder: Path) -> None:
    """Give a finished overlay its name at once; whoever came first wins."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _key(interpreter: Interpreter, lacking: Sequence[str]) -> str:
    packages = sorted(interpreter.packages.items())
    own = [(each.metadata["Name"], each.version) for each in _own(lacking)]
    facts = (_FORMAT, interpreter.version_text, lacking, packages, own)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _own(names: Sequence[str]) -> Iterator[metadata.Distribution]:
    for name in names:
        try:
            yield metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue


def _fill(
    new: Path,
    interpreter: Interpreter,
    lacking: Sequence[str],
    sandbox: Sandbox,
    environ: Mapping[str, str],
) -> None:
    packages = new / "packages"
    packages.mkdir()
    copied = fitting(lacking, interpreter)
    if copied is not None:
        for distribution in copied:
            _copy(distribution, packages)
        return
    constraints = new / "constraints.txt"
    pins = (f"{name}=={version}\n" for name, version in interpreter.packages.items())
    constraints.write_text("".join(pins))
    installer = Installer(sandbox, interpreter.executable, interpreter.readable, new, environ)
    if installer.uv is None and "pip" not in interpreter.packages:
        installer = _with_pip(interpreter, installer)
    target = ("--target", str(packages), "--constraint", str(constraints))
    bounds = (_LOWER_BOUNDS[name] for name in lacking)
    installer.install(
        *target, "--only-binary", ":all:", *bounds, cwd=new, writable=(new,), network=True
    )


def _with_pip(interpreter: Interpreter, installer: Installer) -> Installer:
    """Return an installer of a throw-away environment, for a target without pip."""
    venv = installer.work / "venv"
    argv = [str(interpreter.executable), "-m", "venv", str(venv)]
    doing = "making a virtual environment"
    installer.run(argv, doing, cwd=installer.work, writable=(installer.work,), network=False)
    python = venv / "bin" / "python"
    readable = interpreter.readable
    return Installer(installer.sandbox, python, readable, installer.work, installer.variables)


def fitting(
    names: Sequence[str], interpreter: Interpreter
) -> tuple[metadata.Distribution, ...] | None:
    """Return perfbot's own distributions of ``names`` with all they need that the target lacks.

    ``None`` where one is missing here, is not pure Python, or does not fit the target's version of
    Python or one of its packages.
    """
    chosen: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(_LOWER_BOUNDS.get(name, name)) for name in names]
    while waiting:
        wanted = waiting.pop()
        name = str(canonicalize_name(wanted.name))
        there = interpreter.packages.get(name)
        found = chosen.get(name) or next(_own([name]), None)
        version = there or (found.version if found else "")
        if not version or not wanted.specifier.contains(version, prereleases=True):
            return None
        if there or name in chosen or found is None:
            continue
        if not _runs_in(found, interpreter):
            return None
        chosen[name] = found
        waiting += _needs(found, interpreter)
    return tuple(chosen.values())


def _runs_in(distribution: metadata.Distribution, interpreter: Interpreter) -> bool:
    python = SpecifierSet(distribution.metadata.json.get("requires_python") or "")
    pure = "Root-Is-Purelib: true" in (distribution.read_text("WHEEL") or "")
    return pure and python.contains(interpreter.version_text, prereleases=True)


def _needs(distribution: metadata.Distribution, interpreter: Interpreter) -> Iterator[Requirement]:
    environment = {
        "extra": "",
        "python_version": f"{interpreter.version[0]}.{interpreter.version[1]}",
        "python_full_version": interpreter.version_text,
        "implementation_version": interpreter.version_text,
    }
    for text in distribution.requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({**environment}):
            yield requirement


def _copy(distribution: metadata.Distribution, to: Path) -> None:
    for file in distribution.files or []:
        path = PurePosixPath(file)
        source = Path(str(distribution.locate_file(file)))
        inside = (
            ".." not in path.parts and not path.is_absolute() and "__pycache__" not in path.parts
        )
        if inside and source.is_file():
            (to / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, to / path)
