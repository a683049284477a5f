"""Function Call Overhead Reduction: what a generator is asked once, asked by a loop in place.

``any``, ``all`` and ``next`` start a generator and resume it for every item; a loop that stops at
the same item asks the same questions without one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category

_LEAVING = (cst.Return, cst.Raise)


@dataclass(frozen=True, slots=True)
class _Question:
    """``any`` or ``all`` of a generator: an item for which ``test`` holds makes it ``answer``."""

    function: str
    made: cst.GeneratorExp
    test: str
    answer: bool

    @property
    def head(self) -> str:
        """The loop's first line."""
        clause = self.made.for_in
        return f"for {syntax.code(clause.target)} in {_on_one_line(clause.iter)}:"

    @property
    def why(self) -> str:
        """Why a loop is faster."""
        return (
            f"`{self.function}` resumes a generator for every item; "
            "the loop asks the same questions in place."
        )


@rule(Category.CALL_OVERHEAD, "any or all to loop")
def any_or_all_to_loop(scene: Scene) -> Iterator[Rewrite]:
    """``any(test for x in xs)`` that is returned, assigned, or the (last) test of an ``if``."""
    for node in flow.own_nodes(scene):
        match node:
            case cst.SimpleStatementLine(body=[cst.Return(value=cst.BaseExpression() as value)]):
                question = _question(scene, value)
                if question is not None:
                    yield _returned(scene, node, question)
            case cst.SimpleStatementLine(body=[cst.Assign()]) if (
                named := syntax.assignment(node)
            ) is not None:
                question = _question(scene, named[1])
                if question is not None and _may_be_set_early(scene, node, named[0], question):
                    yield _assigned(scene, node, named[0], question)
            case cst.If() if not isinstance(scene.parent(node), cst.If):
                yield from _tested(scene, node)


def _question(scene: Scene, expr: cst.BaseExpression) -> _Question | None:
    match expr:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            found = _question(scene, inner)
            if found is not None:
                return _Question(found.function, found.made, found.test, not found.answer)
        case cst.Call(
            func=cst.Name(value="any" | "all" as function),
            args=[cst.Arg(value=cst.GeneratorExp() as made, star="", keyword=None)],
        ) if scene.is_builtin(function) and can_be_loop(scene, made):
            return _Question(function, made, _test(function, made), function == "any")
    return None


def can_be_loop(scene: Scene, made: cst.GeneratorExp | cst.ListComp) -> bool:
    """Say whether the generator's variables may become the function's, and nothing else changes."""
    clause = made.for_in
    names = flow.target_names(clause.target)
    if names is None or clause.inner_for_in is not None or stops_generators(made):
        return False
    if any(isinstance(n, cst.NamedExpr | cst.Lambda) for n in syntax.walk(made)):
        return False
    return all(_is_alone(scene, made, name) for name in names)


def _is_alone(scene: Scene, made: cst.CSTNode, name: str) -> bool:
    """Say whether a generator's variable means nothing outside it: other comprehensions have their own."""
    inside = {id(each) for each in syntax.walk(made)}
    return name not in scene.parameters and all(
        id(use) in inside or _in_another_scope(scene, use) for use in scene.uses(name)
    )


def _in_another_scope(scene: Scene, use: cst.Name) -> bool:
    comprehensions = (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)
    for above in scene.above(use):
        if isinstance(above, comprehensions):
            first = {id(each) for each in syntax.walk(above.for_in.iter)}
            if id(use) not in first and use.value in syntax.names_written(above.for_in):
                return True
    return False


def stops_generators(made: cst.GeneratorExp | cst.ListComp) -> bool:
    """A StopIteration from ``next`` is an error inside a generator; ``await`` makes it asynchronous."""
    suspends = any(isinstance(node, cst.Await | cst.Yield) for node in syntax.walk(made))
    return suspends or flow.mentions(made, "next") or "async" in syntax.code(made)


