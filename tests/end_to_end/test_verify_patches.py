"""``perfbot verify``: right patches pass, all others are told why, with the right exit code."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from home import SCHEMA, Ended, Home, repository, snapshot

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SHOP = '''\
"""A shop."""


def missing(wanted, stock):
    found = []
    for item in wanted:
        if item not in stock:
            found.append(item)
    return found


def squares(count):
    total = 0
    for number in range(count):
        total = total + number * number
    return total


def never_called(numbers):
    return sorted(numbers)[0]
'''
TESTS = """\
from shop import missing, squares

STOCK = [f"item {n}" for n in range(300)]
WANTED = [f"item {n}" for n in range(150, 450)]


def test_missing():
    assert missing(["item 1", "a", "a"], STOCK) == ["a", "a"]
    assert missing(WANTED, STOCK) == WANTED[150:]


def test_squares():
    assert squares(3) == 5
    assert squares(19_999) == 2666066709999


def test_speed(benchmark):
    assert benchmark(squares, 20_000) == 2666466670000
"""
FAST = (
    """    found = []
    for item in wanted:
        if item not in stock:
            found.append(item)
    return found
""",
    """    known = set(stock)
    return [item for item in wanted if item not in known]
""",
)
WRONG = (FAST[0], "    return sorted(set(wanted) - set(stock))\n")
SLOWER = (FAST[0], FAST[0].replace("not in stock", "not in list(stock)"))
CLOSED = (
    """    total = 0
    for number in range(count):
        total = total + number * number
    return total
""",
    """    return (count - 1) * count * (2 * count - 1) // 6 if count > 0 else 0
""",
)
MEMO = ('"""A shop."""\n\n\n', '"""A shop."""\n\nimport functools\n\n\n')
MEMO_ON = (
    "def squares(count):\n",
    "def squares(count):\n    return _squares(count)\n\n\n@functools.lru_cache\ndef _squares(count):\n",
)
UNCALLED = ("    return sorted(numbers)[0]\n", "    return min(numbers)\n")


def changed(*edits: tuple[str, str]) -> str:
    text = SHOP
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


@dataclass(frozen=True)
class Court:
    home: Home
    repository: Path

    def judge(self, files: dict[str, str], *arguments: str) -> Ended:
        """Make a patch of these new contents with Git, and let perfbot judge it."""
        before = {name: (self.repository / name) for name in files}
        old = {name: path.read_text() if path.exists() else None for name, path in before.items()}
        for name, text in files.items():
            before[name].write_text(text)
        self._git("add", "--intent-to-add", ".")
        patch = self._git("diff", "--no-color")
        for name, text in old.items():
            if text is None:
                before[name].unlink()
            else:
                before[name].write_text(text)
        self._git("reset", "--quiet")
        return self.judge_patch(patch, *arguments)

    def judge_patch(self, patch: bytes, *arguments: str) -> Ended:
        file = self.home.folder / "x.patch"
        file.write_bytes(patch)
        was = snapshot(self.repository)
        ended = self.home.run("verify", self.repository, "--patch", file, "--json", *arguments)
        assert snapshot(self.repository) == was
        assert self.home.leftovers() == []
        return ended

    def _git(self, *arguments: str) -> bytes:
        return subprocess.run(
            ["git", *arguments], cwd=self.repository, check=True, capture_output=True
        ).stdout


@pytest.fixture(scope="module")
def court(module_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Court:
    folder = tmp_path_factory.mktemp("court") / "repository"
    repository(folder, {"shop.py": SHOP, "tests/test_shop.py": TESTS}, git=True)
    return Court(module_home, folder)


def valid(ended: Ended, path: Path) -> dict[str, object]:
    """Return the first result of a document that is valid by the schema."""
    path.write_text(ended.out)
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMA), str(path)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, (checked.stdout, ended.out, ended.err)
    results: list[dict[str, object]] = json.loads(ended.out)["results"]
    return results[0]


def test_a_faster_function_is_accepted_whoever_wrote_it(court: Court, tmp_path: Path) -> None:
    """A new test may come along; it does not judge."""
    new_test = "from shop import missing\n\n\ndef test_new():\n    assert missing([], []) == 1\n"
    ended = court.judge({"shop.py": changed(FAST), "tests/test_new.py": new_test})
    found = valid(ended, tmp_path / "report.json")
    assert (ended.code, found["verdict"], found["why"]) == (0, "accepted", "faster"), ended.out
    assert found["function"] == "shop.py::missing"


def test_a_mail_of_two_commits_over_two_files_is_one_change(
    court: Court, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The helper comes as a module of the project's own, imported by its full name."""
    clone = tmp_path_factory.mktemp("mail") / "clone"
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run([*git, "clone", "--quiet", court.repository, clone], check=True)
    (clone / "names.py").write_text("def frozen(stock):\n    return frozenset(stock)\n")
    commit = (*git, "-C", str(clone), "commit", "--quiet", "--message", "Faster")
    subprocess.run([*git, "-C", str(clone), "add", "."], check=True)
    subprocess.run(commit, check=True)
    (clone / "shop.py").write_text(
        changed(MEMO)
        .replace("import functools", "from names import frozen")
        .replace(*FAST)
        .replace("set(stock)", "frozen(stock)")
    )
    subprocess.run([*commit, "--all"], check=True)
    mail = [*git, "-C", str(clone), "format-patch", "--stdout", "HEAD~2"]
    patch = subprocess.run(mail, check=True, capture_output=True).stdout
    ended = court.judge_patch(patch)
    found = valid(ended, tmp_path / "report.json")
    assert (ended.code, found["why"]) == (0, "faster"), ended.out
    assert [each["function"] for each in ended.report["results"]] == ["shop.py::missing"]


