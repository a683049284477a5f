"""What an example of a strategy is; the catalogue's tests and its benchmark both read these."""

import copy
import types
from collections.abc import Mapping
from dataclasses import dataclass, field

import libcst as cst

from perfbot.optimizer.catalogue import Rule, rules
from perfbot.optimizer.scene import Rewrite, Scene
from perfbot.profiling.facts import Seen, seen_from_json
from perfbot.profiling.inside import facts


@dataclass(frozen=True)
class NearMiss:
    """Code that looks like a case for the strategy and is none: the rule must propose nothing."""

    why: str
    source: str
    calls: str | None = None  # the example's calls when None


@dataclass(frozen=True)
class Example:
    """A strategy, code that people really write, the code that comes out, and calls that show the gain.

    ``calls`` is the source of an expression, a list of argument tuples, evaluated in the module's own
    namespace (so the module must import what it needs, e.g. ``random``); ``for_test`` does the same
    with small inputs for the tests, ``calls`` with ones that are large enough to be measured.
    """

    strategy: str
    function: str
    before: str
    after: str
    calls: str
    near_misses: tuple[NearMiss, ...]
    small_calls: str | None = None
    dependencies: frozenset[str] = field(default_factory=frozenset)


def sample(
    strategy: str, calls: str, before: str, after: str, *near: tuple[str, str, str | None]
) -> Example:
    """An example whose function is ``f``; a near-miss is (why, source, calls or ``None``)."""
    misses = tuple(NearMiss(why, source, at) for why, source, at in near)
    return Example(strategy, "f", before, after, calls, misses)


def rule_named(name: str) -> Rule:
    (found,) = [rule for rule in rules() if rule.strategy.name == name]
    return found


def load(source: str) -> types.ModuleType:
    module = types.ModuleType("example")
    exec(compile(source, "example.py", "exec"), module.__dict__)
    return module


def resolve(module: types.ModuleType, qualname: str) -> types.FunctionType:
    found: object = module
    for name in qualname.split("."):
        found = vars(found)[name]
    while not isinstance(found, types.FunctionType):
        found = (
            getattr(found, "__func__", None) or getattr(found, "fget", None) or found.__wrapped__
        )  # type: ignore[attr-defined]
    return found


def observe(source: str, qualname: str, calls: str) -> Mapping[str, Seen]:
    """Return the facts that perfbot would have recorded while these calls were made."""
    module = load(source)
    function = resolve(module, qualname)
    seen: dict[str, object] = {}
    for arguments in eval(calls, module.__dict__):
        noted, _ = facts.observed(function, function.__code__, copy.deepcopy(arguments), {})
        for name, fact in noted.items():
            seen[name] = facts.merge(seen.get(name), fact)
    return {name: fact for name, each in seen.items() if (fact := seen_from_json(each))}


def proposals(example: Example, source: str, calls: str) -> list[Rewrite]:
    scene = Scene(
        cst.parse_module(source),
        example.function,
        observe(source, example.function, calls),
        example.dependencies,
    )
    return list(rule_named(example.strategy).find(scene))
