"""The embedded optimizer: named rewrites under the fifteen categories, one module per category.

A rule is a function from a :class:`~perfbot.optimizer.scene.Scene` to rewrites, registered with
:func:`rule`. It may propose whatever is right for the types that were seen at run time; nothing
that it proposes is believed before the judge has replayed and measured it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from perfbot.optimizer.scene import Rewrite, Scene
from perfbot.optimizer.strategies import Category, Strategy

Finder = Callable[[Scene], Iterator[Rewrite]]

_RULES: list["Rule"] = []
_ORDER = {
    Category.ALGORITHM: 0,
    Category.DATA_STRUCTURE: 1,
    Category.MEMORY: 2,
    Category.LIFETIME: 3,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A strategy and the function that finds where it applies."""

    strategy: Strategy
    find: Finder


def rule(category: Category, name: str) -> Callable[[Finder], Finder]:
    """Register a finder as the rule of a strategy; its docstring says when it applies."""

    def register(find: Finder) -> Finder:
        _RULES.append(Rule(Strategy(category, name), find))
        return find

    return register


def rules() -> tuple[Rule, ...]:
    """Return all rules of the catalogue: those that change growth first, for time may run out."""
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        import_module(f"{__name__}.{module.name}")
    return tuple(sorted(_RULES, key=lambda rule: _ORDER.get(rule.strategy.category, len(_ORDER))))
