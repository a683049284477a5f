"""Text handled as a whole by a string method instead of character by character."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import flow, shapes, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Rewrite, Scene
from perfbot.optimizer.strategies import Category

_LONG = 32  # characters: below that, looking at each once is as quick
_TEXT_METHODS = frozenset(
    "lower upper swapcase title capitalize casefold replace strip zfill ljust rjust".split()
)
_HARMLESS_TESTS = frozenset(
    "isalnum isalpha isascii isdecimal isdigit islower isnumeric isspace isupper".split()
)


def long_text(scene: Scene, expr: cst.BaseExpression) -> str | None:
    """Return the name of a variable that holds text, if it was seen to be long enough."""
    if not isinstance(expr, cst.Name) or not scene.is_kind(expr, "str"):
        return None
    if not all(scene.is_builtin(name) for name in ("dict", "map", "ord", "set", "sum")):
        return None
    seen = scene.facts.get(expr.value)
    return expr.value if seen is None or seen.longest >= _LONG else None


@rule(Category.LIBRARY, "count of characters")
def count_of_characters(scene: Scene) -> Iterator[Rewrite]:
    """``sum(test(c) for c in text)`` and its relatives: each distinct character is asked about once."""
    for call in syntax.find(scene.function.body, cst.Call):
        counted = _counted(scene, call)
        text = long_text(scene, counted.iterable) if counted else None
        if counted is None or text is None or counted.name is None:
            continue
        why = (
            f"`{shapes.shown(call)}` runs Python code for each character of `{text}`; "
            "`count` counts one character over the whole text in C."
        )
        yield scene.rewrite({call: _by_count(counted, text, counted.name)}, why)


def _counted(scene: Scene, call: cst.Call) -> shapes.Comprehension | None:
    """Return the comprehension whose true items are counted, with the condition as its only test."""
    argument = shapes.sole_argument(call)
    parts = shapes.comprehension(argument) if argument is not None else None
    name = syntax.called_name(call)
    if parts is None or name not in {"sum", "len"} or not scene.is_builtin(name):
        return None
    tests = parts.tests
    if name == "sum" and _is_condition(parts.element):
        tests = (*tests, parts.element)
    elif not (_is_one(parts.element) if name == "sum" else syntax.is_pure(parts.element)):
        return None
    if not tests or not all(syntax.is_pure(test) for test in tests):
        return None
    return shapes.Comprehension(parts.element, parts.target, parts.iterable, tests)


def _is_one(expr: cst.BaseExpression) -> bool:
    return syntax.code(expr) == "1"


def _is_condition(expr: cst.BaseExpression) -> bool:
    """Say whether an expression is ``True`` or ``False`` and nothing else."""
    match expr:
        case cst.Comparison() | cst.UnaryOperation(operator=cst.Not()):
            return True
        case cst.BooleanOperation(left=left, right=right):
            return _is_condition(left) and _is_condition(right)
    method = syntax.method_call(expr)
    return method is not None and method[1] in _HARMLESS_TESTS | {"startswith", "endswith"}


def _by_count(counted: shapes.Comprehension, text: str, name: str) -> cst.BaseExpression:
    match counted.tests:
        case [cst.Comparison(left=cst.Name(value=left), comparisons=[only])] if left == name:
            wanted = syntax.constant(only.comparator)
            if isinstance(wanted, str) and len(set(wanted)) == len(wanted) > 0:
                if isinstance(only.operator, cst.Equal) and len(wanted) == 1:
                    return syntax.expression(f"{text}.count({{c}})", c=only.comparator)
                if isinstance(only.operator, cst.In):
                    return syntax.expression(f"sum(map({text}.count, {{c}}))", c=only.comparator)
    test = shapes.both(counted.tests)
    assert test is not None
    distinct = f"set({text})" if _cannot_fail(test, name) else f"dict.fromkeys({text})"
    return cst.parse_expression(
        f"sum([{text}.count({name}) for {name} in {distinct} if {_bare(test)}])"
    )


def _bare(expr: cst.BaseExpression) -> str:
    """Return the code of a condition as it may stand after the ``if`` of a comprehension."""
    lowest = isinstance(expr, cst.IfExp | cst.Lambda | cst.NamedExpr) and not expr.lpar
    return f"({syntax.code(expr)})" if lowest else syntax.code(expr)


def _cannot_fail(test: cst.BaseExpression, name: str) -> bool:
    """Say whether asking in another order cannot raise another exception."""
    for node in syntax.walk(test):
        match node:
            case cst.Call(func=cst.Attribute(value=cst.Name(value=on), attr=cst.Name(value=m))):
                if on != name or m not in _HARMLESS_TESTS:
                    return False
            case cst.Call() | cst.BinaryOperation() | cst.Subscript():
                return False
    return True


@rule(Category.LIBRARY, "loop over distinct characters")
def loop_over_distinct_characters(scene: Scene) -> Iterator[Rewrite]:
    """A loop over text that only adds to counters: once for each distinct character, times its count."""
    for loop in syntax.find(scene.function.body, cst.For):
        counters = _counters(scene, loop)
        if not counters or not isinstance(loop.target, cst.Name):
            continue
        prologue: list[cst.BaseStatement] = []
        source = loop.iter
        if not isinstance(source, cst.Name):
            if not scene.is_kind(source, "str") or not syntax.is_pure(source):
                continue
            text = cst.Name(scene.fresh("text"))
            prologue.append(syntax.statement("{text} = {source}", text=text, source=source))
        elif long_text(scene, source) is None:
            continue
        else:
            text = source
        why = (
            f"The loop over `{shapes.shown(source)}` asks the same about equal characters again and "
            f"again; now it asks once for each and adds to {', '.join(f'`{c}`' for c in counters)} "
            "as often as the character occurs."
        )
        new = _distinct_loop(loop, text, loop.target)
        yield scene.rewrite({loop: cst.FlattenSentinel([*prologue, new])}, why)


def _counters(scene: Scene, loop: cst.For) -> list[str]:
    """Return the variables that a loop adds to, or nothing if it does anything else."""
    if loop.orelse is not None or loop.asynchronous is not None:
        return []
    additions = list(_additions(loop.body))
    names = list(dict.fromkeys(name for name, _ in additions))
    reads = frozenset(
        name
        for node in [*_tests(loop.body), *(value for _, value in additions)]
        for name in syntax.names_read(node)
    )
    target = syntax.code(loop.target)
    inside = {id(name) for name in syntax.variables(loop)}
    forgotten = all(id(use) in inside for use in scene.uses(target))
    fine = (
        "" not in names
        and forgotten
        and not reads & set(names)
        and not flow.in_try(scene, loop)
        and all(_is_local_int(scene, name) for name in names)
        and all(syntax.is_pure(test) for test in _tests(loop.body))
        and all(syntax.is_pure(v) and scene.is_kind(v, "int") for _, v in additions)
        and (syntax.names_written(loop.body) == set(names))
    )
    return names if fine else []


def _is_local_int(scene: Scene, name: str) -> bool:
    shared = any(
        item.name.value == name
        for node in syntax.walk(scene.function.body)
        if isinstance(node, cst.Global | cst.Nonlocal)
        for item in node.names
    )
    return not shared and name in scene.local_names and scene.is_kind(cst.Name(name), "int")


def _additions(block: cst.CSTNode) -> Iterator[tuple[str, cst.BaseExpression]]:
    """Yield ``(name, value)`` of each ``name += value`` in a tree of ``if``; an empty name for anything else."""
    for line in syntax.body_of(block) if isinstance(block, cst.If | cst.Else) else _lines(block):
        match line:
            case cst.If(orelse=orelse):
                yield from _additions(line)
                if orelse is not None:
                    yield from _additions(orelse)
            case cst.SimpleStatementLine(
                body=[
                    cst.AugAssign(
                        target=cst.Name(value=name), operator=cst.AddAssign(), value=value
                    )
                ]
            ):
                yield name, value
            case _:
                yield "", cst.Name("None")


def _lines(block: cst.CSTNode) -> list[cst.CSTNode]:
    return list(block.body) if isinstance(block, cst.IndentedBlock) else [block]


def _tests(block: cst.CSTNode) -> list[cst.BaseExpression]:
    return [node.test for node in syntax.find(block, cst.If)]


def _distinct_loop(loop: cst.For, text: cst.Name, target: cst.Name) -> cst.For:
    class Times(cst.CSTTransformer):
        def leave_AugAssign(  # noqa: N802 -- the name that LibCST calls
            self, original_node: cst.AugAssign, updated_node: cst.AugAssign
        ) -> cst.AugAssign:
            times = syntax.expression("{text}.count({c})", text=text, c=target)
            if syntax.constant(original_node.value) != 1:
                times = syntax.expression("{v} * {n}", v=original_node.value, n=times)
            return updated_node.with_changes(value=times)

    body = loop.body.visit(Times())
    assert isinstance(body, cst.BaseSuite)
    distinct = syntax.expression("dict.fromkeys({text})", text=text)
    return loop.with_changes(iter=distinct, body=body)


@rule(Category.LIBRARY, "characters filtered by translate")
def filter_by_translate(scene: Scene) -> Iterator[Rewrite]:
    """``"".join(c for c in text if test(c))``: find out which characters go, and let ``translate`` drop them."""
    for call, parts, text in _joins(scene):
        if not parts.tests or syntax.code(parts.element) != parts.name:
            continue
        test = shapes.both(parts.tests)
        assert test is not None
        new = cst.parse_expression(
            f"{text}.translate({{ord({parts.name}): None for {parts.name} in dict.fromkeys({text}) "
            f"if {_bare(shapes.negated(test))}}})"
        )
        yield scene.rewrite(
            {call: new},
            f"`{shapes.shown(call)}` tests each character of `{text}`; `translate` needs the test "
            "once for each distinct character and drops them in C.",
        )


@rule(Category.LIBRARY, "characters mapped by translate")
def map_by_translate(scene: Scene) -> Iterator[Rewrite]:
    """``"".join(f(c) for c in text)``: work out each distinct character once, and let ``translate`` map them."""
    for call, parts, text in _joins(scene):
        assert parts.name is not None
        if parts.tests or isinstance(parts.element, cst.Name):
            continue
        if not gives_text(scene, parts.element, parts.name):
            continue
        new = cst.parse_expression(
            f"{text}.translate({{ord({parts.name}): {syntax.code(parts.element)} "
            f"for {parts.name} in dict.fromkeys({text})}})"
        )
        yield scene.rewrite(
            {call: new},
            f"`{shapes.shown(parts.element)}` was worked out for each character of `{text}`; "
            "now once for each distinct one, and `translate` maps the text in C.",
        )


def _joins(scene: Scene) -> Iterator[tuple[cst.Call, shapes.Comprehension, str]]:
    """Yield ``"".join(… for c in text …)`` with pure parts, where the text is a long variable."""
    for call in syntax.find(scene.function.body, cst.Call):
        method, argument = syntax.method_call(call), shapes.sole_argument(call)
        if method is None or method[1] != "join" or syntax.constant(method[0]) != "":
            continue
        parts = shapes.comprehension(argument) if argument is not None else None
        if parts is None or parts.name is None or not syntax.is_pure(parts.element):
            continue
        text = long_text(scene, parts.iterable)
        if text is not None and all(syntax.is_pure(test) for test in parts.tests):
            yield call, parts, text


def gives_text(scene: Scene, expr: cst.BaseExpression, name: str) -> bool:
    """Say whether an expression of one character is always text; ``translate`` would take numbers for characters."""
    match expr:
        case cst.Name(value=value) if value == name:
            return True
        case (
            cst.IfExp(body=yes, orelse=no)
            | cst.BinaryOperation(operator=cst.Add(), left=yes, right=no)
        ):
            return gives_text(scene, yes, name) and gives_text(scene, no, name)
        case cst.Call(func=cst.Name(value="chr")):
            return scene.is_builtin("chr")
        case cst.Call(func=cst.Attribute(value=on, attr=cst.Name(value=method))):
            if method in _TEXT_METHODS:
                return gives_text(scene, on, name)
            return method == "get" and _looks_up_text(scene, expr, on, name)
    return scene.is_kind(expr, "str")


def _looks_up_text(scene: Scene, call: cst.Call, table: cst.BaseExpression, name: str) -> bool:
    """``table.get(c, default)`` where the values and the default are text."""
    seen, arguments = scene.kind(table), syntax.arguments(call)
    return (
        seen is not None
        and seen.only("dict")
        and seen.values is not None
        and seen.values.only("str")
        and arguments is not None
        and len(arguments) == 2
        and gives_text(scene, arguments[1], name)
    )


@rule(Category.LIBRARY, "joined reversal to slice")
def joined_reversal(scene: Scene) -> Iterator[Rewrite]:
    """``"".join(reversed(text))`` and ``"".join(list(text)[::-1])``."""
    for call in syntax.find(scene.function.body, cst.Call):
        method, argument = syntax.method_call(call), shapes.sole_argument(call)
        if method is None or method[1] != "join" or syntax.constant(method[0]) != "":
            continue
        text = _reversed_text(argument) if argument is not None else None
        if text is not None and scene.is_kind(text, "str") and scene.is_builtin("reversed"):
            yield scene.rewrite(
                {call: syntax.expression("{text}[::-1]", text=text)},
                f"`{shapes.shown(call)}` takes the text apart and joins it again; a slice copies it "
                "backwards at once.",
            )


def _reversed_text(expr: cst.BaseExpression) -> cst.BaseExpression | None:
    if syntax.called_name(expr) == "reversed":
        inner = shapes.sole_argument(expr)
        while inner is not None and syntax.called_name(inner) == "list":
            inner = shapes.sole_argument(inner)
        return inner
    match expr:
        case cst.Subscript(value=cst.Call(func=cst.Name(value="list")) as inner):
            if syntax.code(expr).endswith("[::-1]"):
                return shapes.sole_argument(inner)
    return None


@rule(Category.LIBRARY, "split for its length to count")
def split_to_count(scene: Scene) -> Iterator[Rewrite]:
    """``len(text.split(separator))``, where the separator is a constant."""
    for call in syntax.find(scene.function.body, cst.Call):
        if syntax.called_name(call) != "len" or not scene.is_builtin("len"):
            continue
        split = shapes.sole_argument(call)
        method = syntax.method_call(split) if split is not None else None
        separator = shapes.sole_argument(split) if split is not None else None
        if method is None or separator is None or method[1] not in {"split", "rsplit"}:
            continue
        wanted = syntax.constant(separator)
        if isinstance(wanted, str) and wanted and scene.is_kind(method[0], "str"):
            counted = syntax.expression("{t}.count({s}) + 1", t=method[0], s=separator)
            # What occurs twice in itself ("aa" in "aaa") is found from the left by both methods.
            if method[1] == "split" or len(wanted) == 1:
                yield scene.rewrite(
                    {call: shapes.parenthesized(counted)},
                    f"`{shapes.shown(call)}` makes a list of all parts only to count them.",
                )


@rule(Category.LIBRARY, "split only as far as needed")
def split_with_maxsplit(scene: Scene) -> Iterator[Rewrite]:
    """``text.split(separator)[0]`` (``[2]``, ``[-1]``): stop after the part that is wanted."""
    changes: dict[cst.CSTNode, cst.CSTNode] = {
        item: new
        for item in syntax.find(scene.function.body, cst.Subscript)
        if (new := _shorter_split(scene, item)) is not None
    }
    if changes:
        first = next(iter(changes))
        why = f"`{shapes.shown(first)}` splits the whole text for one part; counted splits stop there."
        yield scene.rewrite(changes, why)


def _shorter_split(scene: Scene, item: cst.Subscript) -> cst.BaseExpression | None:
    method, index = syntax.method_call(item.value), _index(item)
    if method is None or index is None or method[1] not in {"split", "rsplit"}:
        return None
    assert isinstance(item.value, cst.Call)
    arguments = syntax.arguments(item.value)
    if arguments is None or len(arguments) > 1 or not scene.is_kind(method[0], "str"):
        return None
    if method[1] == "rsplit" and not _single(arguments):
        return None  # "aaa".rsplit("aa") finds other parts than "aaa".split("aa")
    name, times = ("split", index + 1) if index >= 0 else ("rsplit", -index)
    if name != method[1] and not _single(arguments):
        return None
    separator = arguments[0] if arguments else cst.Name("None")
    return syntax.expression(f"{{t}}.{name}({{s}}, {times})[{index}]", t=method[0], s=separator)


def _single(arguments: list[cst.BaseExpression]) -> bool:
    """Say whether a text is split at white space or at one character, from either side alike."""
    if not arguments:
        return True
    separator = syntax.constant(arguments[0])
    return isinstance(separator, str) and len(separator) == 1


def _index(item: cst.Subscript) -> int | None:
    match item.slice:
        case [cst.SubscriptElement(slice=cst.Index(value=value))]:
            number = syntax.constant(value)
            return number if isinstance(number, int) and -4 < number < 4 else None
    return None
