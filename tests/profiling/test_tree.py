"""A tree holds what runs and nothing else, and no copy can reach another."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling import tree as trees
from perfbot.profiling.functions import function_index
from perfbot.profiling.source import read_source
from perfbot.profiling.tree import (
    Tree,
    UnusableRepository,
    content_hash,
    export,
    glob_pattern,
    sources,
    with_changes,
)


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write(
        tmp_path / "repository",
        {
            "src/shop/__init__.py": b"",
            "src/shop/prices.py": b"def total(a):\r\n\treturn sum(a)\r\n",
            "src/shop/_speed.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
            "src/shop/tests/test_prices.py": b"",
            "src/shop/_vendor/six.py": b"",
            "src/shop/prices_test.py": b"",
            "src/names/space/only.py": b"",
            "src/shop/broken.py": b"def broken(:\n",
            "src/shop/gr\xc3\xb6\xc3\x9fe.py".encode(
                "latin-1"
            ).decode(): "def größe(): pass".encode(),
            "tests/test_all.py": b"",
            "docs/conf.py": b"",
            "examples/demo.py": b"",
            "benchmarks/bench_prices.py": b"",
            "setup.py": b"",
            "conftest.py": b"",
            "data.csv": b"1,2",
            ".git/HEAD": b"ref",
            ".venv/pyvenv.cfg": b"home = /usr/bin",
            ".venv/lib/python3.11/site-packages/x.py": b"",
            "conda/conda-meta/history": b"",
            "src/shop/__pycache__/prices.cpython-311.pyc": b"",
            ".tox/py/x.py": b"",
            "node_modules/a.py": b"",
        },
    )


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Tree:
    return export(repository, tmp_path / "copy")


def test_a_copy_has_what_runs_and_nothing_else(copy: Tree) -> None:
    assert copy.roots == ("src", ".")
    tops = {name.split("/")[0] for name in copy.files}
    assert tops == set("src tests docs examples benchmarks setup.py conftest.py data.csv".split())
    assert not any("__pycache__" in name for name in copy.files)
    assert "src/shop/_speed.cpython-311-x86_64-linux-gnu.so" in copy.files
    on_disk = {
        path.relative_to(copy.root).as_posix() for path in copy.root.rglob("*") if path.is_file()
    }
    assert on_disk == set(copy.files)


def test_copies_share_no_file(repository: Path, copy: Tree, tmp_path: Path) -> None:
    other = with_changes(copy, {}, tmp_path / "other")
    for name in copy.files:
        inodes = {(root / name).stat().st_ino for root in (repository, copy.root, other.root)}
        assert len(inodes) == 3


def test_bytes_modes_and_times_are_kept(repository: Path, tmp_path: Path) -> None:
    script = repository / "run.py"
    script.write_bytes(b"#!/usr/bin/env python\n")
    script.chmod(0o555)
    os.utime(script, (1_000_000, 1_000_000))
    copied = export(repository, tmp_path / "copy").root / "run.py"
    assert copied.read_bytes() == script.read_bytes()
    assert copied.stat().st_mode & 0o777 == 0o755
    assert copied.stat().st_mtime == 1_000_000


def test_links_are_kept_inside_and_dropped_outside(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    for name, target in {
        "inner": "src/shop/prices.py",
        "folder": "src/shop",
        "absolute": str(repository / "data.csv"),
        "outer": "../secret",
        "root": "/etc/passwd",
        "dangling": "nowhere",
        "loop": "loop",
        "into_git": ".git/HEAD",
        "into_venv": ".venv/pyvenv.cfg",
    }.items():
        (repository / name).symlink_to(target)
    copy = export(repository, tmp_path / "copy")
    assert dict(copy.links) == {
        "inner": "src/shop/prices.py",
        "folder": "src/shop",
        "absolute": "data.csv",
    }
    assert set(copy.dropped) == set("outer root dangling loop into_git into_venv".split())
    assert (copy.root / "absolute").resolve() == copy.root / "data.csv"


def test_pipes_and_sockets_are_dropped(repository: Path, tmp_path: Path) -> None:
    os.mkfifo(repository / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(repository / "socket"))
        assert export(repository, tmp_path / "copy").dropped == ("pipe", "socket")


def test_a_copy_may_lie_inside_the_repository(repository: Path) -> None:
    copy = export(repository, repository / "work" / "copy")
    assert not any(name.startswith("work/") for name in copy.files)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "is empty"),
        ({".git/HEAD": b""}, "is empty"),
        ({"main.c": b""}, "no Python file"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    (tmp_path / "repository").mkdir()
    with pytest.raises(UnusableRepository, match=words):
        export(write(tmp_path / "repository", files), tmp_path / "copy")


def test_a_file_or_a_missing_folder_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("")
    for name in ("file.py", "missing"):
        with pytest.raises(UnusableRepository, match="is not a folder"):
            export(tmp_path / name, tmp_path / "copy")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(repository: Path, tmp_path: Path) -> None:
    (repository / "data.csv").chmod(0)
    with pytest.raises(UnusableRepository, match=r"data\.csv cannot be read"):
        export(repository, tmp_path / "copy")


def test_an_absurdly_large_folder_is_refused(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MOST_FILES", 3)
    with pytest.raises(UnusableRepository, match="more than 3 files"):
        export(repository, tmp_path / "copy")
    monkeypatch.undo()
    with (repository / "sparse.bin").open("wb") as stream:
        stream.truncate(trees.MOST_BYTES + 1)
    with pytest.raises(UnusableRepository, match="4 GiB"):
        export(repository, tmp_path / "copy")


def test_changes_are_made_in_another_copy_only(copy: Tree, tmp_path: Path) -> None:
    before = content_hash(copy)
    changes = {"src/shop/prices.py": b"new\n", "src/shop/added/deep.py": b""}
    changed = with_changes(copy, changes, tmp_path / "changed")
    assert (changed.root / "src/shop/prices.py").read_bytes() == b"new\n"
    assert set(changed.files) - set(copy.files) == {"src/shop/added/deep.py"}
    assert changed.roots == copy.roots
    assert content_hash(copy) == before != content_hash(changed)
    assert content_hash(with_changes(copy, {}, tmp_path / "same")) == before


@pytest.mark.parametrize("name", ["../x.py", "/etc/x.py", "a/../../x", "link/x.py", "link", ""])
def test_a_change_stays_inside_the_tree(repository: Path, tmp_path: Path, name: str) -> None:
    (repository / "link").symlink_to("src")
    copy = export(repository, tmp_path / "copy")
    with pytest.raises(ValueError, match="inside the tree"):
        with_changes(copy, {name: b""}, tmp_path / "changed")


def test_own_sources_are_neither_tests_nor_vendored_nor_beside_the_code(copy: Tree) -> None:
    assert sources(copy) == (
        "src/names/space/only.py",
        "src/shop/__init__.py",
        "src/shop/broken.py",
        "src/shop/größe.py",
        "src/shop/prices.py",
    )


def test_a_module_with_a_syntax_error_does_not_stop_the_listing(copy: Tree) -> None:
    found = {
        name: list(function_index(read_source(copy.root / name).text)) for name in sources(copy)
    }
    assert found["src/shop/prices.py"] == ["total"]
    assert found["src/shop/größe.py"] == ["größe"]
    assert found["src/shop/broken.py"] == []


@pytest.mark.parametrize(
    ("include", "exclude", "names"),
    [
        (["src/names/**"], [], ["src/names/space/only.py"]),
        (["src/names"], [], ["src/names/space/only.py"]),
        (["examples/**"], [], ["examples/demo.py"]),
        (["src/shop/prices_test.py"], [], ["src/shop/prices_test.py"]),
        (["src/**"], ["**/shop/**"], ["src/names/space/only.py"]),
        (
            ["**/*.py"],
            ["src/shop/*.py", "conftest.py", "tests", "docs"],
            ["src/names/space/only.py"],
        ),
        (["prices.py"], [], ["src/shop/prices.py"]),
    ],
)
def test_globs_narrow_the_sources(
    copy: Tree, include: list[str], exclude: list[str], names: list[str]
) -> None:
    assert list(sources(copy, include, exclude)) == names


@given(st.lists(st.text("ab.+(", min_size=1, max_size=3), min_size=1, max_size=4))
def test_a_path_fits_itself_and_every_wider_pattern(parts: list[str]) -> None:
    path = "/".join(part for part in parts if part not in (".", "..")) or "a"
    for pattern in (path, "**", f"**/{path}", path.rpartition("/")[0] + "/*", f"{path}/**"):
        text = path + "/x" if pattern.endswith("/**") and pattern != "**" else path
        if not pattern.startswith("/"):
            assert glob_pattern(pattern).fullmatch(text)
