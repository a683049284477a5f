"""Every strategy of the catalogue keeps its promises on its example and leaves its near-misses alone."""

import copy
import importlib
import pkgutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from perfbot.optimizer.catalogue import rules

import examples
from example import Example, NearMiss, load, proposals, resolve

EXAMPLES = [
    example
    for module in pkgutil.iter_modules(examples.__path__)
    for example in importlib.import_module(f"examples.{module.name}").EXAMPLES
]
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.strategy)
each_near_miss = pytest.mark.parametrize(
    ("example", "near_miss"),
    [(example, near_miss) for example in EXAMPLES for near_miss in example.near_misses],
    ids=lambda value: value.strategy if isinstance(value, Example) else value.why,
)


def small_calls(example: Example) -> str:
    return example.small_calls or example.calls


@each_example
def test_the_rule_writes_exactly_the_expected_code(example: Example) -> None:
    codes = [proposal.module.code for proposal in proposals(example, example.before, example.calls)]
    assert example.after in codes, "\n=== proposed instead ===\n" + "\n======\n".join(codes)


@each_example
def test_the_rewritten_code_gives_the_same_results(example: Example) -> None:
    before, after = load(example.before), load(example.after)
    for arguments in eval(small_calls(example), before.__dict__):
        old, new = copy.deepcopy(arguments), copy.deepcopy(arguments)
        expected = resolve(before, example.function)(*old)
        assert resolve(after, example.function)(*new) == expected
        assert repr(new) == repr(old), "the arguments were changed differently"


@each_example
def test_the_rule_proposes_nothing_on_its_own_result(example: Example) -> None:
    codes = [p.module.code for p in proposals(example, example.after, example.calls)]
    assert codes == []


@each_example
def test_the_explanation_names_this_instance(example: Example) -> None:
    for proposal in proposals(example, example.before, example.calls):
        assert proposal.why.endswith(".")
        assert len(proposal.why) <= 300


@each_near_miss
def test_a_near_miss_is_left_alone(example: Example, near_miss: NearMiss) -> None:
    found = proposals(example, near_miss.source, near_miss.calls or example.calls)
    assert [proposal.module.code for proposal in found] == []


@each_example
def test_every_example_has_at_least_two_near_misses(example: Example) -> None:
    assert len(example.near_misses) >= 2


def test_every_strategy_has_an_example_and_no_two_share_a_name() -> None:
    names = [rule.strategy.name for rule in rules()]
    assert len(set(names)) == len(names)
    assert {example.strategy for example in EXAMPLES} == set(names)
