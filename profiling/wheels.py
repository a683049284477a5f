"""What of a project's needs wheels alone can meet, read without running any of it.

A wheel is unpacked; everything else (a source distribution, a folder, a repository elsewhere) runs
its authors' code when it is installed, or even looked at. So what is asked of an index with network is
a list of names and versions that is written here: no addresses, no paths, no options of the
repository's choosing. Sources: PEP 427, PEP 508, PEP 517; pip's "Requirements File Format".
"""

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email.parser import BytesParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from perfbot.profiling.project import Table, at, read_toml, strings_at, table_at

ADDRESS = "{requirement} names an address to install from"
OPTION = "{file} has the option {option}"
NO_REQUIREMENT = "{text!r} in {file} is no name with versions"
UNREADABLE = "{file} cannot be read"
NO_METADATA = "what the project's build made is no wheel"
_HARMLESS_OPTIONS = ("--pre", "--prefer-binary", "--only-binary", "--no-binary", "--use-feature")
_FILE_OPTION = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s+|=|(?<=-[rc]))(?P<name>\S+)")
_ITSELF = re.compile(r"(?:(?:-e|--editable)[\s=]+)?\.(?:/)?(?:\[(?P<extras>[\w\s.,-]*)\])?")
_ARCHIVES = (
    ".whl",
    ".zip",
    ".tar",
    ".gz",
    ".tgz",
    ".bz2",
    ".xz",
    ".tbz",
    ".txz",
    ".tlz",
)  # to pip, files
_HASH = re.compile(r"\s--hash[=\s]\S+")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_MOST_FILES = 50
_LARGEST_BYTES = 1 << 20


class NotByWheels(Exception):  # noqa: N818 - it says what the needs are
    """Something is needed that no wheel from an index meets; the message says what."""


def named(requirements: Iterable[str], file: str) -> list[str]:
    """Return requirements in a spelling of our own; raises NotByWheels for what is not a name.

    ``file`` is where they stand, for the message.
    """
    return [str(_named(text, file)) for text in requirements]


def _named(text: str, file: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise NotByWheels(NO_REQUIREMENT.format(text=text[:80], file=file)) from None
    if requirement.url is not None or requirement.name.lower().endswith(_ARCHIVES):
        raise NotByWheels(ADDRESS.format(requirement=requirement.name))
    return requirement


def listed(repository: Path, names: Sequence[str]) -> tuple[list[str], frozenset[str]]:
    """Return what requirement files ask for and the extras of the project that they name.

    Hashes are kept. Raises NotByWheels for other indexes, addresses, paths and files elsewhere.
    """
    found: list[str] = []
    extras: set[str] = set()
    waiting, seen = list(names), set(names)
    while waiting:
        file = waiting.pop(0)
        for line in _lines(repository, file):
            if inner := _FILE_OPTION.fullmatch(line):
                other = (Path(file).parent / inner["name"]).as_posix()
                waiting += [other] if other not in seen and len(seen) < _MOST_FILES else []
                seen.add(other)
            elif itself := _ITSELF.fullmatch(line):
                extras |= set(re.findall(r"[\w.-]+", itself["extras"] or ""))
            elif line.startswith("-"):
                _check_option(line, file)
            else:
                hashes = "".join(_HASH.findall(line))
                found.append(str(_named(_HASH.sub("", line), file)) + hashes)
    return list(dict.fromkeys(found)), frozenset(extras)


def _lines(repository: Path, file: str) -> Iterator[str]:
    """Yield the lines of a requirement file with continuations joined and comments taken away."""
    path = repository / file
    inside = path.resolve().is_relative_to(repository.resolve())
    if not inside or not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
        raise NotByWheels(UNREADABLE.format(file=file))
    text = path.read_text("utf-8-sig", "replace").replace("\\\n", " ").replace("\\\r\n", " ")
    yield from filter(None, (_COMMENT.sub("", line).strip() for line in text.splitlines()))


def _check_option(line: str, file: str) -> None:
    option = re.split(r"[\s=]", line)[0]
    if option not in _HARMLESS_OPTIONS:
        raise NotByWheels(OPTION.format(file=file, option=option))


def build_requirements(repository: Path) -> list[str]:
    """Return what building the project takes (PEP 518); raises NotByWheels as ``named`` does."""
    system = table_at(read_toml(repository / "pyproject.toml"), "build-system")
    wanted = strings_at(system, "requires") if "requires" in system else ["setuptools", "wheel"]
    names = {each.name for each in (_named(text, "pyproject.toml") for text in wanted)}
    if "setuptools" in names:  # which asks for it while it builds, before its version 70.1
        wanted = [*wanted, "wheel"]
    return named(dict.fromkeys(wanted), "pyproject.toml")


def static_dependencies(repository: Path, extras: Iterable[str]) -> list[str] | None:
    """Return what the metadata says that the project needs, ``None`` where only a build can say it."""
    project = table_at(read_toml(repository / "pyproject.toml"), "project")
    dynamic = at(project, "dynamic")
    computed = set(map(str, dynamic)) if isinstance(dynamic, list) else set()
    if "name" not in project or computed & {"dependencies", "optional-dependencies"}:
        return None
    wanted = strings_at(project, "dependencies")
    for extra in _normalized(extras):
        wanted += _of_extra(project, extra)
    return named(wanted, "pyproject.toml")


def _of_extra(project: Table, wanted: str) -> Iterator[str]:
    for extra in table_at(project, "optional-dependencies"):
        if canonicalize_name(extra) == wanted:
            yield from _without_itself(project, strings_at(project, "optional-dependencies", extra))


def _without_itself(project: Table, requirements: Iterable[str]) -> Iterator[str]:
    """Yield requirements; of one on the project itself, those of the extras that it names."""
    own = canonicalize_name(str(project["name"]))
    for text in requirements:
        requirement = _named(text, "pyproject.toml")
        if canonicalize_name(requirement.name) != own:
            yield text
            continue
        for extra in table_at(project, "optional-dependencies"):
            if canonicalize_name(extra) in _normalized(requirement.extras):
                yield from strings_at(project, "optional-dependencies", extra)


def _normalized(names: Iterable[str]) -> frozenset[str]:
    return frozenset(str(canonicalize_name(name)) for name in names)


def dependencies_of(
    folder: Path, extras: Iterable[str], environment: Mapping[str, str]
) -> list[str]:
    """Return what the one wheel in a folder says that it needs in an environment (PEP 508 markers).

    A build script of the repository made it. Raises NotByWheels where it is none.
    """
    texts = _metadata(folder)
    own = {"", *_normalized(extras), *extras}
    found = []
    for requirement in (_named(text, "the project's metadata") for text in texts):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**environment, "extra": each}) for each in own):
            requirement.marker = None
            found.append(str(requirement))
    return list(dict.fromkeys(found))


def _metadata(folder: Path) -> list[str]:
    built = [
        path for path in sorted(folder.glob("*.whl")) if path.is_file() and not path.is_symlink()
    ]
    try:
        with zipfile.ZipFile(built[0]) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
            with wheel.open(names[0]) as stream:
                headers = BytesParser().parsebytes(stream.read(_LARGEST_BYTES), headersonly=True)
    except (OSError, IndexError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        raise NotByWheels(NO_METADATA) from None
    return [str(text) for text in headers.get_all("Requires-Dist") or []]
