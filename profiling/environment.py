"""Which Python runs the target.

The order is that of the user's intent: what is configured, the virtual environment of the
repository, the one that is active, conda's. Where there is none, ``perfbot.profiling.provision``
builds one. An interpreter is asked about itself inside the sandbox: a repository can bring its own.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfbot.profiling.sandbox import Command, Completed, Limits, Sandbox
from perfbot.profiling.tree import UnusableRepository

OLDEST = (3, 10)
_DOES_NOT_RUN = (
    "{executable} does not run as a Python interpreter ({why}): name one that does in .perfbot.yml "
    "(workload: {{python: .venv/bin/python}})"
)
_UNSUITABLE = (
    "{executable} is {implementation} {version}, but perfbot works on code that runs in CPython "
    "3.10 or newer: name such an interpreter in .perfbot.yml (workload: {{python: python3.12}})"
)
_NOT_FOUND = (
    "the interpreter {configured!r} of .perfbot.yml (workload: python) was not found: give a path "
    "relative to the repository, or the name of a program on PATH"
)
_SCRIPT = Path(__file__).parent / "inside" / "interpreter.py"
_QUERY_LIMITS = Limits(wall_s=60, cpu_s=60)
_MOST_LINKS = 40  # the kernel's own limit
_SYSTEM_FOLDERS = tuple(map(Path, "/etc /proc /sys /dev /run /var /boot".split()))
_SECRETS = frozenset(
    ".ssh .aws .gnupg .kube .docker .config .netrc .git-credentials .azure .password-store".split()
)


class NoInterpreter(UnusableRepository):
    """There is no Python to run the target with; the message says what was tried and what to do."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A target interpreter.

    ``packages`` maps normalized distribution names to versions, ``import_names`` are the
    top-level modules they bring. ``readable`` are the folders that a sandbox must let it read.
    ``built`` is a folder of files that only the project's build makes, under the paths that they
    have in the tree (``built_files``), for an interpreter that perfbot built.
    """

    executable: Path
    version: tuple[int, int, int]
    prefix: Path
    base_prefix: Path
    packages: Mapping[str, str]
    import_names: frozenset[str]
    readable: tuple[Path, ...]
    built: Path | None = None

    @property
    def version_text(self) -> str:
        """The version as ``3.12.1``."""
        return ".".join(map(str, self.version))


def find(
    repository: Path, configured: str | None, environ: Mapping[str, str], sandbox: Sandbox
) -> Interpreter | None:
    """Return the interpreter that the user means, or ``None`` where one must be built.

    Only a configured interpreter has to work; others that do not run (a copied or outdated
    virtual environment) are passed over. ``VIRTUAL_ENV`` does not count when it is perfbot's own.

    Raises:
        NoInterpreter: what is configured is not there, does not run, or is no CPython >= 3.10.
    """
    if configured is not None:
        return query(_configured(repository, configured, environ), sandbox)
    for executable in _candidates(repository.absolute(), environ):
        try:
            return query(executable, sandbox)
        except NoInterpreter:
            continue
    return None


def _configured(repository: Path, configured: str, environ: Mapping[str, str]) -> Path:
    if "/" in configured:
        found: Path | None = repository.absolute() / Path(configured).expanduser()
    else:
        on_path = shutil.which(configured, path=environ.get("PATH", ""))
        found = Path(on_path).absolute() if on_path else None
    if found is None or not found.exists():
        raise NoInterpreter(_NOT_FOUND.format(configured=configured))
    return found / "bin" / "python" if found.is_dir() else found


def _candidates(repository: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    folders = [repository / ".venv", repository / "venv"]
    active = environ.get("VIRTUAL_ENV")
    if active and Path(active).resolve() != Path(sys.prefix).resolve():
        folders.append(Path(active))
    if conda := environ.get("CONDA_PREFIX"):
        folders.append(Path(conda))
    for folder in folders:
        executable = folder / "bin" / "python"
        if folder.is_absolute() and executable.exists():
            yield executable


def query(executable: Path, sandbox: Sandbox) -> Interpreter:
    """Ask an interpreter about itself, in one process inside the sandbox.

    Raises:
        NoInterpreter: it does not run, does not answer sensibly, or is no CPython >= 3.10.
    """
    reach = permitted(_installation(executable))
    completed = run_inside(executable, ("describe",), reach, sandbox)
    try:
        return _described(executable, json.loads(completed.stdout), reach)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        why = last_lines(completed, 3) or "it gave no answer"
        raise NoInterpreter(_DOES_NOT_RUN.format(executable=executable, why=why)) from problem


def run_inside(
    executable: Path,
    arguments: Sequence[str],
    readable: Sequence[Path],
    sandbox: Sandbox,
    writable: Sequence[Path] = (),
) -> Completed:
    """Run ``inside/interpreter.py`` in an interpreter."""
    argv = (str(executable), "-I", "-c", _SCRIPT.read_text(encoding="utf-8"), *arguments)
    apart = tuple(path for path in readable if not _lies_in(path, writable))
    command = Command(argv, Path("/"), apart, tuple(writable), limits=_QUERY_LIMITS)
    return sandbox.run(command)


def last_lines(completed: Completed, count: int) -> str:
    """Return the last lines that a command wrote, of its errors where there are any."""
    said = completed.stderr.strip() or completed.stdout.strip()
    return "\n".join(said.decode(errors="replace").splitlines()[-count:])


def permitted(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the existing folders of ``paths`` that a target may be let read, without nested ones.

    A repository's own environment may name any path; never given are the home folder and what
    holds it, folders of credentials, and the system's configuration and state.
    """
    real = dict.fromkeys(path for path in paths if path.is_absolute() and _is_harmless(path))
    return tuple(
        path for path in real if not _lies_in(path, [each for each in real if each != path])
    )


