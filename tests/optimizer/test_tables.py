"""An attribute counts as a dict only where the project's code leaves no other possibility."""

import pytest

from perfbot.optimizer.tables import dict_attributes


def test_an_attribute_that_is_only_bound_to_dicts_holds_a_dict() -> None:
    text = "class A:\n    def f(self):\n        self.seen = {}\n        self.rows: dict = {1: 2}\n"
    assert dict_attributes([text, "def g(a): a.seen = {x: 1 for x in a}"]) == {"seen", "rows"}


@pytest.mark.parametrize(
    "other",
    [
        "def g(a, x): a.seen = x",
        "def g(a): a.seen, b = 1, 2",
        "def g(a):\n    for a.seen in [1]: pass",
        "def g(a): del a.seen",
        "def g(a): a.seen |= {}",
        "def g(a):\n    with open(a) as a.seen: pass",
        "class B:\n    seen = ()",
        "class B:\n    @property\n    def seen(self): return 1",
        "class B:\n    if True:\n        seen: int = 3",
    ],
)
def test_another_value_anywhere_in_the_project_leaves_it_open(other: str) -> None:
    assert dict_attributes(["def f(a): a.seen = {}", other]) == frozenset()


def test_a_file_that_is_no_python_is_passed_over() -> None:
    assert dict_attributes(["def", "def f(a): a.seen = {}"]) == {"seen"}