def _test(function: str, made: cst.GeneratorExp) -> str:
    """The condition on an item that decides the answer."""
    conditions = [_enclosed(each.test) for each in made.for_in.ifs]
    if function == "any" and not conditions:
        return _on_one_line(made.elt)
    last = _enclosed(made.elt) if function == "any" else f"not {_enclosed(made.elt)}"
    text = " and ".join([*conditions, last])
    return f"({text})" if "\n" in text else text


def _enclosed(expr: cst.BaseExpression) -> str:
    text = syntax.code(expr)
    return text if expr.lpar or isinstance(expr, cst.Name | cst.Call) else f"({text})"


def _on_one_line(expr: cst.BaseExpression) -> str:
    """The generator's parentheses, which let the code go on in another line, are gone."""
    text = syntax.code(expr)
    return f"({text})" if "\n" in text else text


def _returned(scene: Scene, line: cst.SimpleStatementLine, question: _Question) -> Rewrite:
    text = f"{question.head}\n    if {question.test}:\n        return {question.answer}\n"
    last = cst.parse_statement(f"return {not question.answer}")
    loop = writing.line(text, line)
    return scene.rewrite({line: cst.FlattenSentinel([loop, last])}, question.why)


def _may_be_set_early(scene: Scene, line: cst.CSTNode, name: str, question: _Question) -> bool:
    """Say whether nobody can see the variable between its first value and the answer."""
    unread = name not in syntax.names_read(question.made)
    return unread and flow.is_own(scene, name) and not flow.in_try(scene, line)


def _assigned(
    scene: Scene, line: cst.SimpleStatementLine, name: str, question: _Question
) -> Rewrite:
    first = writing.line(f"{name} = {not question.answer}", line)
    text = (
        f"{question.head}\n    if {question.test}:\n"
        f"        {name} = {question.answer}\n        break\n"
    )
    return scene.rewrite(
        {line: cst.FlattenSentinel([first, cst.parse_statement(text)])}, question.why
    )


def _tested(scene: Scene, node: cst.If) -> Iterator[Rewrite]:
    """``if any(…):``, and ``if … and any(…):`` without an ``else``."""
    question = _question(scene, node.test)
    if question is not None:
        lines = _asked(node, question, node)
        if lines is not None:
            yield scene.rewrite({node: cst.FlattenSentinel(lines)}, question.why)
        return
    match node.test:
        case cst.BooleanOperation(left=left, operator=cst.And(), right=right):
            question = _question(scene, right)
            bare = node.with_changes(leading_lines=[])
            lines = _asked(bare, question, bare) if question and node.orelse is None else None
            if question is not None and lines is not None:
                changes: dict[cst.CSTNode, Change] = {
                    node: node.with_changes(test=left, body=cst.IndentedBlock(lines))
                }
                yield scene.rewrite(changes, question.why)


def _asked(
    node: cst.If, question: _Question, replaced: cst.CSTNode
) -> list[cst.BaseStatement] | None:
    """The loop that asks, with one branch where the answer is found and the other where it is not."""
    found, missed = syntax.body_of(node), _otherwise(node)
    if not question.answer:
        found, missed = missed, found
    if _loops_on(found) or _has_comment_between(node):
        return None
    loop = writing.line(f"{question.head}\n    if {question.test}:\n        pass\n", replaced)
    assert isinstance(loop, cst.For)
    (inner,) = syntax.body_of(loop)
    leaves = bool(found) and isinstance(syntax.only_small(found[-1]), _LEAVING)
    body = found if leaves else [*found, cst.parse_statement("break")]
    inner = inner.with_changes(body=cst.IndentedBlock(body))
    loop = writing.with_body(loop, [inner])
    if leaves or not missed:
        return [loop, *missed]
    return [loop.with_changes(orelse=cst.Else(cst.IndentedBlock(missed)))]


