"""How a definition is shown on one line: its signature, decorators and docstring.

Texts come from a repository, which may be hostile: each has a limit, and UTF-8 can hold it.
"""

import ast
from typing import TypeAlias

from perfbot.optimizer.indexing.scopes import chain_of

MOST_CHARACTERS = 300
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def exported(tree: ast.Module) -> frozenset[str] | None:
    """Return the names of a literal ``__all__``, ``None`` where there is none."""
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple() as all_
            ):
                return frozenset(
                    each.value
                    for each in all_.elts
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )
    return None


def last_name(decorator: ast.expr) -> str:
    """Return ``setter`` for ``@total.setter`` and ``cache`` for ``@functools.cache()``."""
    chain = chain_of(decorator)
    return f"{chain.root}{chain.rest}".replace("()", "").rpartition(".")[2] if chain else ""


def signature(node: Function) -> str:
    """Return the head of a function."""
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {unparsed(node.returns)}" if node.returns is not None else ""
    return short(f"{word} {node.name}({unparsed(node.args)}){returns}")


def unparsed(node: ast.AST) -> str:
    """Return an expression as one line."""
    try:
        return short(ast.unparse(node))
    except RecursionError:
        return "…"


def docstring_line(node: Function | ast.ClassDef | ast.Module) -> str:
    """Return the first line of a docstring, ``""`` where there is none."""
    text = ast.get_docstring(node, clean=False) or ""
    return short(text.strip()[: 4 * MOST_CHARACTERS].partition("\n")[0])


def short(text: str) -> str:
    """Return a text as one line of at most so many characters, which UTF-8 can hold."""
    line = " ".join(text[: 4 * MOST_CHARACTERS].split())
    line = line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"
    return line.encode("utf-8", "replace").decode("utf-8")
