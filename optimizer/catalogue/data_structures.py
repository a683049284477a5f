"""Data Structure Selection: the same question asked of a container that answers it faster."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Rewrite, Scene
from perfbot.optimizer.strategies import Category


@rule(Category.DATA_STRUCTURE, "list membership to set")
def list_membership_to_set(scene: Scene) -> Iterator[Rewrite]:
    """``x in items`` inside a loop, where ``items`` is a list or tuple parameter that the function never changes."""
    for name in scene.parameters:
        seen = scene.facts.get(name)
        if (
            seen is None
            or not seen.only("list", "tuple")
            or syntax.mutates(scene.function.body, name)
        ):
            continue
        if seen.elements is None or not _hashable(seen.elements.types):
            continue
        tests = [test for test in _membership_tests(scene, name) if scene.loops_around(test)]
        if tests:
            yield _with_lookup_set(scene, name, tests, seen.longest)


_HASHABLE = frozenset({"str", "int", "bytes", "bool", "NoneType", "float"})


def _hashable(types: frozenset[str]) -> bool:
    return types <= _HASHABLE


def _membership_tests(scene: Scene, name: str) -> Iterator[cst.ComparisonTarget]:
    for test in syntax.find(scene.function.body, cst.ComparisonTarget):
        match test:
            case cst.ComparisonTarget(
                operator=cst.In() | cst.NotIn(), comparator=cst.Name(value=value)
            ):
                if value == name:
                    yield test


def _with_lookup_set(
    scene: Scene, name: str, tests: list[cst.ComparisonTarget], longest: int
) -> Rewrite:
    lookup = scene.fresh(f"{name}_set")
    changes: dict[cst.CSTNode, cst.CSTNode] = {
        test: test.with_changes(comparator=cst.Name(lookup)) for test in tests
    }
    build = syntax.statement(
        "{target} = set({items})", target=cst.Name(lookup), items=cst.Name(name)
    )
    why = (
        f"Each `in {name}` walks the list (up to {longest} items); the set `{lookup}`, built once per "
        "call, answers by hash."
    )
    return scene.rewrite_with_prologue(changes, [build], why)
