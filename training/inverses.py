"""The catalogue's rewrites backwards: fast idioms made slow, each under the strategy that undoes it.

An inverse looks at one node of a tree and gives what stands there instead. It need not be right for
every type: what comes out is run on both sides and dropped where it prints anything else
(``degrade.py``). Statement inverses give several statements for one. Names are the catalogue's own;
``tests/training/test_degrade.py`` holds that, and that each one is undone by its rule or works.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from perfbot.training import inverse_expressions as expressions
from perfbot.training import inverse_statements as statements
from perfbot.training.inverse_expressions import Expression
from perfbot.training.inverse_statements import Statement


@dataclass(frozen=True, slots=True)
class Inverse:
    """What undoes it, why that helps, and how a node is made slow (``None``: it is no such idiom)."""

    name: str
    why: str
    expression: Expression | None = None
    statement: Statement | None = None


INVERSES = (
    Inverse(
        "append loop to comprehension",
        "a comprehension appends without looking the method up for each item",
        statement=statements.append_loop,
    ),
    Inverse(
        "adding loop to sum",
        "sum adds in C, without a turn of the interpreter for each item",
        statement=statements.folding_loop("sum", ast.Constant(0), ast.Add()),
    ),
    Inverse(
        "multiplying loop to product",
        "math.prod multiplies in C",
        statement=statements.folding_loop("prod", ast.Constant(1), ast.Mult()),
    ),
    Inverse(
        "index loop to direct iteration",
        "the loop takes the items themselves instead of looking each up by its index",
        statement=statements.index_loop,
    ),
    Inverse(
        "parallel indices to zip",
        "zip gives both items without an index",
        statement=statements.parallel_indices,
    ),
    Inverse(
        "copying loop to extend",
        "extend copies all items in one call",
        statement=statements.one_by_one("extend", "append"),
    ),
    Inverse(
        "call per item to map",
        "map calls without a frame of a generator for each item",
        expressions.item_by_item,
    ),
    Inverse(
        "look-ups by key to values",
        "values gives what each key would have to be looked up for",
        expressions.keys_to_values,
    ),
    Inverse(
        "loop of set.add to set.update",
        "update adds all items in one call",
        statement=statements.one_by_one("update", "add"),
    ),
    Inverse(
        "loop of items to dict.update",
        "update copies all entries in one call",
        statement=statements.items_one_by_one,
    ),
    Inverse(
        "text rebuilt for each piece to join",
        "join makes the text once instead of once more for each piece",
        statement=statements.rebuilt_text,
    ),
    Inverse(
        "ordered dedupe by dict",
        "a dict knows what it has seen without looking through a list",
        statement=statements.dedupe_loop,
    ),
    Inverse(
        "search loop to membership",
        "membership is tested in C",
        statement=statements.search_loop,
    ),
    Inverse(
        "list rebuilt by + to append",
        "append adds in place instead of copying the list",
        statement=statements.growing_list,
    ),
    Inverse(
        "enumerate without its number dropped",
        "the number is not used, so the pair need not be made",
        statement=statements.numbered,
    ),
    Inverse(
        "suppress to try",
        "try costs nothing where nothing is raised",
        statement=statements.suppressed,
    ),
    Inverse(
        "set of a list comprehension to set comprehension",
        "the list in between is not made",
        expressions.set_of_list,
    ),
    Inverse(
        "dict of a list comprehension to dict comprehension",
        "the list of pairs in between is not made",
        expressions.dict_of(ast.ListComp),
    ),
    Inverse(
        "set of a generator to comprehension",
        "a comprehension does without a generator's frame",
        expressions.set_of_generator,
    ),
    Inverse(
        "dict of a generator to comprehension",
        "a comprehension does without a generator's frame and its pairs",
        expressions.dict_of(ast.GeneratorExp),
    ),
    Inverse(
        "list of a generator to comprehension",
        "a comprehension does without a generator's frame",
        expressions.list_of_generator,
    ),
    Inverse(
        "map of a lambda to comprehension",
        "a comprehension calls no function for each item",
        expressions.map_of_lambda,
    ),
    Inverse(
        "copying comprehension to constructor",
        "list copies in C",
        expressions.copied_list,
    ),
    Inverse(
        "filter of a lambda to comprehension",
        "a comprehension tests in place and calls no function",
        expressions.filter_of_lambda,
    ),
    Inverse(
        "membership in a literal sequence to set",
        "a set answers membership without comparing item after item",
        expressions.literal_set_as_list,
    ),
    Inverse(
        "membership in keys to dict",
        "a dict answers membership itself, without a list of its keys",
        expressions.in_keys,
    ),
    Inverse(
        "any equality to membership",
        "membership is tested in C",
        expressions.any_equal,
    ),
    Inverse(
        "membership without a copy",
        "what is only asked need not be copied",
        expressions.copy_for_membership,
    ),
    Inverse(
        "chain of equalities to membership",
        "one test asks for all values",
        expressions.equalities,
    ),
    Inverse(
        "first of sorted to min or max",
        "one pass finds the extreme, without sorting the rest",
        expressions.first_of_sorted,
    ),
    Inverse(
        "list around sorted dropped",
        "sorted makes its own list",
        expressions.list_around("sorted"),
    ),
    Inverse(
        "copy inside a conversion dropped",
        "the conversion reads its source itself",
        expressions.list_around("set"),
    ),
    Inverse(
        "test and look-up to get",
        "get looks the key up once",
        expressions.look_up_twice,
    ),
    Inverse(
        "set call to literal",
        "a literal needs no call and no list",
        expressions.set_call,
    ),
    Inverse(
        "tuple call to literal",
        "a literal needs no call and no list",
        expressions.tuple_call,
    ),
    Inverse(
        "format call to f-string",
        "an f-string is put together without parsing a format at run time",
        expressions.format_call,
    ),
    Inverse(
        "concatenation chain to f-string",
        "an f-string makes the text once, without those in between",
        expressions.concatenation,
    ),
    Inverse(
        "several affix tests to one",
        "one call tests all affixes",
        expressions.affix_by_affix,
    ),
    Inverse(
        "isinstance of NoneType to is None",
        "identity needs no call",
        expressions.isinstance_of_none,
    ),
    Inverse(
        "square to multiplication",
        "a multiplication is cheaper than a general power",
        expressions.square,
    ),
    Inverse(
        "two-argument max or min to comparison",
        "a comparison needs no call",
        expressions.extreme_call,
    ),
    Inverse(
        "constant fill by multiplication",
        "the list is made at its size in one step",
        expressions.fill,
    ),
    Inverse(
        "joined reversal to slice",
        "a slice turns the text round in C",
        expressions.joined_reversal,
    ),
    Inverse(
        "power modulo by pow",
        "pow keeps every number below the modulus",
        expressions.power_then_modulo,
    ),
    Inverse(
        "membership in a range to comparison",
        "two comparisons need no range object",
        expressions.in_range,
    ),
    Inverse(
        "lambda that only calls dropped",
        "the function itself is called, without a frame in between",
        expressions.lambda_that_calls,
    ),
    Inverse(
        "getattr of a constant to attribute",
        "an attribute is looked up without a call",
        expressions.getattr_of_constant,
    ),
)


@dataclass(frozen=True, slots=True)
class Slowed:
    """A module with one idiom made slow, and what undoes it."""

    inverse: Inverse
    text: str


def slowed(module: ast.Module, function: str) -> Iterator[Slowed]:
    """Yield every version of a module in which one idiom of one function is slow."""
    for inverse in INVERSES:
        for number in range(_sites(module, function, inverse)):
            copied = ast.parse(ast.unparse(module))
            _At(inverse, number).visit(_named(copied, function))
            yield Slowed(inverse, ast.unparse(ast.fix_missing_locations(copied)))


def _named(module: ast.Module, function: str) -> ast.AST:
    return next(
        each for each in module.body if isinstance(each, ast.FunctionDef) and each.name == function
    )


def _sites(module: ast.Module, function: str, inverse: Inverse) -> int:
    counter = _At(inverse, -1)
    counter.visit(_named(ast.parse(ast.unparse(module)), function))
    return counter.seen


class _At(ast.NodeTransformer):
    """Makes the idiom at one place slow; places count in the order in which trees are walked."""

    def __init__(self, inverse: Inverse, place: int) -> None:
        self._inverse, self._place = inverse, place
        self.seen = 0

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        made: ast.expr | list[ast.stmt] | None = None
        if isinstance(node, ast.expr) and self._inverse.expression is not None:
            made = self._inverse.expression(node)
        elif isinstance(node, ast.stmt) and self._inverse.statement is not None:
            made = self._inverse.statement(node)
        if made is not None:
            self.seen += 1
            if self.seen - 1 == self._place:
                return made
        return self.generic_visit(node)
