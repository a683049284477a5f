"""Branching Efficiency: fewer tests, cheaper tests, and no exceptions for what is usual."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import certainty, flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category


@dataclass(frozen=True, slots=True)
class _Lookup:
    """``table[key]`` in a line ``prefix table[key]``, where prefix is ``name =``, ``name +=`` or ``return``."""

    prefix: str
    table: str
    key: str


def _is_table(scene: Scene, name: str) -> bool:
    return flow.holds(scene, name, "dict") or _is_constant_table(scene, name)


def _is_constant_table(scene: Scene, name: str) -> bool:
    """Say whether the module binds the name once, to a dict that it writes out."""
    if name in scene.local_names or sum(s.value == name for s in syntax.stores(scene.module)) != 1:
        return False
    found = (syntax.assignment(line) for line in scene.module.body)
    return any(each and each[0] == name and isinstance(each[1], cst.Dict) for each in found)


def _is_key(expr: cst.BaseExpression) -> bool:
    """A plain name, its attribute, a literal, or a tuple of them: nothing that could raise KeyError."""
    if isinstance(expr, cst.Attribute):
        return isinstance(expr.value, cst.Name)
    if isinstance(expr, cst.Tuple):
        return all(isinstance(each, cst.Element) and _is_key(each.value) for each in expr.elements)
    return isinstance(expr, cst.Name | cst.Integer | cst.SimpleString)


def _parts(line: cst.BaseStatement) -> tuple[str, cst.BaseExpression] | None:
    """``("name =", value)``, ``("name +=", value)`` or ``("return", value)`` of a line."""
    assigned = syntax.assignment(line)
    match syntax.only_small(line):
        case cst.Assign() if assigned is not None:
            return f"{assigned[0]} =", assigned[1]
        case cst.AugAssign(target=cst.Name(value=name), operator=cst.AddAssign(), value=value):
            return f"{name} +=", value
        case cst.Return(value=cst.BaseExpression() as value):
            return "return", value
    return None


def _table_item(scene: Scene, value: cst.BaseExpression) -> tuple[str, str] | None:
    """``(table, key)`` of ``table[key]``, where the table is a plain dict, also in an attribute."""
    match value:
        case cst.Subscript(
            value=cst.Attribute(value=cst.Name(), attr=attribute) as kept,
            slice=[cst.SubscriptElement(slice=cst.Index(value=key, star=None))],
        ) if _is_key(key) and (attribute.value == "__dict__" or _keeps_dict(scene, kept)):
            return syntax.code(kept), syntax.code(key)
        case cst.Subscript(
            value=cst.Name(value=table),
            slice=[cst.SubscriptElement(slice=cst.Index(value=key, star=None))],
        ) if _is_key(key) and _is_table(scene, table):
            return table, syntax.code(key)
    return None


def _keeps_dict(scene: Scene, kept: cst.Attribute) -> bool:
    seen = scene.kind(kept)
    return seen.only("dict") if seen is not None else scene.keeps_dict(kept.attr.value)


def _lookup(scene: Scene, line: cst.BaseStatement) -> _Lookup | None:
    parts = _parts(line)
    found = _table_item(scene, parts[1]) if parts is not None else None
    return _Lookup(parts[0], *found) if parts is not None and found is not None else None


def _is_default(scene: Scene, value: cst.BaseExpression) -> bool:
    """A value that may as well be worked out when it is not needed, and that nobody can change."""
    bound = syntax.names_read(value) <= {*scene.parameters, "True", "False", "None"}
    return bound and certainty.is_sure(scene, value, *certainty.ATOMS)


def _missing_key(
    scene: Scene, node: cst.CSTNode
) -> tuple[cst.Try, _Lookup, list[cst.BaseStatement]] | None:
    """A ``try`` around one look-up with one ``except KeyError``: the look-up and the handler's lines."""
    match node:
        case cst.Try(
            body=cst.IndentedBlock(body=[line]),
            handlers=[
                cst.ExceptHandler(
                    type=cst.Name(value="KeyError"),
                    name=None,
                    body=cst.IndentedBlock(body=[*lines]),
                )
            ],
            orelse=None | cst.Else(body=cst.IndentedBlock()),
            finalbody=None,
        ) if scene.is_builtin("KeyError"):
            found = _lookup(scene, line)
            return (node, found, lines) if found is not None else None
    return None


