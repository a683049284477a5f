"""What a target interpreter says about itself, and how an installed project is taken out of it.

Run as ``python -I -c SOURCE describe`` or ``... detach JSON``; prints one JSON document.
"""

from __future__ import annotations

import importlib.metadata as metadata
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TypedDict
from urllib.parse import unquote, urlsplit


class Description(TypedDict):
    """An interpreter in its own words; ``packages`` maps normalized names to versions."""

    executable: str
    implementation: str
    version: list[int]
    prefix: str
    base_prefix: str
    packages: dict[str, str]
    import_names: list[str]
    readable: list[str]


class Detachment(TypedDict):
    """A built project: where its source is, its import roots, where to keep what only the build made."""

    source: str
    roots: list[str]
    built: str


def describe() -> Description:
    """Return all that perfbot asks of an interpreter."""
    return {
        "executable": sys.executable,
        "implementation": sys.implementation.name,
        "version": list(sys.version_info[:3]),
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "packages": dict(_packages()),
        "import_names": sorted(metadata.packages_distributions()),
        "readable": list(dict.fromkeys(_readable())),
    }


def _packages() -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        normalized = re.sub(r"[-_.]+", "-", name).lower() if name else ""
        if normalized and normalized not in seen:  # the first on sys.path is the one in force
            seen.add(normalized)
            yield normalized, distribution.version


def _readable() -> Iterator[str]:
    """Yield the folders that code in this interpreter is loaded from, editable installs included."""
    yield from (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
    yield os.path.dirname(os.path.realpath(sys.executable))
    yield from (path for path in sys.path if os.path.isdir(path))
    for name, module in list(sys.modules.items()):
        mapping = getattr(module, "MAPPING", None)  # setuptools' finder of an editable install
        if name.startswith("__editable__") and isinstance(mapping, dict):
            yield from (os.path.dirname(str(path)) for path in mapping.values())


def detach(project: Detachment) -> list[str]:
    """Take the code of an installed project away and leave its metadata and scripts.

    The copy under judgement takes the code's place. Files that only the build made (a version
    file, extension modules) are kept in the folder ``built`` under the path that they have in the
    source tree. Returns the names of the distributions.
    """
    done = []
    source = Path(project["source"])
    for distribution in list(metadata.distributions()):
        if _installed_from(distribution) == source:
            for file in distribution.files or []:
                _take(file, Path(str(distribution.locate_file(file))), project)
            _rewrite_record(distribution)
            done.append(distribution.metadata["Name"])
    for name in _made_in_place(source, project["roots"]):
        _keep(source / name, name, project)
    return done


def _installed_from(distribution: metadata.Distribution) -> Path | None:
    """Return the local folder that a distribution was installed from (PEP 610)."""
    text = distribution.read_text("direct_url.json")
    url = urlsplit(json.loads(text)["url"]) if text else None
    return Path(unquote(url.path)) if url is not None and url.scheme == "file" else None


def _is_code(name: str) -> bool:
    """Say whether a path of RECORD is neither metadata nor outside of site-packages (a script)."""
    parts = PurePosixPath(name).parts
    return ".." not in parts and not parts[0].endswith((".dist-info", ".data"))


def _take(name: os.PathLike[str], path: Path, project: Detachment) -> None:
    text = PurePosixPath(name).as_posix()
    if not _is_code(text) or os.path.isabs(text) or not path.is_file():
        return
    place = _place_in_tree(text, project)
    if place is not None and not text.endswith((".pyc", ".pth")) and "__editable__" not in text:
        _keep(path, place, project)
    path.unlink()
    shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
    parent = path.parent
    while str(parent) not in sys.path and parent.is_dir() and not any(parent.iterdir()):
        parent.rmdir()
        parent = parent.parent


def _place_in_tree(name: str, project: Detachment) -> str | None:
    """Return where an installed file belongs in the source tree, or ``None`` if it is there already."""
    source, top = Path(project["source"]), name.split("/")[0]
    for root in project["roots"]:
        place = (PurePosixPath(root) / name).as_posix()
        if (source / place).exists():
            return None
        if "/" in name and (source / root / top).is_dir():
            return place
    return None if "/" in name else (PurePosixPath(project["roots"][0]) / name).as_posix()


def _keep(path: Path, place: str, project: Detachment) -> None:
    target = Path(project["built"]) / place
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _made_in_place(source: Path, roots: list[str]) -> Iterator[str]:
    """Yield the Python and extension modules that the build wrote beside the sources."""
    known = set(json.loads((source.parent / "files.json").read_text()))
    for folder, folders, names in os.walk(source):
        folders[:] = [each for each in folders if not _is_by_product(each)]
        for name in names:
            place = (Path(folder) / name).relative_to(source).as_posix()
            if place.endswith((".py", ".so")) and place not in known and _below(place, roots):
                yield place


def _is_by_product(folder: str) -> bool:
    return folder in ("build", "dist", "__pycache__") or folder.endswith(
        (".egg-info", ".dist-info")
    )


def _below(place: str, roots: list[str]) -> bool:
    return any(root == "." or place.startswith(f"{root}/") for root in roots)


def _rewrite_record(distribution: metadata.Distribution) -> None:
    """Leave in RECORD what is left, and forget the folder that the project was installed from."""
    for file in distribution.files or []:
        path = Path(str(distribution.locate_file(file)))
        if file.name == "direct_url.json":
            path.unlink(missing_ok=True)
        elif file.name == "RECORD":
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join(each for each in lines if not _is_gone(each)))


def _is_gone(line: str) -> bool:
    name = line.rsplit(",", 2)[0].strip('"')
    return _is_code(name) or name.endswith("direct_url.json")


def main(arguments: list[str]) -> None:
    """Do what the command line says and print the result."""
    if arguments[0] == "describe":
        print(json.dumps(describe()))
    else:
        print(json.dumps(detach(json.loads(arguments[1]))))


if __name__ == "__main__":
    main(sys.argv[1:])
