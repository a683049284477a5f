"""What is never published, whatever name it is given."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perfbot.bot.config import Paths
from perfbot.bot.publishable import BUILD, INTEGRATION, LOCK, Kind, Refusal, kind_of, publishable

ANY = Paths()
SOURCES_ONLY = Paths(("src/**",), ("**/migrations/**",))
FORBIDDEN = {
    ".github/workflows/ci.yml": Kind.HIDDEN,
    ".github/scripts/run.py": Kind.HIDDEN,
    ".gitlab-ci.yml": Kind.HIDDEN,
    ".circleci/config.yml": Kind.HIDDEN,
    ".perfbot.yml": Kind.HIDDEN,
    ".git/hooks/pre-commit": Kind.HIDDEN,
    "src/.git/config": Kind.HIDDEN,
    "src/.hidden.py": Kind.HIDDEN,
    "Jenkinsfile": Kind.INTEGRATION,
    "ci/azure-pipelines.yml": Kind.INTEGRATION,
    "bitbucket-pipelines.yml": Kind.INTEGRATION,
    "action.yml": Kind.INTEGRATION,
    "uv.lock": Kind.LOCK,
    "poetry.lock": Kind.LOCK,
    "package-lock.json": Kind.LOCK,
    "requirements.txt": Kind.LOCK,
    "requirements/dev-requirements.txt": Kind.LOCK,
    "pylock.toml": Kind.LOCK,
    "pyproject.toml": Kind.BUILD,
    "setup.py": Kind.BUILD,
    "src/setup.py": Kind.BUILD,
    "noxfile.py": Kind.BUILD,
    "conftest.py": Kind.BUILD,
    "src/conftest.py": Kind.BUILD,
    "sitecustomize.py": Kind.BUILD,
    "src/evil.pth": Kind.BUILD,
    "Makefile": Kind.BUILD,
    "Dockerfile": Kind.BUILD,
    "hatch_build.py": Kind.BUILD,
    "tasks.py": Kind.BUILD,
    "tests/test_shop.py": Kind.TEST,
    "tests/helper.py": Kind.TEST,
    "src/test_shop.py": Kind.TEST,
    "src/shop_test.py": Kind.TEST,
    "benchmarks/bench.py": Kind.TEST,
    "README.md": Kind.NO_SOURCE,
    "src/data.json": Kind.NO_SOURCE,
    "src/shop.PY": Kind.NO_SOURCE,
    "Setup.PY": Kind.NO_SOURCE,
}
names = st.sampled_from(sorted(FORBIDDEN))
parts = st.from_regex(r"[a-z][a-z_]{0,6}", fullmatch=True)
plain = st.lists(parts, min_size=1, max_size=4).map(lambda names: "/".join(names) + ".py")


@pytest.mark.parametrize(("path", "kind"), FORBIDDEN.items(), ids=FORBIDDEN)
def test_what_judges_builds_or_runs_elsewhere_is_not_published(path: str, kind: Kind) -> None:
    assert publishable([path], ANY) == Refusal(path, kind)
    assert path in str(Refusal(path, kind))


@pytest.mark.parametrize(
    "path",
    [
        "shop.py",
        "src/tasks.py",
        "src/workspace.py",
        "src/testing/dockerfile.py",
        "src/shop/money.py",
        "src/übung/größe.py",
        "src/a b.py",
    ],
)
def test_source_is_published(path: str) -> None:
    assert publishable([path], ANY) is None


def test_only_what_the_repository_allows_is_published() -> None:
    assert publishable(["src/shop.py"], SOURCES_ONLY) is None
    for path in ("shop.py", "srcs/shop.py", "src/migrations/one.py", "SRC/shop.py"):
        assert publishable(["src/shop.py", path], SOURCES_ONLY) == Refusal(path, Kind.OUTSIDE)


@given(names, st.data())
def test_no_other_spelling_of_a_forbidden_name_is_published(path: str, data: st.DataObject) -> None:
    """By case, by wide letters and other compatibility forms, by dots, by doubled slashes."""
    spell = st.sampled_from(
        [
            str.upper,
            str.title,
            str.swapcase,
            lambda text: "./" + text,
            lambda text: "/" + text,
            lambda text: "//" + text,
            lambda text: text.replace("/", "//"),
            lambda text: text.replace("/", "/./"),
            lambda text: text.replace("/", "\\"),
            lambda text: "src/../" + text,
            lambda text: "../" + text,
            lambda text: text + "/",
            lambda text: text + " ",
            lambda text: text + ".",
            lambda text: text + "\x00.py",
            lambda text: text + "\n",
            lambda text: text + "::$DATA",
            lambda text: "".join(wide(each) for each in text),
            lambda text: text[:2] + "\u200c" + text[2:],
            lambda text: "\u202e" + text,
            lambda text: "\ufeff" + text,
            lambda text: text.replace(".", "\uff0e"),
            lambda text: text.replace("/", "\uff0f"),
        ]
    )
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(spell)(path)
    assert publishable([path], ANY) is not None


def wide(character: str) -> str:
    return (
        chr(ord(character) + 0xFEE0) if "!" <= character <= "~" and character != "/" else character
    )


@given(plain)
def test_a_published_path_is_a_plain_relative_path_to_source(path: str) -> None:
    assume(publishable([path], ANY) is None)
    assert os.path.normpath(path) == path
    assert path.endswith(".py")


@given(st.text())
def test_whatever_is_published_stays_in_the_repository_under_its_own_name(path: str) -> None:
    if publishable([path], ANY) is None:
        assert Path("/repository", path).resolve().is_relative_to("/repository")
        assert os.path.normpath(path) == path == unicodedata.normalize("NFC", path)
        assert path.isprintable()
        assert not any(part.startswith(".") for part in path.split("/"))


@given(plain, st.integers(0, 3))
def test_nothing_at_or_behind_a_link_is_published(path: str, depth: int) -> None:
    assume(publishable([path], ANY) is None)
    folders = path.split("/")
    link = "/".join(folders[: depth + 1])
    assert publishable([path], ANY, [link]) == Refusal(path, Kind.LINK)
    assert publishable([path], ANY, [link.upper()]) == Refusal(path, Kind.LINK)
    assert publishable([path], ANY, [link + "x"]) is None


def test_two_files_that_some_systems_take_for_one_are_not_published() -> None:
    assert publishable(["src/Shop.py", "src/shop.py"], ANY) == Refusal("src/shop.py", Kind.TWIN)


@given(st.lists(plain, min_size=1), names)
def test_one_forbidden_file_among_many_is_enough(paths: list[str], forbidden: str) -> None:
    assume(publishable(paths, ANY) is None)
    assert publishable([*paths, forbidden], ANY) is not None


def test_a_hostile_name_is_shown_without_its_power() -> None:
    told = str(publishable(["src/\x1b[2Jx.py"], ANY))
    assert "\x1b" not in told
    assert "\\x1b" in told


@pytest.mark.parametrize("pattern", [*INTEGRATION, *LOCK, *BUILD])
def test_every_pattern_of_the_list_refuses(pattern: str) -> None:
    """Patterns are written folded, or they would never fit."""
    example = pattern.replace("*", "")
    assert pattern == pattern.casefold()
    assert kind_of(example) in {Kind.INTEGRATION, Kind.LOCK, Kind.BUILD, Kind.HIDDEN}
