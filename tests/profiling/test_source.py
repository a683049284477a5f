"""A file is written back byte for byte, whatever its coding line, mark or line breaks."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.source import UnreadableSource, decode_source, read_source

ANYWHERE = Path("module.py")
CODINGS = ("", "# coding: utf-8", "# -*- coding: latin-1 -*-", "#!/usr/bin/python\n# coding=cp1252")
LINES = st.lists(st.text(st.characters(max_codepoint=0xFF, exclude_categories=["Cc"])))


@given(
    lines=LINES,
    coding=st.sampled_from(CODINGS),
    newline=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    end=st.booleans(),
)
def test_text_round_trips_to_the_same_bytes(
    lines: list[str], coding: str, newline: str, bom: bool, end: bool
) -> None:
    encoding = "utf-8" if bom or "utf-8" in coding or not coding else "latin-1"
    if bom and encoding not in coding:
        coding = ""
    text = "\n".join([coding, *lines]) + ("\n" if end else "")
    data = (b"\xef\xbb\xbf" if bom else b"") + text.replace("\n", newline).encode(encoding)
    try:
        source = decode_source(data, ANYWHERE)
    except UnreadableSource:
        assert "cp1252" in coding  # it has holes
        return
    assert source.encode(source.text) == data
    assert source.bom == bom
    assert newline == "\n" or "\r" not in source.text


@given(st.binary())
def test_any_bytes_are_kept_or_refused(data: bytes) -> None:
    try:
        source = decode_source(data, ANYWHERE)
    except UnreadableSource:
        return
    assert source.encode(source.text) == data


@pytest.mark.parametrize("data", [b"a = 1\r\nb = 2\n", b"a = 1\rb = 2\r", b"x = '\r'\r\n"])
def test_mixed_line_breaks_stay_in_the_text(data: bytes) -> None:
    source = decode_source(data, ANYWHERE)
    assert source.text.encode() == data
    assert source.encode(source.text) == data


def test_new_text_gets_the_line_breaks_and_the_encoding_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "größe.py"
    path.write_bytes("# coding: latin-1\r\ndef größe():\r\n\treturn 'ä'\r\n".encode("latin-1"))
    source = read_source(path)
    assert source.text == "# coding: latin-1\ndef größe():\n\treturn 'ä'\n"
    assert source.encode("# coding: latin-1\nü = 1\n") == b"# coding: latin-1\r\n\xfc = 1\r\n"
    with pytest.raises(UnicodeEncodeError):
        source.encode("# €\n")


@pytest.mark.parametrize("coding", ["nonsense", "hex", "utf-7"])
def test_a_coding_that_cannot_be_kept_is_refused(coding: str) -> None:
    with pytest.raises(UnreadableSource, match="cannot"):
        decode_source(f"# coding: {coding}\nx = '+AGE-'\n".encode(), ANYWHERE)
