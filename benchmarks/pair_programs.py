"""Programs that read standard input as functions, so that they can be tested, timed and optimized.

``solve(text)`` holds the whole program; what it prints is its result. Part of ``benchmarks/pairs.py``.
"""

from dataclasses import replace

import libcst as cst
from libcst import matchers as m
from pair_scoring import NotScored

from perfbot.training.readers.reading import Generator, Pair

NAME = "solve"
HEAD = """import io
import sys


def let_read(text):
    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()))


"""
_NOT_IN_A_FUNCTION = ("exit", "quit", "open", "exec", "locals", "globals")
_IS_MAIN = m.If(test=m.Comparison(left=m.Name("__name__")))


SIZES = (0, 1, 2, 3)
GENERATOR = """
TEXTS = {texts!r}
SOURCES = {sources!r}


def generate_input(size, level, case):
    if level < 2 or not SOURCES:
        return [random.choice(TEXTS)]
    seed = random.random()
    names = {{"__name__": "stress"}}
    exec(SOURCES[(case + 2 * level) % len(SOURCES)], names)
    random.seed(seed)  # the text seeds itself, always alike
    return [names["generate_input"]()]
"""
CHECKER = """
def __check(input, answer, output):
    return answer.split() == output.split()
"""


def as_function(pair: Pair) -> Pair:
    """Return the pair as two versions of ``solve``.

    Inputs are drawn from the examples at levels 0 and 1, and made by the stress generators above.

    Raises:
        NotScored: a program cannot stand in a function, or there are no examples.
    """
    if not pair.examples:
        raise NotScored("there are no example inputs")
    texts = [each.stdin for each in pair.examples]
    sources = pair.generator.sources if pair.generator else ()
    return replace(
        pair,
        slow=function(pair.slow),
        fast=function(pair.fast),
        entry_point=NAME,
        checker=CHECKER,
        generator=Generator((GENERATOR.format(texts=texts, sources=sources),), SIZES),
    )


def function(program: str) -> str:
    """Return a module whose ``solve(text)`` does what the program does with ``text`` as its input.

    Raises:
        NotScored: the program uses what has another meaning in a function.
    """
    try:
        module = cst.parse_module(program)
    except cst.ParserSyntaxError:
        raise NotScored("the program is no Python 3 for LibCST") from None
    if trouble := _trouble(module):
        raise NotScored(trouble)
    body = [inner for statement in module.body for inner in _as_main(statement)]
    lines = cst.parse_module(f"def {NAME}(text):\n    let_read(text)\n")
    whole = cst.ensure_type(lines.body[0], cst.FunctionDef)
    block = cst.ensure_type(whole.body, cst.IndentedBlock)
    solved = whole.with_changes(body=block.with_changes(body=[*block.body, *body]))
    made = HEAD + module.with_changes(body=[solved], header=[], footer=[]).code
    compile(made, "solution.py", "exec", dont_inherit=True)
    return made


def _trouble(module: cst.Module) -> str:
    if m.findall(module, m.Global() | m.ImportStar()):
        return "the program uses 'global' or 'import *', which mean something else in a function"
    called = {
        cst.ensure_type(cst.ensure_type(node, cst.Call).func, cst.Name).value
        for node in m.findall(module, m.Call(func=m.Name()))
    }
    found = sorted(called & set(_NOT_IN_A_FUNCTION))
    return (
        f"the program calls {found[0]}(), which does something else in a function" if found else ""
    )


def _as_main(statement: cst.BaseStatement) -> list[cst.BaseStatement]:
    """Return the statement, or the body of ``if __name__ == "__main__"``."""
    if not (isinstance(statement, cst.If) and m.matches(statement, _IS_MAIN)):
        return [statement]
    if isinstance(statement.body, cst.SimpleStatementSuite):
        return [cst.SimpleStatementLine(statement.body.body)]
    return [each for each in statement.body.body if isinstance(each, cst.BaseStatement)]
