"""Whatever a hostile process writes on its pipe, reading it neither fails nor believes too much."""

import json

from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.messages import Message, read

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.binary())
def test_bytes_never_make_reading_fail(data):
    assert all(isinstance(message, Message) for message in read(data))


@given(st.dictionaries(st.text(max_size=8), anything, max_size=5))
def test_getters_answer_with_their_type_whatever_the_field_holds(fields):
    line = json.dumps({**fields, "kind": "x"}).encode()
    (message,) = read(line + b"\n")
    for name in [*fields, "missing"]:
        assert isinstance(message.text(name), str)
        assert isinstance(message.whole(name), int)
        assert not isinstance(message.whole(name), bool)
        assert abs(message.number(name)) < 1e300
        assert all(isinstance(each, str) for each in message.texts(name))
        assert all(isinstance(each, Message) for each in message.objects(name))


def test_deep_nesting_is_left_out():
    assert list(read(b"[" * 200_000)) == []


def test_a_line_cut_off_in_the_middle_is_left_out():
    assert [message.kind for message in read(b'{"kind": "a"}\n{"kind": "b')] == ["a"]
