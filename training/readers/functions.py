"""Data sets whose sides are functions or classes: something has to call them, the ``driver``.

* ENAMEL (Qiu et al., *How Efficient is LLM-Generated Code?*, ICLR 2025): a function with a slow
  canonical solution, an expert's fast one, a generator of inputs in levels of size and a checker;
* EvalPerf (Liu et al., *Evaluating Language Models for Efficient Code Generation*, COLM 2024):
  ``reference`` has solutions from slow to fast, ``pe_input`` an input that exercises performance;
* Mercury (Du et al., *A Code Efficiency Benchmark for Code LLMs*, NeurIPS 2024): ``solutions`` with
  the judge's ``runtime``, a ``generator_code``, and functions that convert and compare its cases;
* EffiBench (Huang et al., NeurIPS 2024): a ``canonical_solution`` and a ``test_case`` that exercises
  it; the other side is a model's ``completion`` as its ``results/`` folder has them;
* perfbot's own runs, as ``perfbot export --pairs`` writes them (``optimizer/judged_pairs.py``).
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from perfbot.optimizer.fences import blocks, has_fence
from perfbot.optimizer.judged_pairs import JudgedPair
from perfbot.training.readers.reading import (
    WRONG_KIND,
    Claim,
    Generator,
    NoRecord,
    Pair,
    Reading,
    Source,
    defines,
    field,
    list_of,
    parsed,
    read_lines,
    text,
    texts,
)

NOT_ACCEPTED = "has no version that was accepted"
TOO_FEW_REFERENCES = "fewer than two reference solutions"
NO_GAP = "no two solutions whose claimed times differ by more than 15 ms"
NO_CLASS = "{name!r} does not define the class Solution"

_ENAMEL_NAMES = Path(__file__).parent.parent / "inside" / "enamel_names.py"
_RUNTIME = re.compile(r"\s*([0-9]{1,7}(?:\.[0-9]{1,3})?) ?ms\s*")
_LEAST_GAP_MS = 15.0  # as Mercury's own preference pairs are made (its src/dpo_train.py)

# Runs what Mercury's cases say: one line of JSON each, as its generator writes them.
_MERCURY_DRIVER = """
{convert}
{evaluate}
import json as _json, sys as _sys
for _line in _sys.stdin:
    _case = _json.loads(_line)
    _inputs, _expected = convert_offline(_case)
    _found = Solution().{entry}(*_inputs)
    print(bool(evaluate_offline(_inputs, _found, _expected)))
"""
_CALLS_DRIVER = """
import sys as _sys
for _line in _sys.stdin:
    _arguments = eval(_line)
    _found = {entry}(*_arguments)
    print(repr(_found), repr(_arguments))
