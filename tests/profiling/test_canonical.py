"""Equal texts must mean equal behaviour, and different behaviour different texts."""

from perfbot.profiling.inside.canonical import canonical


def test_a_bool_is_no_int_and_an_int_no_float() -> None:
    assert len({canonical(value) for value in (1, True, 1.0, "1", b"1")}) == 5
