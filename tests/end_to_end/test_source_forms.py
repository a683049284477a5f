"""Files as people really have them: each is made faster, and every other byte stays what it was."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from home import Ended, Home, apply_patch, commit, repository, snapshot

pytestmark = pytest.mark.slow

BODY = """\
    found = []
    for item in wanted:
        if item not in stock:
            found.append(item)
    return found
"""


def module(name: str, head: str = "", tail: str = "") -> str:
    return f'{head}"""A module."""\n\n\ndef {name}(wanted, stock):\n{BODY}{tail}'


MIXED = "\n\nX  =  1 ;  Y = [ 1,2 ]   # as it was   \n"
FORMS: dict[str, bytes] = {
    "src/formen/crlf.py": module("crlf", tail=MIXED).replace("\n", "\r\n").encode(),
    "src/formen/marked.py": b"\xef\xbb\xbf" + module("marked", tail=MIXED).encode(),
    "src/formen/latin.py": module(
        "latin", "# -*- coding: latin-1 -*-\n", "\nNAME = 'Z\xfcrich \xa7'\n"
    ).encode("latin-1"),
    "src/formen/tabs.py": module("tabs", tail=MIXED).replace("    ", "\t").encode(),
    "src/formen/größe.py": module("größer_als", tail="\nÜBER = '✓'").encode(),  # no last newline
    "src/formen/lose/leer/tief.py": module("tief").encode(),  # a namespace package: no __init__
}
NAMES = {
    "src/formen/crlf.py": "crlf",
    "src/formen/marked.py": "marked",
    "src/formen/latin.py": "latin",
    "src/formen/tabs.py": "tabs",
    "src/formen/größe.py": "größer_als",
    "src/formen/lose/leer/tief.py": "tief",
}
CHECK = """\
import pytest
from formen.crlf import crlf
from formen.größe import größer_als
from formen.latin import NAME, latin
from formen.lose.leer.tief import tief
from formen.marked import marked
from formen.tabs import tabs

STOCK = [f"item {n}" for n in range(400)]
WANTED = [f"item {n}" for n in range(200, 600)]


@pytest.mark.parametrize("function", [crlf, größer_als, latin, tief, marked, tabs])
def test_missing(function):
    for _ in range(3):
        assert function(WANTED, STOCK) == WANTED[200:]


def test_name():
    assert NAME == "Z\\xfcrich \\xa7"
"""


@dataclass(frozen=True)
class Done:
    home: Home
    repository: Path
    reports: Path
    ended: Ended
    before: dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def done(module_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("forms") / "formen ü"
    files: dict[str, str | bytes] = {
        **FORMS,
        "src/formen/__init__.py": "",
        "src/formen/test_formen.py": CHECK,  # tests beside the code
        "pyproject.toml": '[project]\nname = "formen"\nversion = "1"\n',
        ".perfbot.yml": "hotspots: {at_most: 10, min_share: 0.001}\n",
    }
    repository(folder, files)
    commit(folder)
    before = snapshot(folder)
    reports = folder.parent / "report"
    ended = module_home.run("optimize", folder, "--report", reports, "--json")
    return Done(module_home, folder, reports, ended, before)


def result(done: Done, path: str) -> dict[str, object]:
    wanted = f"{path}::{NAMES[path]}"
    report = done.ended.report
    found = [each for each in report["results"] if each["function"] == wanted]
    assert found, (report["unchanged"], report["hotspots"], done.ended.err)
    return found[0]


@pytest.mark.parametrize("path", NAMES)
def test_every_form_is_made_faster(done: Done, path: str) -> None:
    assert done.ended.code == 0, done.ended.err
    found = result(done, path)
    assert found["verdict"] == "accepted", found


@pytest.mark.parametrize("path", NAMES)
def test_the_patch_fits_and_keeps_every_other_byte(done: Done, path: str, tmp_path: Path) -> None:
    folder = repository(tmp_path / "copy", {path: FORMS[path]})
    apply_patch(folder, Path(str(result(done, path)["patch"])))
    old, new = FORMS[path], (folder / path).read_bytes()
    assert new != old
    start, end = old.index(b"def "), old.index(b"return found") + len(b"return found")
    assert new.startswith(old[:start])
    assert new.endswith(old[end:])
    compile(new, path, "exec")
    assert new.count(b"\r\n") == (new.count(b"\n") if b"\r" in old else 0)
    assert (b"\n    " in new) == (b"\n    " in old)  # tabs stay tabs


def test_the_repository_is_untouched(done: Done) -> None:
    assert snapshot(done.repository) == done.before
    assert done.home.leftovers() == []
