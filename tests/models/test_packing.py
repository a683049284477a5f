"""Packing what a model could be shown into a budget: whole blocks, in a fixed order, never too much."""

from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.packing import LEFT_OUT, Part, Section, cost, packed

BLOCKS = st.lists(st.text("aé\n漢", min_size=1, max_size=60), max_size=8).map(tuple)
PARTS = st.lists(
    st.builds(Part, st.text("T", min_size=1, max_size=5), BLOCKS, st.floats(0, 1), st.booleans()),
    max_size=6,
)
LONG = Part("long", ("x" * 100,) * 50, 0.5)
SHORT = Part("short", ("y" * 100,), 0.5)


@given(PARTS, st.integers(-10, 2_000))
def test_the_budget_is_never_exceeded(parts: list[Part], most: int) -> None:
    assert sum(map(cost, packed(parts, most))) <= max(0, most)


@given(PARTS, st.integers(0, 2_000))
def test_sections_stand_in_the_order_of_the_parts_and_always_in_the_same(parts, most) -> None:
    found = packed(parts, most)
    titles = iter([part.title for part in parts])
    assert all(section.title in titles for section in found)
    assert packed(parts, most) == found


@given(PARTS, st.integers(0, 2_000))
def test_blocks_are_whole_or_left_out_and_counted(parts: list[Part], most: int) -> None:
    by_title = {}
    for part in parts:
        by_title.setdefault(part.title, []).append(part)
    for section in packed(parts, most):
        assert any(section.body in _ways(part) for part in by_title[section.title])


def _ways(part: Part) -> set[str]:
    """Return every body that a part may have."""
    count = len(part.blocks)
    if part.ordered:
        kept = [part.blocks[:end] for end in range(1, count)]
    else:
        chosen = [[n for n in range(count) if mask >> n & 1] for mask in range(1, 2**count - 1)]
        kept = [tuple(part.blocks[n] for n in numbers) for numbers in chosen]
    cut = {
        part.between.join([*blocks, LEFT_OUT.format(count=count - len(blocks))]) for blocks in kept
    }
    return cut | {part.between.join(part.blocks)}


@given(PARTS)
def test_with_room_for_all_all_is_shown(parts: list[Part]) -> None:
    assert packed(parts, 10**6) == [
        Section(part.title, part.between.join(part.blocks)) for part in parts if part.blocks
    ]


def test_a_long_part_leaves_room_for_those_after_it() -> None:
    long, short = packed([LONG, SHORT], 1_000)
    assert short.body == SHORT.blocks[0]
    assert long.body.endswith("more left out")


def test_what_is_left_over_goes_to_the_first_part_that_was_cut() -> None:
    (alone,) = packed([LONG], 1_000)
    assert len(alone.body) > 700


def test_lines_end_where_one_does_not_fit_and_definitions_go_on() -> None:
    blocks = ("a", "b" * 500, "c")
    assert packed([Part("t", blocks, 1.0, ordered=True)], 150)[0].body == "a\n… 2 more left out"
    assert packed([Part("t", blocks, 1.0)], 150)[0].body == "a\n\nc\n\n… 1 more left out"
