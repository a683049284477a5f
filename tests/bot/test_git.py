"""Patches are exact, applying is all or nothing, and a hostile repository runs nothing."""

import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perfbot.bot.git import Applied, ChangedError, Refused, applied, apply, revision
from perfbot.bot.patch import unified_patch

lines = st.lists(
    st.sampled_from(
        [
            b"a\n",
            b"b\n",
            b"\tif x:\r\n",
            b"\n",
            b"\r",
            b"caf\xe9\n",
            b"\xc3\xa9\n",
            b"-- \n",
            b"@@\n",
            b"\\ x\n",
        ]
    ),
    max_size=25,
).map(b"".join)
contents = st.builds(bytes.__add__, lines, st.sampled_from([b"", b"", b"end", b"end\r"]))
names = st.sampled_from(
    [
        "a.py",
        "with space.py",
        "dir/é日本.py",
        'quo"te\\.py',
        "tab\there.py",
        "-x",
        "a b/ c.py",
        "bad\udce9.py",
    ]
)


def git(folder: Path, *arguments: str) -> str:
    identity = {
        f"GIT_{who}_{what}": "x@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            **identity,
        },
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


@settings(max_examples=60, deadline=None)
@given(names, contents, contents)
@example("a.py", b"x", b"x\n")
@example("a.py", b"", b"x")
@example("a.py", b"x\n", b"")
def test_git_applies_our_patches_to_the_byte(name: str, old: bytes, new: bytes) -> None:
    if old == new:
        assert unified_patch({name: (old, new)}) == b""
        return
    outcome = applied(unified_patch({name: (old, new)}), {name: old}.get)
    assert outcome == Applied({name: new})


@settings(max_examples=15, deadline=None)
@given(names, contents)
def test_a_file_can_be_added(name: str, new: bytes) -> None:
    outcome = applied(unified_patch({name: (None, new)}), lambda _: None)
    assert outcome == Applied({name: new})


def test_git_itself_takes_the_patch_in_a_repository(tmp_path: Path) -> None:
    files = {"a.py": (b"x = 1\r\ny = 2", b"x = 2\r\ny = 2\r\n"), "ü.py": (b"\xe9\n", b"\xe8\n")}
    for name, (old, _) in files.items():
        (tmp_path / name).write_bytes(old)
    git(tmp_path, "init", "-q")
    patch = tmp_path / "x.patch"
    patch.write_bytes(unified_patch(files))
    git(tmp_path, "apply", "--check", str(patch))
    git(tmp_path, "apply", str(patch))
    assert {name: (tmp_path / name).read_bytes() for name in files} == {
        name: new for name, (_, new) in files.items()
    }