def _same_line(scene: Scene, found: _Lookup, lines: list[cst.BaseStatement]) -> str | None:
    """The default's code, if the other branch is one line that stores or returns it in the same way."""
    parts = _parts(lines[0]) if len(lines) == 1 else None
    if parts is None or parts[0] != found.prefix or not _is_default(scene, parts[1]):
        return None
    return syntax.code(parts[1])


@rule(Category.BRANCHING, "missing key by exception to get")
def missing_key_to_get(scene: Scene) -> Iterator[Rewrite]:
    """``try: x = table[key]`` / ``except KeyError: x = default``."""
    for node in flow.own_nodes(scene):
        case = _missing_key(scene, node)
        default = _same_line(scene, case[1], case[2]) if case is not None else None
        if case is not None and default is not None and case[0].orelse is None:
            found = case[1]
            text = f"{found.prefix} {found.table}.get({found.key}, {default})"
            why = f"Raising and catching an exception for each key that `{found.table}` lacks costs more than `get`."
            yield scene.rewrite({node: writing.line(text, node)}, why)


@rule(Category.BRANCHING, "missing key by exception to test")
def missing_key_to_test(scene: Scene) -> Iterator[Rewrite]:
    """``try: x = table[key]`` / ``except KeyError: something else``, perhaps with an ``else``."""
    for node in flow.own_nodes(scene):
        case = _missing_key(scene, node)
        if case is None:
            continue
        tried, found, lines = case
        if tried.orelse is None and _same_line(scene, found, lines) is not None:
            continue
        if any(isinstance(each, cst.Raise) for line in lines for each in syntax.walk(line)):
            continue  # the new exception would not name the KeyError as its context
        why = f"Asking whether `{found.table}` has the key costs far less than an exception for each that it lacks."
        yield scene.rewrite({node: _tested(tried, found, lines)}, why)


def _tested(tried: cst.Try, found: _Lookup, lines: list[cst.BaseStatement]) -> cst.BaseStatement:
    nothing = len(lines) == 1 and isinstance(syntax.only_small(lines[0]), cst.Pass)
    text = f"if {found.key} in {found.table}:\n    pass\n" + (
        "" if nothing else "else:\n    pass\n"
    )
    branch = writing.line(text, tried)
    assert isinstance(branch, cst.If)
    orelse = cst.Else(tried.handlers[0].body) if not nothing else None
    body = tried.body
    if tried.orelse is not None and isinstance(body, cst.IndentedBlock):
        body = body.with_changes(body=[*body.body, *syntax.body_of(tried.orelse)])
    return branch.with_changes(body=body, orelse=orelse)


@rule(Category.BRANCHING, "test and look-up to get")
def test_and_lookup_to_get(scene: Scene) -> Iterator[Rewrite]:
    """``table[key] if key in table else default``, also as an ``if`` statement or with ``not in``."""
    for node in flow.own_nodes(scene):
        match node:
            case cst.IfExp(test=test, body=body, orelse=orelse):
                found = _table_item(scene, body)
                if found and _asks(test, found) and _is_default(scene, orelse):
                    new = f"{found[0]}.get({found[1]}, {syntax.code(orelse)})"
                    yield scene.rewrite({node: cst.parse_expression(new)}, _once(found[0]))
            case cst.If(test=test, body=cst.IndentedBlock(body=[line]), orelse=cst.Else() as other):
                case = _lookup(scene, line)
                default = _same_line(scene, case, syntax.body_of(other)) if case else None
                if case and default is not None and _asks(test, (case.table, case.key)):
                    text = f"{case.prefix} {case.table}.get({case.key}, {default})"
                    if not _is_elif(scene, node):
                        yield scene.rewrite({node: writing.line(text, node)}, _once(case.table))


def _once(table: str) -> str:
    return f"`{table}.get` hashes the key and searches the table once instead of twice."


