"""What happens to pairs before anything is run: filters, D_ref, duplicates, split, groups, inputs."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.training import filters, inputs
from perfbot.training.duplicates import Evaluation, near_duplicates, split_of
from perfbot.training.filters import Kind, why_not
from perfbot.training.grouping import SHARES, balanced, cpp_shape, group_of, shape, stratified
from perfbot.training.readers.reading import Claim, Pair, Source
from perfbot.training.records import Group, Language, Split, TrainingPair
from perfbot.training.reference import referenced

LONG = """
def report(prices, limit):
    total = 0
    for price in prices:
        if price > limit:
            total += price * 2
        else:
            total -= price
    return f"{total} of {len(prices)} prices, limit {limit}"
"""


def a_pair(
    slow: str,
    fast: str,
    slow_ms: float = 100,
    fast_ms: float = 50,
    *,
    user: str = "u1",
    problem: str = "p1",
) -> Pair:
    """A pair whose sides are named by their text."""
    claim = Claim(user, f"{user}:{slow}", f"{user}:{fast}", slow_ms, fast_ms)
    return Pair(Source.PIE, f"{user}:{slow}:{fast}", problem, slow, fast, claim=claim)


# -- filters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ("x = 1\n" * 20, Kind.CODE, filters.FEW_LETTERS),
        ("name = value\n" * 20, Kind.CODE, None),
        (f"text = '{'a' * 1000}'\n", Kind.CODE, filters.LONG_LINE),
        ("name = value\n" * 10_000, Kind.CODE, filters.TOO_LARGE),
        ("name = '\udce9'\n", Kind.CODE, filters.NO_TEXT),
        ('{"name": "value"}', Kind.DATA, filters.WRONG_SIZE),
        (
            "<script>" + "var name;\n" * 50 + "</script><p>Hello</p>",
            Kind.HTML,
            filters.LITTLE_SHOWN,
        ),
        ("<p>" + "words to be read, " * 20 + "</p>", Kind.HTML, None),
    ],
)
def test_the_filters_are_those_of_the_paper(text: str, kind: Kind, why: str | None) -> None:
    assert why_not(text, kind) == why


# -- D_ref -----------------------------------------------------------------------------------------


def test_the_reference_is_the_authors_last_version() -> None:
    found = referenced([a_pair("a", "b", 100, 60), a_pair("b", "c", 60, 55)])
    assert [(each.slow, each.fast) for each in found.pairs] == [("a", "c"), ("b", "c")]
    assert found.cross_user == 0


def test_a_last_version_more_than_twice_as_slow_as_the_best_gives_way_to_it() -> None:
    mine, theirs = a_pair("a", "b", 200, 101), a_pair("x", "y", 100, 50, user="u2")
    found = referenced([mine, theirs])
    assert [(each.slow, each.fast, each.cross_user) for each in found.pairs] == [
        ("a", "y", True),
        ("x", "y", False),
    ]
    assert found.cross_user == 1


def test_exactly_twice_as_slow_is_kept() -> None:
    found = referenced([a_pair("a", "b", 200, 100), a_pair("x", "y", 100, 50, user="u2")])
    assert found.pairs[0].fast == "b"


def test_the_best_of_another_problem_or_language_says_nothing() -> None:
    other = a_pair("x", "y", 100, 1, user="u2", problem="p2")
    cpp = replace(a_pair("m", "n", 100, 1, user="u3"), language=Language.CPP)
    assert referenced([a_pair("a", "b"), other, cpp]).pairs[0].fast == "b"


def test_pairs_that_become_the_same_are_merged_and_counted() -> None:
    found = referenced(
        [a_pair("a", "b", 100, 60), a_pair("a", "c", 100, 70), a_pair("b", "d", 60, 50)]
    )
    assert found.merged == 0
    again = replace(a_pair("a", "d", 100, 50), record="again")
    assert referenced([*found.pairs, again]).merged == 1


def test_versions_that_lead_in_a_circle_end() -> None:
    assert len(referenced([a_pair("a", "b"), a_pair("b", "a")]).pairs) == 2


def test_what_claims_nothing_stays_as_it_is() -> None:
    pair = Pair(Source.ENAMEL, "r", "p", "a", "b")
    assert referenced([pair]).pairs == (pair,)


# -- duplicates, evaluation, split -----------------------------------------------------------------


def test_a_pair_that_differs_in_a_comment_is_a_near_duplicate() -> None:
    first = a_pair(LONG, LONG.replace("total", "amount"))
    second = replace(
        first, record="second", slow=LONG.replace("\n    total", "  # start\n    total")
    )
    third = replace(first, record="third", slow="print(input())", fast="import sys\nprint(1)")
    assert near_duplicates([first, second, third]) == {"second": first.record}


def test_a_problem_or_program_of_the_evaluation_is_contaminated() -> None:
    evaluated = Evaluation.of([a_pair(LONG, "print(1)", problem="p9")])
    assert evaluated.contaminates(a_pair("a", "b", problem="p9")) == "p9"
    assert evaluated.contaminates(a_pair("a", f"{LONG}\n# mine\n", problem="p2"))
    assert evaluated.contaminates(a_pair("x = input()", "y = input()", problem="p2")) is None


@given(st.text(max_size=10), st.integers(0, 5))
def test_a_problem_is_always_in_the_same_part(problem: str, seed: int) -> None:
    assert split_of(problem, seed, SHARES) is split_of(problem, seed, SHARES)


def test_the_parts_have_about_their_shares() -> None:
    found = Counter(split_of(f"p{number}", 0, SHARES) for number in range(2000))
    assert 0.77 < found[Split.TRAIN] / 2000 < 0.83
    assert 0.08 < found[Split.TEST] / 2000 < 0.12


# -- groups ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)", Group.RECURSIVE),
        ("for i in a:\n    for j in b:\n        print(i, j)", Group.NESTED_LOOPS),
        ("print([i * j for i in a for j in b])", Group.NESTED_LOOPS),
        ("print(sum(map(int, input().split())))", Group.VECTORIZED),
        ("print(1)", Group.OTHER),
        ("print(", Group.OTHER),
    ],
)
def test_the_group_of_a_program_is_read_off_its_tree(text: str, group: Group) -> None:
    assert group_of(text, Language.PYTHON) is group


def test_depths_count_loops_and_branches() -> None:
    found = shape("for i in a:\n    if i:\n        while i:\n            i -= 1")
    assert (found.loop_depth, found.control_depth) == (2, 3)


def test_cpp_is_grouped_by_its_braces() -> None:
    nested = "int main() { for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) s += j; }"
    after = "int main() { for (int i = 0; i < n; i++) s += i; for (;;) break; }"
    recursive = "int f(int n) { return n < 2 ? 1 : n * f(n - 1); } int main() { return f(3); }"
    assert cpp_shape(nested).loop_depth == 2
    assert cpp_shape(after).loop_depth == 1
    assert group_of(recursive, Language.CPP) is Group.RECURSIVE


def grouped(group: Group, count: int) -> list[TrainingPair]:
    return [
        TrainingPair(
            f"{group}{n}", f"{group}{n // 2}", "s", Language.PYTHON, "a", "b", "o", "l", group=group
        )
        for n in range(count)
    ]


def test_balancing_takes_as_many_of_each_group_and_none_of_the_rest() -> None:
    every = [*grouped(Group.RECURSIVE, 3), *grouped(Group.VECTORIZED, 9), *grouped(Group.OTHER, 5)]
    found = Counter(each.group for each in balanced(every, seed=0))
    assert found == {Group.RECURSIVE: 3, Group.VECTORIZED: 3}


def test_each_group_is_split_in_the_same_shares_and_no_problem_is_torn() -> None:
    every = [*grouped(Group.RECURSIVE, 40), *grouped(Group.VECTORIZED, 200)]
    found = stratified(every, seed=1)
    for group, count in ((Group.RECURSIVE, 40), (Group.VECTORIZED, 200)):
        parts = Counter(each.split for each in found if each.group is group)
        assert parts == {
            Split.TRAIN: count * 8 // 10,
            Split.VALIDATION: count // 10,
            Split.TEST: count // 10,
        }
    by_problem: dict[str, set[Split]] = {}
    for each in found:
        by_problem.setdefault(each.problem, set()).add(each.split)
    assert all(len(parts) == 1 for parts in by_problem.values())


# -- inputs ----------------------------------------------------------------------------------------


def test_bounds_are_read_as_statements_spell_them() -> None:
    page = "1 ≤ <var>N</var> ≤ 10<sup>5</sup>, 0 \\leq A \\leq 2 × 10^{9}, M ≤ 1,000"
    assert inputs.bounds(page) == (1000, 100_000, 2_000_000_000)


def test_a_count_of_lines_grows_with_its_lines() -> None:
    for text in inputs.grown(["2\n3 4 6\n5 6 3\n"], "N ≤ 1000", 0):
        first, *rest = text.splitlines()
        assert int(first) == len(rest)
        assert all(3 <= int(word) <= 6 for row in rest for word in row.split())


def test_a_count_of_words_grows_with_its_line() -> None:
    sizes = []
    for text in inputs.grown(["3 7\n10 20 30\n"], "", 0):
        (count, other), row = (line.split() for line in text.splitlines())
        assert (int(count), other) == (len(row), "7")
        sizes.append(len(row))
    assert sizes == list(inputs.SIZES)


def test_a_number_alone_grows_up_to_its_bound() -> None:
    found = inputs.grown(["5\n"], "N ≤ 100", 0)
    assert found
    assert all(5 < int(text) <= 100 for text in found)


@given(st.lists(st.text(alphabet="0123456789 ab\n-", max_size=30), max_size=3))
def test_any_sample_grows_the_same_way_twice(samples: list[str]) -> None:
    assert inputs.grown(samples, "N ≤ 50", 3) == inputs.grown(samples, "N ≤ 50", 3)