OLD = b"one\ntwo\nthree\n"
ODD = {
    "does not fit": (
        b"--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n one\n-zwei\n+2\n three\n",
        "patch does not apply",
    ),
    "no patch at all": (b"hello\n", "No valid patches in input"),
    "nothing": (b"", "No valid patches in input"),
    "cut short": (b"--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n one\n", "corrupt patch at line"),
    "a file that is not there": (b"--- a/g\n+++ b/g\n@@ -1 +1 @@\n-one\n+two\n", "g: No such file"),
    "an absolute path": (b"--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-x\n+y\n", "passwd"),
    "a path that climbs": (
        b"--- a/../f\n+++ b/../f\n@@ -1 +1 @@\n-one\n+y\n",
        "out of the repository",
    ),
    "Git's own folder": (
        b"--- a/.git/config\n+++ b/.git/config\n@@ -1 +1 @@\n-x\n+y\n",
        "out of the repository",
    ),
    "a deletion": (
        b"diff --git a/f b/f\ndeleted file mode 100644\n"
        b"--- a/f\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-one\n-two\n-three\n",
        "delete mode 100644 f",
    ),
    "a rename": (
        b"diff --git a/f b/g\nsimilarity index 100%\nrename from f\nrename to g\n",
        "rename f => g",
    ),
    "a mode": (
        b"diff --git a/f b/f\nold mode 100644\nnew mode 100755\n",
        "mode change 100644 => 100755",
    ),
    "a link": (
        b"diff --git a/l b/l\nnew file mode 120000\n"
        b"--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n\\ No newline at end of file\n",
        "create mode 120000 l",
    ),
    "binary data": (
        b"diff --git a/f b/f\nindex 1234567..89abcde 100644\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n\n",
        "",
    ),
    "the same twice": (2 * b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n+y\n", "does not apply"),
    "other lines around": (
        b"--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n eins\n-two\n+2\n drei\n",
        "patch does not apply",
    ),
    "a copy": (
        b"diff --git a/f b/g\nsimilarity index 100%\ncopy from f\ncopy to g\n",
        "copy f => g",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_what_a_patch_may_not_do_is_refused_with_the_reason(name: str) -> None:
    patch, reason = ODD[name]
    outcome = applied(patch, {"f": OLD}.get)
    assert isinstance(outcome, Refused)
    assert reason in outcome.reason


CHANGED = b"one\n2\nthree\n"
HUNK = b"@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
FORMS = {
    "git diff": b"diff --git a/d/f b/d/f\nindex 1234567..89abcde 100644\n--- a/d/f\n+++ b/d/f\n"
    + HUNK,
    "git diff --no-prefix": b"diff --git d/f d/f\n--- d/f\n+++ d/f\n" + HUNK,
    "mnemonic prefixes": b"diff --git i/d/f w/d/f\n--- i/d/f\n+++ w/d/f\n" + HUNK,
    "diff -u": (
        b"--- d/f\t2026-01-01 10:00:00.000000000 +0000\n"
        b"+++ d/f\t2026-01-01 10:00:01.000000000 +0000\n" + HUNK
    ),
    "diff -ru": b"diff -ru old/d/f new/d/f\n--- old/d/f\t2026-01-01\n+++ new/d/f\t2026-01-02\n"
    + HUNK,
    "a mail": (
        b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n"
        b"From: A <a@example.org>\nDate: Mon, 1 Jun 2026 10:00:00 +0000\nSubject: [PATCH] Faster\n\n"
        b"Why.\n---\n d/f | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\n"
        b"diff --git a/d/f b/d/f\n--- a/d/f\n+++ b/d/f\n" + HUNK + b"-- \n2.40.0\n"
    ),
}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("form", FORMS)
def test_a_patch_may_have_any_of_the_usual_forms(form: str, line_end: bytes) -> None:
    """Also after a mail program has given all its lines other ends."""
    patch = FORMS[form].replace(b"\n", line_end)
    assert applied(patch, {"d/f": OLD}.get) == Applied({"d/f": CHANGED})


def test_line_ends_of_the_file_are_kept() -> None:
    old, new = OLD.replace(b"\n", b"\r\n"), CHANGED.replace(b"\n", b"\r\n")
    assert applied(unified_patch({"f": (old, new)}), {"f": old}.get) == Applied({"f": new})


def test_several_commits_in_one_mail_are_one_change() -> None:
    """Real ``git format-patch --stdout``, the same file changed twice and another one added."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        git(folder, "init", "-q")
        for number, text in enumerate((OLD, b"one\n2\nthree\n", b"one\n2\n3\n")):
            (folder / "f").write_bytes(text)
            (folder / f"g{number}").write_bytes(text)
            git(folder, "add", ".")
            git(folder, "commit", "-qm", f"commit {number}")
        patch = git(folder, "format-patch", "--stdout", "HEAD~2").encode() + b"\n"
    made = {"f": b"one\n2\n3\n", "g1": b"one\n2\nthree\n", "g2": b"one\n2\n3\n"}
    assert applied(patch, {"f": OLD}.get) == Applied(made)


def test_a_patch_may_find_its_lines_further_down() -> None:
    patch = b"--- a/f\n+++ b/f\n@@ -2,3 +2,3 @@\n one\n-two\n+2\n three\n"
    outcome = applied(patch, {"f": b"zero\n" * 3 + OLD}.get)
    assert outcome == Applied({"f": b"zero\n" * 3 + b"one\n2\nthree\n"})


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_patch_or_refused(patch: bytes) -> None:
    assert isinstance(
        applied(b"--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n" + patch, {"f": OLD}.get), Applied | Refused
    )


def test_applying_is_all_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").write_bytes(b"edited meanwhile")
    with pytest.raises(ChangedError, match="b has changed since it was read"):
        apply(tmp_path, {"a": (b"old", b"new"), "b": (b"old", b"new")})
    assert (tmp_path / "a").read_bytes() == b"old"
    apply(tmp_path, {"a": (b"old", b"new"), "c/d": (None, b"fresh")})
    assert (tmp_path / "a").read_bytes() == b"new"
    assert (tmp_path / "c" / "d").read_bytes() == b"fresh"


def test_nothing_is_written_through_a_link_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"old")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(ChangedError):
        apply(tmp_path / "in", {"link": (b"old", b"new")})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_a_revision_is_the_commit_and_whether_tracked_files_differ(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert revision(repository).commit == commit
    assert not revision(repository).dirty
    (repository / "untracked.py").write_text("")
    assert not revision(repository).dirty
    (repository / "a.py").write_text("x = 2\n")
    assert revision(repository).dirty
    git(repository, "add", ".")
    assert revision(repository).dirty


def test_no_commit_and_no_repository_are_no_revision(tmp_path: Path) -> None:
    assert revision(tmp_path).commit is None
    git(tmp_path, "init", "-q")
    assert revision(tmp_path).commit is None


def test_a_worktree_and_a_folder_inside_have_their_revision(repository: Path) -> None:
    git(repository, "worktree", "add", "-q", "../other")
    other = repository.parent / "other"
    (other / "sub").mkdir()
    (other / "a.py").write_text("x = 3\n")
    assert revision(other) != revision(repository)
    assert not revision(other / "sub").dirty


def hostile_configuration(folder: Path, mark: Path) -> None:
    program = folder / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    (folder / ".gitattributes").write_text("* filter=evil diff=evil\n")
    hooks = folder / "hooks"
    hooks.mkdir()
    (hooks / "post-index-change").symlink_to(program)
    with (folder / ".git" / "config").open("a") as config:
        config.write(
            f'[core]\n fsmonitor = "{program}"\n hooksPath = "{hooks}"\n pager = "{program}"\n'
        )
        config.write(
            f'[filter "evil"]\n clean = "{program}"\n process = "{program}"\n required = true\n'
        )
        config.write(f'[diff]\n external = "{program}"\n[diff "evil"]\n textconv = "{program}"\n')


def test_a_hostile_git_configuration_runs_nothing(repository: Path, tmp_path: Path) -> None:
    hostile_configuration(repository, tmp_path / "mark")
    (repository / "a.py").write_text("x = 7\n")
    assert revision(repository).dirty
    assert not (tmp_path / "mark").exists()


def test_the_trap_is_real(repository: Path, tmp_path: Path) -> None:
    """The same configuration does run programs when Git is asked without care."""
    hostile_configuration(repository, tmp_path / "mark")
    (repository / "a.py").write_text("x = 7\n")
    with suppress(subprocess.CalledProcessError):
        git(repository, "status")
    assert (tmp_path / "mark").exists()


def test_asking_changes_nothing_in_the_repository(repository: Path) -> None:
    def state() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in repository.rglob("*") if path.is_file()}

    before = state()
    os.utime(repository / "a.py", (1, 1))  # a careless `git status` would refresh the index
    revision(repository)
    assert state() == before
