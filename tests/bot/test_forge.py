"""Names are safe to stand in addresses, marks and Git's command lines, or they are refused."""

import subprocess
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbot.bot.forge import ForgeError, RepositoryName, commit_sha, marker, own_branch

ODD = st.text(st.sampled_from("aZ09-._/:=+ ~^?*[\\@{}\n\0ß<>!#%"), max_size=12)


def accepted(check: Callable[[str], object], text: str) -> bool:
    with suppress(ForgeError):
        check(text)
        return True
    return False


@given(ODD)
def test_a_repository_name_is_two_plain_parts_of_an_address(text: str) -> None:
    if accepted(RepositoryName.parsed, text):
        parts = urlsplit(f"https://github.com/{text}")
        assert parts.path == f"/{text}"
        assert len(text.split("/")) == 2
        assert not {"", ".", ".."} & set(text.split("/"))


@settings(max_examples=60)
@given(ODD.map("perfbot/".__add__))
def test_a_branch_of_perfbot_is_one_for_git_too(text: str) -> None:
    if accepted(own_branch, text):
        subprocess.run(
            ["git", "check-ref-format", "--branch", text], check=True, capture_output=True
        )


@given(ODD)
def test_a_mark_ends_where_it_says(text: str) -> None:
    if accepted(marker, text):
        mark = marker(text)
        assert mark.index("-->") == len(mark) - 3
        assert mark.count("<!--") == 1


@pytest.mark.parametrize(
    "odd", ["ada", "ada/", "/shop", "ada/..", "ada/sh op", "ada/shop\n", "a/b/c", ""]
)
def test_what_is_no_repository_is_told(odd: str) -> None:
    with pytest.raises(ForgeError, match="is no repository: a name looks like owner/name"):
        RepositoryName.parsed(odd)


@pytest.mark.parametrize(
    "odd",
    ["main", "perfbot/", "perfbot", "perfbot/../main", "perfbot/-x", "perfbot/x.lock", "perfbot/X"],
)
def test_only_branches_of_perfbot_are_its_own(odd: str) -> None:
    with pytest.raises(ForgeError, match="is no branch of perfbot"):
        own_branch(odd)


@pytest.mark.parametrize("odd", ["a-->b", "--", "a b", "", "<", "a--b"])
def test_a_mark_cannot_end_its_own_comment(odd: str) -> None:
    with pytest.raises(ForgeError, match="cannot mark a text"):
        marker(odd)


@pytest.mark.parametrize(
    "odd", ["main", "HEAD", "a" * 39, "A" * 40, "a" * 41, "-" * 40, "a" * 40 + "\n"]
)
def test_only_a_full_object_name_is_a_commit(odd: str) -> None:
    with pytest.raises(ForgeError, match="is no commit"):
        commit_sha(odd)
    assert commit_sha("a" * 40) == "a" * 40
