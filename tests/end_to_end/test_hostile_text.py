"""A repository whose names, errors and settings are full of tricks; whatever perfbot says, none works."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from home import SHOP, Ended, Home, repository

TRICKS = "\x1b[2J\x1b]8;;https://stranger.example\x07\r\u202e\u200b\u2066"
LINES = f"\n::add-mask::planted\n  ::error::planted\n##[error]planted {TRICKS}\n##vso[x]planted"
NAME = "\x1b[31m::add-mask::\u202e##[x].py"
TESTS = f"""\
import sys
import pytest
from shop import missing

TRICKS = {LINES!r}

@pytest.mark.parametrize("value", [1], ids=["::error::" + "\\x9b2J##[error]"])
def test_missing(value):
    stock = [f"item {{n}}" for n in range(300)]
    assert missing(stock, stock) == []
    assert missing(["a"], stock) == ["a"]
    print(TRICKS)
    print(TRICKS, file=sys.stderr)

def test_that_fails():
    raise AssertionError(TRICKS)

def test_that_is_skipped():
    pytest.skip(TRICKS)
"""
HOSTILE = {
    **SHOP,
    "tests/test_shop.py": TESTS,
    "tests/test_broken.py": f"raise ImportError({LINES!r})\n",
    f"tests/test_{NAME}": f"raise ImportError({LINES!r})\n",
    NAME: "def slow():\n    return [x for x in range(10)]\n",
}


def moving(text: str) -> list[str]:
    return [
        one for one in text if one not in "\n\t" and unicodedata.category(one) in {"Cc", "Cf", "Cs"}
    ]


def check(ended: Ended) -> None:
    """Standard output and error, as a terminal and as a runner's log take them."""
    for said in (ended.out, ended.err):
        assert moving(said) == []
        commands = [line for line in said.splitlines() if line.strip().startswith("::")]
        assert commands == []
        assert not re.search(r"##\w*\[", said)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    return repository(tmp_path / "repository", HOSTILE)


@pytest.mark.parametrize(
    "arguments",
    [
        ("optimize", "--time-budget", "20s", "--function", "shop.py::missing"),
        ("optimize", "--time-budget", "20s", "--function", "shop.py::missing", "--json"),
        ("profile",),
        ("profile", "--json"),
        ("plan", "--function", "shop.py::missing"),
        ("plan", "--function", f"{NAME}::slow"),
        ("plan", "--function", f"{NAME}::gone"),
    ],
    ids=lambda words: " ".join(words[:1] + words[-1:]).encode("unicode_escape").decode(),
)
def test_no_verb_passes_a_trick_on(home: Home, hostile: Path, arguments: tuple[str, ...]) -> None:
    ended = home.run(arguments[0], hostile, *arguments[1:])
    assert ended.code in {0, 2, 3}, ended.err
    check(ended)
    assert "missing" in ended.out + ended.err or "slow" in ended.err or ended.code
    if "--json" in arguments and ended.code == 0:
        json.loads(ended.out)


@pytest.mark.parametrize("json_asked", [True, False])
def test_a_hostile_patch_is_refused_in_harmless_words(
    home: Home, hostile: Path, json_asked: bool
) -> None:
    patch = hostile.parent / "hostile.patch"
    octal = {number: f"\\{number:03o}" for number in range(256) if not 32 <= number < 127}
    quoted = '"' + NAME.encode().decode("latin-1").translate(octal) + '"'
    names = f"--- a/{quoted}\n+++ b/{quoted}\n"
    patch.write_text(f"{LINES}\n{names}@@ -1 +1 @@{LINES}\n-x\n+y\n", newline="")
    ended = home.run("verify", hostile, "--patch", patch, *(["--json"] if json_asked else []))
    assert ended.code == 10, ended.err
    check(ended)


@pytest.mark.parametrize(
    "settings",
    [
        'accept:\n  "\\e[2J::x\\u202e": 1\n',
        'telemetry: "\\e]8;;x\\a\\n::error::planted"\n',
        'workload: {python: "\\r\\n::add-mask::x\\e[2J"}\n',
        'workload: {tests: "pytest \\u202e##[error]"}\n',
        'workload: {commands: ["\\n::error::x"]}\n',
    ],
)
def test_hostile_settings_are_told_in_harmless_words(
    home: Home, tmp_path: Path, settings: str
) -> None:
    folder = repository(tmp_path / "repository", {**SHOP, ".perfbot.yml": settings})
    ended = home.run("profile", folder)
    assert ended.code in {2, 3}, ended.err
    check(ended)
