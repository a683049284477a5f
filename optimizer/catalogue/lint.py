"""Ruff's own fixes as strategies: those that make code faster, where they keep its meaning."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import ruff_fixes, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.catalogue.lint_guards import (
    Guard,
    always,
    calls_a_fixed_function,
    compares_hashable_with_literals,
    copies_a_sequence,
    first_of_builtin_container,
    flattens_lists,
    iterated_unchanged,
    joins_known_sequences,
    looks_up_unchanged_dict,
    loop_variable_forgotten,
    map_is_consumed,
    reads_own_parameters_only,
    sorts_into_a_list,
    strips_text,
    tests_key_of_dict,
    tests_one_text,
)
from perfbot.optimizer.scene import Rewrite, Scene, set_apart
from perfbot.optimizer.strategies import Category


@dataclass(frozen=True, slots=True)
class _Fix:
    """A ruff rule, the name of its strategy, and what to tell people about ``{site}``."""

    code: str
    category: Category
    name: str
    why: str
    guard: Guard = always


_FIXES = (
    _Fix(
        "B009",
        Category.CALL_OVERHEAD,
        "getattr of a constant to attribute",
        "`{site}` calls a function to read an attribute whose name is known; `.name` is one instruction.",
    ),
    _Fix(
        "C400",
        Category.LOOP,
        "list of a generator to comprehension",
        "`{site}` resumes a generator for each item; a list comprehension appends in place.",
    ),
    _Fix(
        "C401",
        Category.LOOP,
        "set of a generator to comprehension",
        "`{site}` resumes a generator for each item; a set comprehension adds in place.",
    ),
    _Fix(
        "C402",
        Category.LOOP,
        "dict of a generator to comprehension",
        "`{site}` makes a tuple for each key and value and takes it apart again; a dict comprehension does not.",
    ),
    _Fix(
        "C403",
        Category.MEMORY,
        "set of a list comprehension to set comprehension",
        "`{site}` builds a whole list only to build the set from it.",
    ),
    _Fix(
        "C404",
        Category.MEMORY,
        "dict of a list comprehension to dict comprehension",
        "`{site}` builds a list of pairs only to build the dictionary from it.",
    ),
    _Fix(
        "C405",
        Category.INSTRUCTION,
        "set call to literal",
        "`{site}` builds a sequence and calls `set` on it; a set display does it in one instruction.",
    ),
    _Fix(
        "C409",
        Category.INSTRUCTION,
        "tuple call to literal",
        "`{site}` builds a list and copies it; a tuple display does it in one instruction.",
    ),
    _Fix(
        "C413",
        Category.MEMORY,
        "list around sorted dropped",
        "`{site}` copies a list that `sorted` has just made.",
        sorts_into_a_list,
    ),
    _Fix(
        "C414",
        Category.MEMORY,
        "copy inside a conversion dropped",
        "`{site}` copies the items into a sequence that is thrown away at once.",
        copies_a_sequence,
    ),
    _Fix(
        "C416",
        Category.LIBRARY,
        "copying comprehension to constructor",
        "`{site}` copies item by item in bytecode; the constructor copies in C.",
    ),
    _Fix(
        "C417",
        Category.CALL_OVERHEAD,
        "map of a lambda to comprehension",
        "`{site}` calls a Python function for each item; a comprehension has the expression inline.",
        map_is_consumed,
    ),
    _Fix(
        "FURB118",
        Category.CALL_OVERHEAD,
        "lambda to operator function",
        "`{site}` is a Python call for each item; the function of `operator` does the same in C.",
        reads_own_parameters_only,
    ),
    _Fix(
        "FURB142",
        Category.LIBRARY,
        "loop of set.add to set.update",
        "`{site}` calls `add` for each item; `update` adds them all in C.",
        loop_variable_forgotten,
    ),
    _Fix(
        "FURB148",
        Category.LOOP,
        "enumerate without its number dropped",
        "`{site}` counts the items, and nobody reads the count.",
        iterated_unchanged,
    ),
    _Fix(
        "FURB168",
        Category.INSTRUCTION,
        "isinstance of NoneType to is None",
        "`{site}` makes two calls to ask what `is None` tells in one comparison.",
    ),
    _Fix(
        "FURB188",
        Category.LIBRARY,
        "affix test and slice to removeprefix",
        "`{site}` looks up, tests and slices; `removeprefix`/`removesuffix` is one call.",
        strips_text,
    ),
    _Fix(
        "PERF102",
        Category.LOOP,
        "items of which one half is used",
        "`{site}` makes a pair for each entry, and only one half of it is read.",
    ),
    _Fix(
        "PIE810",
        Category.LIBRARY,
        "several affix tests to one",
        "`{site}` makes several calls; `startswith` and `endswith` take all candidates at once.",
        tests_one_text,
    ),
    _Fix(
        "PLR1714",
        Category.BRANCHING,
        "chain of equalities to membership",
        "`{site}` compares one by one; a constant set answers by hash.",
        compares_hashable_with_literals,
    ),
    _Fix(
        "PLR1733",
        Category.LOOP,
        "dict item looked up again",
        "`{site}` is looked up again although `items()` has just handed out the value.",
        looks_up_unchanged_dict,
    ),
    _Fix(
        "PLR6201",
        Category.DATA_STRUCTURE,
        "membership in a literal sequence to set",
        "`{site}` compares with one constant after another; a constant set answers by hash.",
        compares_hashable_with_literals,
    ),
    _Fix(
        "PLW0108",
        Category.CALL_OVERHEAD,
        "lambda that only calls dropped",
        "`{site}` is a Python call that makes another; the inner function can be passed itself.",
        calls_a_fixed_function,
    ),
    _Fix(
        "RUF005",
        Category.MEMORY,
        "list concatenation to one display",
        "`{site}` builds a new list at each `+`; one display builds a single list.",
        joins_known_sequences,
    ),
    _Fix(
        "RUF015",
        Category.ALGORITHM,
        "whole list for its first item",
        "`{site}` builds everything to take the first item; `next` stops there.",
        first_of_builtin_container,
    ),
    _Fix(
        "RUF017",
        Category.ALGORITHM,
        "quadratic sum of lists",
        "`{site}` copies all that was joined so far for each further list; joining in place copies each item once.",
        flattens_lists,
    ),
    _Fix(
        "RUF055",
        Category.LIBRARY,
        "regular expression to string method",
        "`{site}` runs the regular-expression engine for a fixed text; the string method searches in C.",
    ),
    _Fix(
        "SIM118",
        Category.DATA_STRUCTURE,
        "membership in keys to dict",
        "`{site}` makes a view for each test; the dictionary answers itself.",
        tests_key_of_dict,
    ),
    _Fix(
        "UP032",
        Category.INSTRUCTION,
        "format call to f-string",
        "`{site}` looks up a method and parses its template at run time; an f-string is compiled.",
    ),
)
_CODES = tuple(fix.code for fix in _FIXES)


def _finder(fix: _Fix) -> Callable[[Scene], Iterator[Rewrite]]:
    def find(scene: Scene) -> Iterator[Rewrite]:
        text = scene.text
        found = [each for each in ruff_fixes.findings(text, _CODES) if each.code == fix.code]
        if found:
            yield from _rewrites(scene, fix, text, found)

    find.__doc__ = f"What ruff's {fix.code} mends in the function, where it keeps the meaning."
    return find


def _rewrites(
    scene: Scene, fix: _Fix, text: str, found: list[ruff_fixes.Finding]
) -> Iterator[Rewrite]:
    """Yield one rewrite for all places in the function; imports come with the edits."""
    places = ruff_fixes.Places(scene.module, text)
    start, end = places.span(scene.function)
    inside = [each for each in found if start <= each.start and each.end <= end]
    kept = [each for each in inside if fix.guard(scene, _site(scene, places, each))]
    chosen = list(ruff_fixes.compatible(kept))
    if not chosen:
        return
    changed = ruff_fixes.apply(text, (edit for each in chosen for edit in each.edits))
    site = " ".join(text[chosen[0].start : chosen[0].end].split())
    shown = site if len(site) <= 90 else f"{site[:87]}..."
    module = cst.parse_module(changed, scene.module.config_for_parsing)
    if len(module.body) > len(scene.module.body):
        module = set_apart(module, len(scene.module.body))
    yield Rewrite(module, fix.why.format(site=shown))


def _site(
    scene: Scene, places: ruff_fixes.Places, finding: ruff_fixes.Finding
) -> cst.CSTNode | None:
    """Return the node that a finding is about: the innermost of its text, else the first there or around."""
    exact = starting = around = None
    for node in syntax.walk(scene.function):
        if isinstance(node, cst.BaseExpression | cst.BaseStatement | cst.BaseSmallStatement):
            start, end = places.span(node)
            if (start, end) == (finding.start, finding.end):
                exact = node
            elif start == finding.start and starting is None:
                starting = node
            elif start < finding.start and finding.end <= end:
                around = node
    return exact or starting or around


for _fix in _FIXES:
    rule(_fix.category, _fix.name)(_finder(_fix))