def _is_harmless(path: Path) -> bool:
    home = Path.home().resolve()
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return False
    if home.is_relative_to(real) or any(map(real.is_relative_to, _SYSTEM_FOLDERS)):
        return False
    return not (real.is_relative_to(home) and _SECRETS & set(real.relative_to(home).parts))


def _lies_in(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _installation(executable: Path) -> Iterator[Path]:
    """Yield the folders that the executable needs to start, following its links one by one."""
    step = executable.absolute()
    for _ in range(_MOST_LINKS):
        folder = step.parent
        prefix = folder.parent if folder.name in ("bin", "shims") else folder
        yield prefix
        yield folder
        home = Path(_venv_home(prefix / "pyvenv.cfg") or folder)
        yield home.parent if home.name == "bin" else home
        if not step.is_symlink():
            return
        step = folder / step.readlink()


def _venv_home(configuration: Path) -> str | None:
    try:
        lines = configuration.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    pairs = (line.partition("=") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() == "home"), None)


def _described(executable: Path, answer: dict[str, object], reach: Sequence[Path]) -> Interpreter:
    """Check an answer, which may come from anybody; raise ``ValueError`` where it is malformed."""
    match answer:
        case {
            "implementation": str(implementation),
            "version": [int(major), int(minor), int(micro)],
            "prefix": str(prefix),
            "base_prefix": str(base_prefix),
            "packages": dict(packages),
            "import_names": list(names),
            "readable": list(readable),
        }:
            version = (major, minor, micro)
        case _:
            raise ValueError("malformed answer")
    if implementation != "cpython" or version < OLDEST:
        values = {"implementation": str(implementation), "version": f"{major}.{minor}.{micro}"}
        raise NoInterpreter(_UNSUITABLE.format(executable=executable, **values))
    return Interpreter(
        executable,
        version,
        Path(prefix),
        Path(base_prefix),
        {str(name): str(version) for name, version in packages.items()},
        frozenset(map(str, names)),
        permitted((*reach, *(Path(str(path)) for path in readable))),
    )
