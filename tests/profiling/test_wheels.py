"""What is asked of an index is a list of names; everything else in a requirement file is refused."""

import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from perfbot.profiling.wheels import (
    NotByWheels,
    build_requirements,
    dependencies_of,
    listed,
    named,
    static_dependencies,
)

HERE = {
    "python_version": "3.12",
    "python_full_version": "3.12.1",
    "implementation_version": "3.12.1",
}


def repository(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_names_versions_markers_and_hashes_are_kept(tmp_path: Path) -> None:
    text = "\ufeff# all\nshelf>=1,<2  # why\ntill[big]==1.0; python_version > '3.8' \\\n  --hash=sha256:ab\n"
    repository(tmp_path, all__txt=text)
    assert listed(tmp_path, ["all.txt"])[0] == [
        "shelf<2,>=1",
        'till[big]==1.0; python_version > "3.8" --hash=sha256:ab',
    ]


def test_files_name_files_and_the_project_itself(tmp_path: Path) -> None:
    repository(
        tmp_path,
        a__txt="-r b.txt\n-c c.txt\n-e .[fast]\n--pre\n",
        b__txt="-r a.txt\nshelf\n",
        c__txt="till\n",
    )
    assert listed(tmp_path, ["a.txt"]) == (["shelf", "till"], frozenset({"fast"}))


@pytest.mark.parametrize(
    "line",
    [
        "shelf @ https://stranger.example/shelf-1.0.tar.gz",
        "git+https://stranger.example/shelf",
        "-e git+ssh://git@stranger.example/shelf#egg=shelf",
        "-e ../elsewhere",
        "./vendored/shelf",
        "/etc/passwd",
        "shelf-1.0.tar.gz",
        "https://stranger.example/shelf-1.0-py3-none-any.whl",
        "--index-url https://stranger.example/simple",
        "-i https://stranger.example/simple",
        "--extra-index-url=https://stranger.example/simple",
        "--find-links /",
        "--trusted-host stranger.example",
        "-r ../../outside.txt",
        "-r https://stranger.example/requirements.txt",
        "-r missing.txt",
        "shelf --global-option=x",
    ],
)
def test_whatever_is_no_name_is_refused(tmp_path: Path, line: str) -> None:
    repository(tmp_path, all__txt=line + "\n")
    with pytest.raises(NotByWheels):
        listed(tmp_path, ["all.txt"])


def test_a_requirement_file_behind_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "outside.txt").write_text("secret-name\n")
    (tmp_path / "repository" / "all.txt").symlink_to("../outside.txt")
    with pytest.raises(NotByWheels, match="cannot be read"):
        listed(tmp_path / "repository", ["all.txt"])


lines = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(
            r"(-[a-z-]{1,15}[ =])?[a-z.]{1,8}(\[[a-z]\])?([=<>@]{1,2} ?\S{1,20})?", fullmatch=True
        ),
    ),
    max_size=6,
)


@settings(max_examples=300)
@given(lines)
def test_only_lines_that_pip_takes_for_names_ever_reach_it(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "all.txt").write_bytes("\n".join(texts).encode("utf-8", "replace"))
    try:
        found, extras = listed(folder, ["all.txt"])
    except NotByWheels:
        return
    for each in found:
        plain, _, hashes = each.partition(" --hash")
        requirement = Requirement(plain)
        assert requirement.url is None
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement.name)
        assert "\n" not in each
        assert not set(hashes) & set(" /\\") or "--hash" in hashes
    assert all(re.fullmatch(r"[\w.-]+", extra) for extra in extras)


def test_what_a_build_takes_is_named(tmp_path: Path) -> None:
    assert build_requirements(tmp_path) == ["setuptools", "wheel"]
    repository(tmp_path, pyproject__toml='[build-system]\nrequires = ["hatchling>=1"]\n')
    assert build_requirements(tmp_path) == ["hatchling>=1"]
    repository(tmp_path, pyproject__toml='[build-system]\nrequires = ["x @ file:///etc"]\n')
    with pytest.raises(NotByWheels, match="x names an address"):
        build_requirements(tmp_path)


def test_static_metadata_needs_no_build(tmp_path: Path) -> None:
    text = """\
[project]
name = "Shop"
dependencies = ["shelf"]
optional-dependencies = {test = ["till", "shop[all]"], All = ["counter"], other = ["x"]}
"""
    repository(tmp_path, pyproject__toml=text)
    assert static_dependencies(tmp_path, ["test"]) == ["shelf", "till", "counter"]
    repository(tmp_path, pyproject__toml=text + 'dynamic = ["dependencies"]\n')
    assert static_dependencies(tmp_path, ["test"]) is None


def test_what_a_built_wheel_needs_is_chosen_by_its_markers(tmp_path: Path) -> None:
    needs = ["shelf", "old; python_version < '3'", "till; extra == 'test'", "x; extra == 'other'"]
    metadata = "".join(f"Requires-Dist: {each}\n" for each in needs)
    with zipfile.ZipFile(tmp_path / "shop-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("shop-1.dist-info/METADATA", f"Name: shop\n{metadata}\n")
    assert dependencies_of(tmp_path, ["test"], HERE) == ["shelf", "till"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"no zip"])
def test_a_broken_wheel_is_no_wheel(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NotByWheels):
        dependencies_of(tmp_path, [], HERE)
    (tmp_path / "shop-1-py3-none-any.whl").write_bytes(content)
    with pytest.raises(NotByWheels):
        dependencies_of(tmp_path, [], HERE)


def test_a_wheel_that_asks_for_an_address_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "shop-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            "shop-1.dist-info/METADATA", "Requires-Dist: x @ https://stranger.example/x\n"
        )
    with pytest.raises(NotByWheels, match="x names an address"):
        dependencies_of(tmp_path, [], HERE)


@given(st.text())
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        (found,) = named([text], "a list")
    except NotByWheels:
        return
    assert Requirement(found).url is None
