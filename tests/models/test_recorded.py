"""The transcript as a file, redaction, and versions as patches: what holds for every input."""

from pathlib import Path

import a_run
import msgspec
import pytest
from a_run import FILE, NAME
from hypothesis import assume, example, given
from hypothesis import strategies as st

from perfbot.optimizer.recorded import Transcript, TranscriptError, from_lines, read_file, to_lines
from perfbot.optimizer.redaction import MARK, Redaction
from perfbot.optimizer.transcript import Store
from perfbot.optimizer.versions import Edit, VersionError, definition, edited, edits, new_code
from perfbot.profiling.functions import FunctionName

TEXTS = st.text(st.sampled_from("ab\n\r \u2028\x0c"), max_size=40)
SECRETS = [
    "AKIA" + "A1B2C3D4E5F6G7H8",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2_" * 14,
    "glpat-" + "a1B2-" * 5,
    "xoxb-" + "12345-abcde",
    "sk_live_" + "a1B2" * 5,
    "sk-" + "proj-a1B2" * 4,
    "AIza" + "a1B2-" * 7,
    "hf_" + "aB" * 17,
    "npm_" + "a1B2" * 9,
    "pypi-AgE" + "a1B2_" * 10,
    "SG." + "a1B2" * 5 + "." + "a1B2" * 5,
    "AccountKey=" + "a1B2" * 12 + "==",
    "eyJ" + "hbGciOiJIUzI1" + ".eyJ" + "zdWIiOiIxMjM0" + "." + "c2ln-x",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("state")
    a_run.record(folder)
    store = Store.open(folder)
    found = store.transcript("run-1")
    store.close()
    assert from_lines(to_lines(found), "f") == found
    return to_lines(found)


def test_a_file_that_is_cut_off_is_refused(lines: bytes, tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    for place in range(0, len(lines) - 2, 97):
        file.write_bytes(lines[:place])
        with pytest.raises(TranscriptError, match="transcript"):
            read_file(file)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "line 1"),
        (b"\xff\xfe", "line 1"),
        (b"[" * 100_000, "line 1"),
        (b'{"transcript": 2, "new": 1}', "format 2; this perfbot reads format 1"),
        (b'{"transcript": "1"}', "line 1: Expected `int`"),
        (b'{"transcript": 1, "functions": 0}', "line 1: Object missing required field `run`"),
    ],
)
def test_what_is_no_transcript_is_refused_with_a_reason(content: bytes, why: str) -> None:
    with pytest.raises(TranscriptError) as raised:
        from_lines(content, "mine.jsonl")
    assert "mine.jsonl" in str(raised.value)
    assert why in str(raised.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="No such file"):
        read_file(tmp_path / "none.jsonl")


@given(data=st.data())
def test_whatever_is_changed_in_a_file_it_is_read_or_refused(
    lines: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(lines) - 1))
    put = data.draw(
        st.binary(max_size=4) | st.sampled_from([b"null", b"-1", b"1e999", b'""', b"{}"])
    )
    try:
        found = from_lines(lines[:place] + put + lines[place + len(put) :], "f")
    except TranscriptError:
        return
    assert isinstance(found, Transcript)


@given(TEXTS, TEXTS)
@example("a\nb\nc", "a\nx\nc\n")
def test_a_patch_makes_the_version_again(before: str, after: str) -> None:
    assert edited(before, edits(before, after)) == after


@given(TEXTS)
def test_nothing_changed_is_no_edit(text: str) -> None:
    assert edits(text, text) == ()


def test_a_patch_has_what_changed_only() -> None:
    (edit,) = edits(FILE, FILE.replace("LIMIT = 3", "LIMIT = 4"))
    assert edit == Edit(3, 4, "LIMIT = 4\n")


@given(st.lists(st.builds(Edit, st.integers(-3, 9), st.integers(-3, 9), st.just("x")), max_size=4))
def test_edits_of_a_stranger_fit_or_are_refused(changes: list[Edit]) -> None:
    try:
        made = edited("a\nb\nc\n", changes)
    except VersionError:
        return
    assert made.count("x") == len(changes)


def test_what_is_new_beside_a_function_belongs_to_its_code() -> None:
    after = "import json\nfrom collections import Counter\n\n\nLIMIT = 3\n_KNOWN = {}\n\n\n"
    after += a_run.FAST + "\n\ndef other():\n    return LIMIT\n"
    assert new_code(FILE, after, NAME) == (
        f"from collections import Counter\n_KNOWN = {{}}\n{a_run.FAST}"
    )


def test_a_method_stands_at_the_left_margin() -> None:
    text = "class A:\n    @property\n    def f(self):\n        return 1\n"
    name = FunctionName("a.py", "A.f")
    assert definition(text, name) == "@property\ndef f(self):\n    return 1\n"
    after = text.replace("return 1", "return 2")
    assert new_code(text, after, name) == "@property\ndef f(self):\n    return 2\n"
    assert new_code(text, "class A:\n", name) == ""


@given(
    st.lists(st.text(min_size=6, max_size=12), min_size=1, max_size=4),
    st.lists(st.text(max_size=8) | st.integers(0, 3), max_size=12),
)
@example(["abcdefgh", "efghijkl"], ["abcdefghijkl"])
def test_no_known_secret_remains(secrets: list[str], parts: list[str | int]) -> None:
    assume(not any(part in secret for secret in secrets for part in (MARK, "[", "\\")))
    text = "".join(
        each if isinstance(each, str) else secrets[each % len(secrets)] for each in parts
    )
    kept = Redaction(frozenset(secrets)).plain(text)
    assert not [secret for secret in secrets if secret in kept]
    assert kept.count("\n") == text.count("\n")


@given(st.text(max_size=60))
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assume("://" not in text)
    assert (
        Redaction(frozenset({"a secret of length"})).plain(text)
        == text.encode("utf-8", "backslashreplace").decode()
    )


@pytest.mark.parametrize("secret", SECRETS, ids=lambda text: text[:8])
def test_tokens_of_well_known_forms_are_found(secret: str) -> None:
    text = f'TOKEN = """{secret}"""\nnext = 1\n'
    kept = Redaction().plain(text)
    assert secret not in kept
    assert kept.endswith("next = 1\n")
    assert kept.count("\n") == text.count("\n")


def test_a_password_in_an_address_is_taken_out_and_a_template_is_not() -> None:
    assert Redaction().plain("https://me:pa55@host/x") == f"https://{MARK}@host/x"
    for text in ('f"https://{user}:{password}@host"', "http://localhost:8000/v1", "git://a/b@c"):
        assert Redaction().plain(text) == text


def test_code_that_only_looks_random_is_left_alone() -> None:
    for text in (
        "sk-container-of-the-estimator",
        "0123456789abcdef" * 4,
        "task-1234567890123456789012",
    ):
        assert Redaction().plain(text) == text


@pytest.mark.parametrize(
    "piece",
    ["eyJ-", "eyJ-a.", "sk-", "SG.-", "://a:", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----"],
)
def test_a_text_made_to_be_searched_for_ever_is_not(piece: str) -> None:
    """The time limit of the test would end it."""
    text = piece * (400_000 // len(piece))
    assert len(Redaction(frozenset({"abcdefgh"})).plain(text)) <= len(text)


def test_short_values_are_no_secrets() -> None:
    """An environment variable such as KEY=1 must not tear every text apart."""
    assert Redaction(frozenset({"1", ""})).plain("11 of 21") == "11 of 21"


def test_a_transcript_holds_no_types_that_json_lacks(lines: bytes) -> None:
    for line in lines.splitlines():
        assert isinstance(msgspec.json.decode(line), dict)