def _has_comment_between(node: cst.If) -> bool:
    """Say whether a comment stands behind ``if …:`` or above ``else``, which the loop has no place for."""
    parts: list[cst.TrailingWhitespace | cst.EmptyLine] = []
    if isinstance(node.body, cst.IndentedBlock):
        parts.append(node.body.header)
    match node.orelse:
        case cst.Else(body=cst.IndentedBlock(header=header), leading_lines=lines):
            parts += [header, *lines]
    return any(part.comment is not None for part in parts)


def _otherwise(node: cst.If) -> list[cst.BaseStatement]:
    match node.orelse:
        case cst.If() as chained:
            return [chained]
        case cst.Else() as other:
            return syntax.body_of(other)
    return []


def _loops_on(lines: list[cst.BaseStatement]) -> bool:
    """Say whether a ``break`` or ``continue`` of a loop around would become the new loop's."""
    waiting: list[cst.CSTNode] = list(lines)
    while waiting:
        node = waiting.pop()
        if isinstance(node, cst.Break | cst.Continue):
            return True
        if not isinstance(node, cst.For | cst.While | cst.FunctionDef | cst.ClassDef):
            waiting.extend(syntax.children(node))
        elif isinstance(node, cst.For | cst.While) and node.orelse is not None:
            waiting.append(node.orelse)
    return False


@rule(Category.CALL_OVERHEAD, "next of a generator to loop")
def next_to_loop(scene: Scene) -> Iterator[Rewrite]:
    """``next((value for x in xs if test), default)`` that is returned or assigned, the default a constant."""
    for node in flow.own_nodes(scene):
        match node:
            case cst.SimpleStatementLine(body=[cst.Return(value=cst.BaseExpression() as value)]):
                found = _first(scene, value)
                if found is not None:
                    text = f"{found.head}        return {found.value}\n"
                    last = cst.parse_statement(f"return {found.default}")
                    lines = [writing.line(text, node), last]
                    yield scene.rewrite({node: cst.FlattenSentinel(lines)}, _WHY_NEXT)
            case cst.SimpleStatementLine(body=[cst.Assign()]) if (
                named := syntax.assignment(node)
            ) is not None:
                found = _first(scene, named[1])
                if found is not None:
                    text = (
                        f"{found.head}        {named[0]} = {found.value}\n        break\n"
                        f"else:\n    {named[0]} = {found.default}\n"
                    )
                    yield scene.rewrite({node: writing.line(text, node)}, _WHY_NEXT)


_WHY_NEXT = (
    "`next` sets up a generator for one item of it; the loop looks for the same item in place."
)


@dataclass(frozen=True, slots=True)
class _First:
    """The first of some values: the loop's lines up to its ``if``, the value, and the default."""

    head: str
    value: str
    default: str


def _first(scene: Scene, expr: cst.BaseExpression) -> _First | None:
    match expr:
        case cst.Call(
            func=cst.Name(value="next"),
            args=[
                cst.Arg(value=cst.GeneratorExp(for_in=clause) as made, star="", keyword=None),
                cst.Arg(value=default, star="", keyword=None),
            ],
        ) if scene.is_builtin("next") and clause.ifs and _is_constant(default):
            if not can_be_loop(scene, made):
                return None
            tests = " and ".join(_enclosed(each.test) for each in clause.ifs)
            test = _on_one_line(clause.ifs[0].test) if len(clause.ifs) == 1 else f"({tests})"
            head = f"for {syntax.code(clause.target)} in {_on_one_line(clause.iter)}:"
            return _First(f"{head}\n    if {test}:\n", _on_one_line(made.elt), syntax.code(default))
    return None


def _is_constant(expr: cst.BaseExpression) -> bool:
    if isinstance(expr, cst.Name):
        return expr.value in {"None", "True", "False"}
    if isinstance(expr, cst.UnaryOperation):
        return isinstance(expr.expression, cst.Integer)
    return isinstance(expr, cst.Integer | cst.SimpleString)