"""
_IDLE_FUNCTION = "def {entry}(*arguments):\n    return None\n"
_IDLE_METHOD = "class Solution:\n    def {entry}(self, *arguments):\n        return None\n"
_TEST_DRIVER = "\nsolution = Solution()\n{tests}\n"


def idle_function(entry_point: str) -> str:
    """Return a function of that name that does nothing, for what calling it costs by itself."""
    return _IDLE_FUNCTION.format(entry=entry_point)


def calls_driver(entry_point: str) -> str:
    """Return what makes a program of a function.

    It reads one line for each call, a Python expression for the tuple of its arguments, and prints
    what the call returned and what it made of its arguments.
    """
    return _CALLS_DRIVER.format(entry=entry_point)


def read_enamel(path: Path) -> Reading:
    """Read ENAMEL's records; the pair is the canonical solution and the expert's.

    Raises:
        DataError: the file cannot be read.
    """
    return read_lines(path, _enamel)


def read_evalperf(path: Path) -> Reading:
    """Read EvalPerf's records; the pair is the slowest and the fastest reference solution.

    Raises:
        DataError: the file cannot be read.
    """
    return read_lines(path, _evalperf)


def read_mercury(path: Path) -> Reading:
    """Read Mercury's records; the pair is the slowest and the fastest solution by the judge's word.

    Raises:
        DataError: the file cannot be read.
    """
    return read_lines(path, _mercury)


def read_effibench(path: Path) -> Reading:
    """Read EffiBench's results; the pair is a model's completion and the canonical solution.

    Raises:
        DataError: the file cannot be read.
    """
    return read_lines(path, _effibench)


def read_perfbot(path: Path) -> Reading:
    """Read what perfbot's own runs gave; a function without an accepted version is no pair.

    Raises:
        DataError: the file cannot be read.
    """
    return read_lines(path, _perfbot)


def _enamel(record: Mapping[str, object], _line: int) -> Pair:
    slow = texts(record, "slow")
    if not slow:
        raise NoRecord(WRONG_KIND.format(name="slow", wanted="a list of programs"))
    prompt, name = text(record, "prompt"), text(record, "entry_point")
    fast = f"{prompt}\n{text(record, 'reference_solution')}"
    defines("slow", slow[0], name)
    defines("reference_solution", fast, name)
    generator, checker = text(record, "input_generator"), text(record, "checker")
    defines("input_generator", generator, "generate_input")
    defines("checker", checker, "__check")
    return Pair(
        Source.ENAMEL,
        record=text(record, "task_id"),
        problem=text(record, "task_id"),
        slow=slow[0],
        fast=fast,
        entry_point=name,
        checker=checker,
        names=f"{_ENAMEL_NAMES.read_text(encoding='utf-8')}\n{prompt}",
        generator=Generator((generator,), _sizes(record)),
        driver=calls_driver(name),
        idle=idle_function(name),
        origin="ENAMEL",
        licence="Apache-2.0",
    )


def _sizes(record: Mapping[str, object]) -> tuple[int, ...]:
    words = text(record, "input_levels").split()
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        raise NoRecord(WRONG_KIND.format(name="input_levels", wanted="a list of sizes"))
    return tuple(map(int, words))


def _evalperf(record: Mapping[str, object], _line: int) -> Pair:
    references, name = texts(record, "reference"), text(record, "entry_point")
    if len(references) < 2:
        raise NoRecord(TOO_FEW_REFERENCES)
    slow, *others, fast = references
    defines("reference", slow, name)
    defines("reference", fast, name)
    calls = [repr(tuple(each)) for each in _argument_lists(record)]
    return Pair(
        Source.EVALPERF,
        record=text(record, "task_id"),
        problem=text(record, "task_id"),
        slow=slow,
        fast=fast,
        entry_point=name,
        generator=Generator(tuple(map(_constant_input, calls))),
        driver=calls_driver(name),
        idle=idle_function(name),
        others=tuple(others),
        origin="EvalPerf",
        licence="Apache-2.0",
    )


def _argument_lists(record: Mapping[str, object]) -> list[list[object]]:
    """Return ``pe_input``, which is JSON in the published file and a list once it is loaded."""
    found = field(record, "pe_input")
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            raise NoRecord(WRONG_KIND.format(name="pe_input", wanted="JSON")) from None
    if not isinstance(found, list) or not all(isinstance(each, list) for each in found):
        raise NoRecord(WRONG_KIND.format(name="pe_input", wanted="a list of argument lists"))
    return found


def _constant_input(line: str) -> str:
    return f"def generate_input():\n    return {line + chr(10)!r}\n"


def _mercury(record: Mapping[str, object], _line: int) -> Pair:
    entry = text(record, "entry_point")
    timed = sorted(_timed(record), key=lambda each: (-each[0], each[1]))
    if len(timed) < 2 or timed[0][0] - timed[-1][0] <= _LEAST_GAP_MS:
        raise NoRecord(NO_GAP)
    (slow_ms, slow), *others, (fast_ms, fast) = timed
    convert, evaluate = text(record, "convert_offline"), text(record, "evaluate_offline")
    defines("convert_offline", convert, "convert_offline")
    defines("evaluate_offline", evaluate, "evaluate_offline")
    name = text(record, "slug_name")
    return Pair(
        Source.MERCURY,
        record=name,
        problem=name,
        slow=slow,
        fast=fast,
        entry_point=f"Solution.{entry}",
        generator=Generator(tuple(map(_constant_input, _mercury_cases(record)))),
        claim=Claim("", f"{name}:slow", f"{name}:fast", slow_ms, fast_ms),
        driver=_MERCURY_DRIVER.format(convert=convert, evaluate=evaluate, entry=_name(entry)),
        idle=_IDLE_METHOD.format(entry=entry),
        others=tuple(program for _, program in others),
        origin="Mercury",
        licence="CC-BY-NC-4.0",
        cross_user=True,
    )


def _name(entry: str) -> str:
    if not entry.isidentifier():
        raise NoRecord(WRONG_KIND.format(name="entry_point", wanted="a name"))
    return entry


def _timed(record: Mapping[str, object]) -> list[tuple[float, str]]:
    found = []
    for each in list_of(record, "solutions"):
        match each:
            case {"solution": str(program), "runtime": str(runtime)}:
                if (spelled := _RUNTIME.fullmatch(runtime)) and "class Solution" in program:
                    parsed("solutions", program)
                    found.append((float(spelled[1]), program))
            case _:
                raise NoRecord(WRONG_KIND.format(name="solutions", wanted="solutions and runtimes"))
    return found


def _mercury_cases(record: Mapping[str, object]) -> list[str]:
    """Return the cases as lines of JSON; the published field is itself a text of JSON."""
    found = field(record, "test_cases")
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            raise NoRecord(WRONG_KIND.format(name="test_cases", wanted="JSON")) from None
    if not isinstance(found, list) or not found:
        raise NoRecord(WRONG_KIND.format(name="test_cases", wanted="a list of cases"))
    lines = [json.dumps(each) for each in found]
    doubled = [*lines]
    while len(doubled) < len(lines) * 64:  # the cases are small; many of them make a long input
        doubled += doubled
    return [*lines[:4], "\n".join(doubled)]


def _effibench(record: Mapping[str, object], line: int) -> Pair:
    fast, slow = text(record, "canonical_solution"), _completion(record)
    for name, program in (("canonical_solution", fast), ("completion", slow)):
        if "class Solution" not in program:
            raise NoRecord(NO_CLASS.format(name=name))
        parsed(name, program)
    problem = str(field(record, "problem_idx"))
    small = record.get("small_test_cases")
    drivers = [each for each in (text(record, "test_case"), small) if isinstance(each, str)]
    return Pair(
        Source.EFFIBENCH,
        record=f"{problem}:{line}",
        problem=problem,
        slow=slow,
        fast=fast,
        entry_point="Solution",
        generator=Generator((_constant_input(""),)),
        driver=_TEST_DRIVER.format(tests=drivers[0]),
        origin="EffiBench",
        licence="Apache-2.0",
        cross_user=True,
    )


def _completion(record: Mapping[str, object]) -> str:
    found = text(record, "completion")
    if not has_fence(found):
        return found
    fenced = blocks(found)
    return fenced[0] if fenced else found


def _perfbot(record: Mapping[str, object], _line: int) -> Pair:
    try:
        judged = msgspec.convert(record, JudgedPair)
    except (msgspec.ValidationError, RecursionError) as error:
        raise NoRecord(str(error)) from None
    if judged.fast is None:
        raise NoRecord(NOT_ACCEPTED)
    name = judged.qualname.rpartition(".")[2]
    defines("slow", judged.slow, name)
    defines("fast", judged.fast, name)
    problem = f"{judged.origin.repository}:{judged.path}::{judged.qualname}"
    return Pair(
        Source.PERFBOT,
        judged.record,
        problem,
        judged.slow,
        judged.fast,
        name,
        judged=judged,
        origin=judged.origin.repository,
        licence=judged.origin.licence or "",
    )