def _asks(test: cst.BaseExpression, item: tuple[str, str]) -> bool:
    return syntax.code(test) == f"{item[1]} in {item[0]}"


def _is_elif(scene: Scene, node: cst.If) -> bool:
    return isinstance(scene.parent(node), cst.If)


@rule(Category.BRANCHING, "first-time branch of a count to get")
def counting_branches_to_get(scene: Scene) -> Iterator[Rewrite]:
    """``if key in counts: counts[key] += 1`` / ``else: counts[key] = 1`` in a dict of integers."""
    for node in flow.own_nodes(scene):
        match node:
            case cst.If(
                test=cst.Comparison(
                    left=key,
                    comparisons=[cst.ComparisonTarget(comparator=cst.Name(value=table))],
                ) as test,
                body=cst.IndentedBlock(body=[first]),
                orelse=cst.Else(body=cst.IndentedBlock(body=[second])),
            ) if _is_key(key) and not _is_elif(scene, node):
                pair = [syntax.code(first), syntax.code(second)]
                if isinstance(test.comparisons[0].operator, cst.NotIn):
                    pair.reverse()
                step = _step(pair, f"{table}[{syntax.code(key)}]")
                known = isinstance(test.comparisons[0].operator, cst.In | cst.NotIn)
                if step and known and _counts_integers(scene, node, table):
                    item, code = f"{table}[{syntax.code(key)}]", syntax.code(key)
                    text = f"{item} = {table}.get({code}, 0) + {step}"
                    why = f"`{table}.get` and one store replace a test, a look-up and a store."
                    yield scene.rewrite({node: writing.line(text, node)}, why)


def _step(pair: list[str], item: str) -> str | None:
    """The integer that is added, and stored the first time."""
    step = pair[0].removeprefix(f"{item} += ")
    return step if step.isdecimal() and pair[1] == f"{item} = {step}" else None


def _counts_integers(scene: Scene, node: cst.If, table: str) -> bool:
    """Say whether the table is a new dict that nothing but this statement writes to."""
    if flow.built(scene, table) != "dict" or flow.captured(scene, table):
        return False
    starts = {
        syntax.code(found[1])
        for line in syntax.find(scene.function.body, cst.SimpleStatementLine)
        if (found := syntax.assignment(line)) and found[0] == table
    }
    here = {id(each) for each in syntax.walk(node)}
    pure_uses = (cst.ComparisonTarget, cst.Return, cst.AssignTarget)
    return starts <= {"{}", "dict()"} and all(
        id(use) in here or isinstance(scene.parent(use), pure_uses) for use in scene.uses(table)
    )


_AT_LEAST = 4  # branches; below, a comparison or two cost no more than the table


@rule(Category.BRANCHING, "chain of constants to table")
def chain_of_constants_to_table(scene: Scene) -> Iterator[Rewrite]:
    """``if x == "a": return 1`` / ``elif x == "b": return 2`` …, all constants, at least four of them."""
    for node in flow.own_nodes(scene):
        if not isinstance(node, cst.If) or _is_elif(scene, node):
            continue
        chain = _chain(node)
        if chain is None or len(chain.entries) < _AT_LEAST:
            continue
        if certainty.is_sure(scene, cst.Name(chain.name), *certainty.EXACT):
            yield _looked_up(scene, node, chain)


@dataclass(frozen=True, slots=True)
class _Chain:
    """What each constant leads to; ``prefix`` is ``return`` or ``name =``."""

    name: str
    prefix: str
    entries: dict[str, str]
    default: str


def _chain(node: cst.If) -> _Chain | None:
    entries: dict[str, str] = {}
    names, prefixes = set(), set()
    branch: cst.If | cst.Else | None = node
    while isinstance(branch, cst.If):
        found = _branch(branch)
        if found is None:
            return None
        name, key, prefix, value = found
        entries.setdefault(key, value)
        names.add(name)
        prefixes.add(prefix)
        branch = branch.orelse
    last = _constant_line(syntax.body_of(branch)) if branch is not None else None
    if last is None or len(names) != 1 or prefixes != {last[0]} or flow.has_comments(node):
        return None
    values = [syntax.constant(cst.parse_expression(key)) for key in entries]
    if len(set(values)) != len(values):
        return None
    return _Chain(names.pop(), last[0], entries, last[1])


