"""Which files a change may touch that perfbot publishes: the one place that decides it.

A pull request of perfbot's changes Python source of the project, where ``paths`` in ``.perfbot.yml``
allows it, and nothing else: a change to tests, to the build, to locked dependencies or to what runs
in continuous integration could change what is judged, or run with rights that the code does not have.
Pure: it reads names. How a name looks is judged as the most generous file system would read it
(without case, compatibility forms of Unicode folded); what is written is the name as it is.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from perfbot.bot.config import Paths
from perfbot.bot.words import visible
from perfbot.profiling.tree import is_test_file


class Kind(StrEnum):
    """What a file is that is not published; the value ends the sentence "``path`` ..."."""

    SPELLING = "is not the plain name of a file in the repository"
    LINK = "lies behind a symbolic link, so it is another file than its name says"
    TWIN = "differs from another file of this change by case alone"
    HIDDEN = "is hidden, or lies in a hidden folder: there are CI, tools and Git kept"
    INTEGRATION = "configures continuous integration"
    LOCK = "says which dependencies are installed"
    BUILD = "configures the build, the tests or other tools"
    TEST = "is a test or a benchmark, which judges changes"
    NO_SOURCE = "is no Python source"
    OUTSIDE = "is not among the paths that .perfbot.yml allows"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first file that must not be published, and why."""

    path: str
    kind: Kind

    def __str__(self) -> str:
        return f"{visible(self.path)} {self.kind}"


# Names are compared after folding, with the last part of a path. Only Python source is published at
# all: of what is none these lists give but the reason.
INTEGRATION = tuple(
    "jenkinsfile* azure-pipelines*.y*ml appveyor.y*ml bitbucket-pipelines.y*ml buildspec*.y*ml "
    "cloudbuild*.y*ml cloudbuild*.json circle.y*ml wercker.y*ml codemagic.y*ml codefresh.y*ml "
    "buildkite.y*ml bamboo.y*ml teamcity-settings.kts renovate.json* action.y*ml".split()
)
LOCK = tuple(
    "*.lock *.lockb *-lock.json *-lock.y*ml *.lock.json pylock.toml pylock.*.toml npm-shrinkwrap.json "
    "go.sum *requirements*.txt *requirements*.in constraints*.txt environment*.y*ml".split()
)
BUILD = tuple(
    "pyproject.toml setup.cfg manifest.in pkg-info tox.ini pytest.ini mypy.ini ruff.toml pylintrc "
    "codecov.y*ml pip.conf uv.toml pdm.toml hatch.toml pixi.toml pipfile *.pth *.egg-info makefile* "
    "gnumakefile *.mk cmakelists.txt *.cmake meson.build meson_options.txt sconstruct sconscript "
    "wscript build.bazel workspace module.bazel *.bzl build.gradle* pom.xml package.json cargo.toml "
    "go.mod dockerfile* *.dockerfile containerfile* compose*.y*ml docker-compose*.y*ml justfile "
    "taskfile*.y*ml procfile codeowners asv.conf.json".split()
)
# Python that runs when others build, test or only start Python.
RUNS_WITH_BUILDS = frozenset(
    "setup.py conftest.py noxfile.py toxfile.py fabfile.py dodo.py duties.py hatch_build.py "
    "pdm_build.py build_backend.py _build_backend.py versioneer.py _version.py sitecustomize.py "
    "usercustomize.py".split()
)
RUNS_WITH_BUILDS_AT_THE_TOP = frozenset("tasks.py build.py".split())  # elsewhere they are source
_TEST_FOLDERS = frozenset("test tests benchmark benchmarks bench asv_bench".split())
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*~\d+(\..*)?")  # Windows' own
_NAMED = ((Kind.INTEGRATION, INTEGRATION), (Kind.LOCK, LOCK), (Kind.BUILD, BUILD))


def publishable(
    paths: Collection[str], allowed: Paths, links: Collection[str] = ()
) -> Refusal | None:
    """Return why a change of these files must not be published; ``None``: it may be.

    ``paths`` are POSIX paths relative to the repository, ``links`` those of its symbolic links;
    ``allowed`` is ``paths`` of the base branch's ``.perfbot.yml``.
    """
    seen: dict[str, str] = {}
    for path in paths:
        folded = _folded(path)
        kind = kind_of(path) or _here(path, allowed, links)
        if kind is None and seen.setdefault(folded, path) != path:
            kind = Kind.TWIN
        if kind is not None:
            return Refusal(path, kind)
    return None


def kind_of(path: str) -> Kind | None:
    """Return what a file is that no repository can allow to be published; ``None``: it may be source."""
    if not _is_plain(path):
        return Kind.SPELLING
    folded = _folded(path)
    parts = folded.split("/")
    if any(part.startswith(".") for part in parts):
        return Kind.HIDDEN
    if not path.endswith(".py"):
        return _kind_of_other(parts[-1])
    if parts[-1] in RUNS_WITH_BUILDS or folded in RUNS_WITH_BUILDS_AT_THE_TOP:
        return Kind.BUILD
    return Kind.TEST if is_test_file(folded) or _TEST_FOLDERS & set(parts[:-1]) else None


def _kind_of_other(name: str) -> Kind:
    fits = (kind for kind, patterns in _NAMED if any(fnmatchcase(name, each) for each in patterns))
    return next(fits, Kind.NO_SOURCE)


def _here(path: str, allowed: Paths, links: Collection[str]) -> Kind | None:
    """Return what this repository's links and settings have against a file."""
    within = {_folded(each) for each in (path, *_folders(path))}
    if any(_folded(link) in within for link in links):
        return Kind.LINK
    return None if allowed.covers(path) else Kind.OUTSIDE


def _folders(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _is_plain(path: str) -> bool:
    """Say whether every system takes a path for the same file, which lies in the repository."""
    return (
        unicodedata.is_normalized("NFC", path)
        and not set(path) & set('\\:*?"<>|')
        and not any(unicodedata.category(each) in _INVISIBLE for each in path)
        and all(map(_is_plain_part, path.split("/")))
        and _folded(path).count("/") == path.count("/")  # no other character is read as one
    )


def _is_plain_part(part: str) -> bool:
    folded = _folded(part)
    return (
        bool(part)
        and folded not in {".", ".."}
        and part == part.strip()
        and not folded.endswith(".")
        and not _RESERVED.fullmatch(folded)
    )


def _folded(path: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