def test_several_functions_are_judged_together(court: Court, tmp_path: Path) -> None:
    ended = court.judge({"shop.py": changed(FAST, CLOSED)})
    valid(ended, tmp_path / "report.json")
    found = {each["function"]: each["verdict"] for each in ended.report["results"]}
    assert set(found) == {"shop.py::missing", "shop.py::squares"}
    assert len(set(found.values())) == 1, "one change has one verdict"
    # Whether the second function kept its pace, a busy machine may not be able to tell.
    whys = {each["why"] for each in ended.report["results"]}
    assert (ended.code, whys) in [(0, {"faster"}), (11, {"too-noisy"})], ended.out


@pytest.mark.parametrize(
    ("edits", "code", "whys"),
    [
        ([WRONG], 10, {"results-differ"}),
        ([SLOWER], 10, {"not-faster"}),
        ([MEMO, MEMO_ON], 10, {"not-faster", "cheats"}),
        ([UNCALLED], 11, {"not-exercised"}),
        ([("def squares(count):", "def squares(count, extra=None):")], 10, {"changes-interface"}),
        ([("    return total\n", "    return total)\n")], 10, {"does-not-parse"}),
        (
            [
                (
                    "    total = 0\n",
                    "    import os\n\n    os.environ['X'] = '1'\n    total = 0\n",
                )
            ],
            10,
            {"forbidden"},
        ),
        ([('"""A shop."""', '"""The shop."""')], 10, {"not-faster"}),
        ([('"""A shop."""\n', '"""A shop."""\n\n# Nothing.\n')], 10, {"not-faster"}),
        ([('"""A shop."""\n', '"""A shop."""\n\nsorted = max\n')], 11, {"not-exercised"}),
    ],
)
def test_everything_else_is_refused_with_its_reason(
    court: Court, tmp_path: Path, edits: list[tuple[str, str]], code: int, whys: set[str]
) -> None:
    ended = court.judge({"shop.py": changed(*edits)})
    found = valid(ended, tmp_path / "report.json")
    assert (ended.code, found["why"] in whys) == (code, True), ended.out
    assert found["detail"]


def test_a_patch_that_does_not_fit(court: Court, tmp_path: Path) -> None:
    patch = b"--- a/shop.py\n+++ b/shop.py\n@@ -1,1 +1,1 @@\n-not there\n+something\n"
    ended = court.judge_patch(patch)
    found = valid(ended, tmp_path / "report.json")
    assert (ended.code, found["why"]) == (10, "does-not-apply")
    ended = court.judge_patch(b"this is no patch\n")
    assert (ended.code, valid(ended, tmp_path / "x.json")["why"]) == (10, "does-not-apply")


@pytest.mark.parametrize("name", ["tests/test_shop.py", "conftest.py", "setup.py", "README.md"])
def test_a_patch_of_what_judges_or_is_no_code(court: Court, tmp_path: Path, name: str) -> None:
    old = TESTS if name == "tests/test_shop.py" else None
    text = "# nothing\n" if old is None else old.replace("squares(3) == 5", "True")
    ended = court.judge({"shop.py": changed(FAST), name: text})
    found = valid(ended, tmp_path / "report.json")
    assert (ended.code, found["why"]) == (10, "forbidden"), ended.out


def test_a_function_may_be_named(court: Court) -> None:
    ended = court.judge({"shop.py": changed(FAST)}, "--function", "shop.py::squares")
    assert ended.code == 10
    assert ended.report["results"][0]["why"] == "not-faster"