def _branch(branch: cst.If) -> tuple[str, str, str, str] | None:
    """``(name, key, prefix, value)`` of ``if name == key: prefix value``."""
    line = _constant_line(syntax.body_of(branch))
    match branch.test:
        case cst.Comparison(
            left=cst.Name(value=name),
            comparisons=[cst.ComparisonTarget(operator=cst.Equal(), comparator=key)],
        ) if line is not None and isinstance(key, cst.SimpleString | cst.Integer):
            return name, syntax.code(key), *line
    return None


def _constant_line(lines: list[cst.BaseStatement]) -> tuple[str, str] | None:
    """``(prefix, value)`` of a block that only returns or assigns one constant that nobody can change."""
    parts = _parts(lines[0]) if len(lines) == 1 else None
    if parts is None or parts[0].endswith("+="):
        return None
    value = syntax.constant(parts[1])
    unchanging = isinstance(value, str | int | float | bytes | None)
    return (parts[0], syntax.code(parts[1])) if unchanging else None


def _looked_up(scene: Scene, node: cst.If, chain: _Chain) -> Rewrite:
    table = scene.fresh(f"_{scene.function.name.value}_by_{chain.name}".upper().replace("__", "_"))
    rows = "".join(f"    {key}: {value},\n" for key, value in chain.entries.items())
    text = f"{chain.prefix} {table}.get({chain.name}, {chain.default})"
    changes: dict[cst.CSTNode, Change] = {node: writing.line(text, node)}
    why = f"One look-up in `{table}` replaces up to {len(chain.entries)} comparisons of `{chain.name}`."
    made = cst.parse_statement(f"{table} = {{\n{rows}}}")
    return scene.rewrite(changes, why, before=[made])


@rule(Category.BRANCHING, "invariant test out of the loop")
def invariant_test_out_of_loop(scene: Scene) -> Iterator[Rewrite]:
    """A loop whose whole body is one ``if`` that is decided before the loop starts."""
    for loop in flow.for_loops(scene):
        match syntax.body_of(loop):
            case [cst.If() as branch] if loop.orelse is None and _is_decided(scene, loop, branch):
                yield _unswitched(scene, loop, branch)


def _is_decided(scene: Scene, loop: cst.For, branch: cst.If) -> bool:
    found = certainty.sure(scene, branch.test)
    if found is None or not found.only(*certainty.ATOMS, *certainty.CONTAINERS):
        return False
    names = syntax.names_read(branch.test) & scene.local_names
    bound = all(flow.is_bound_before(scene, loop, name) for name in names)
    if not names or not bound or not flow.is_constant_in(scene, loop, branch.test):
        return False
    if branch.orelse is not None:
        return True
    targets = flow.target_names(loop.target)
    unseen = targets is not None and flow.ends_with_loop(scene, loop, targets)
    return unseen and certainty.items(scene, loop.iter) is not None


def _unswitched(scene: Scene, loop: cst.For, branch: cst.If) -> Rewrite:
    test = syntax.code(branch.test)
    text = f"if {test}:\n    pass\n" + ("else:\n    pass\n" if branch.orelse else "")
    new = writing.line(text, loop)
    bare = loop.with_changes(leading_lines=[])
    assert isinstance(new, cst.If)
    chosen = cst.IndentedBlock([writing.with_body(bare, syntax.body_of(branch))])
    other = None
    if isinstance(branch.orelse, cst.Else):
        bare = bare.deep_clone()
        other = cst.Else(
            cst.IndentedBlock([writing.with_body(bare, syntax.body_of(branch.orelse))])
        )
    elif branch.orelse is not None:
        bare = bare.deep_clone()
        other = cst.Else(cst.IndentedBlock([writing.with_body(bare, [branch.orelse])]))
    why = f"`{test}` is the same in every pass; asked once, it chooses between two simpler loops."
    return scene.rewrite({loop: new.with_changes(body=chosen, orelse=other)}, why)
