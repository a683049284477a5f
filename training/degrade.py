"""Self-made pairs: fast idioms in permissively licensed Python, made slower by the catalogue backwards.

    python -m perfbot.training.degrade --config recipes/degrade.toml

Functions that stand by themselves (``harvest.py``) are tried on a palette of arguments; those that
answer are made slow at one place by an inverse (``inverses.py``), and both sides are run as every pair
is (``verification.py``): equal on all arguments, and clearly slower, by counted instructions where
something counts here. The strategy's label is exact, for it is the inverse's. ``out`` gets
``degraded.jsonl.gz``, split 80-10-10 within the groups of ``grouping.py``, and ``degraded.md`` with the
counts. A second run goes on where the first one ended.
"""

import ast
import itertools
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import msgspec

from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.strategies import Category
from perfbot.profiling.sandbox import SandboxError, strongest
from perfbot.training import grouping, records
from perfbot.training.data_stage import Kept, StageError, configured, key_of, say, table
from perfbot.training.execution import Bounds, ExecutionError, Fate, Runner, Task, runner
from perfbot.training.harvest import Harvested, Origin, harvested, package, standard_library
from perfbot.training.inverses import Slowed, slowed
from perfbot.training.readers.functions import idle_function
from perfbot.training.readers.reading import Example, Pair, Source
from perfbot.training.records import Split, TrainingPair, named, program
from perfbot.training.verification import Rejected, Settings, counts, verified

NOT_INSTALLED = "the package {name} is not installed here"
NOT_PERMISSIVE = "the metadata of {name} do not name a permissive licence, so it is not used"
PROGRESS = "{done}: {origin}: {good} of {tried} verified"
NOTHING = "no function gave a pair; degraded.md in {out} says why"
NO_ANSWER = "answers to no arguments of the palette"

# Small and large arguments of the same kind: what answers to the one is measured on the other.
PALETTE = (
    ("[5, 3, 9, 1, 3]", "[n * 7919 % 1009 for n in range(800)]"),
    ("['pear', 'fig', 'apple', 'fig']", "[f'word{n % 90}' for n in range(800)]"),
    ("'a banana, a fig and 12 pears'", "'the quick brown fox, ' * 150"),
    ("7", "360"),
    ("[(1, 'a'), (2, 'b'), (3, 'a')]", "[(n, str(n % 50)) for n in range(600)]"),
    ("[[1, 2], [3, 4], [5, 6]]", "[[n, n + 1, n * n % 17] for n in range(300)]"),
    ("{'a': 1, 'b': 2, 'c': 3}", "{f'key{n}': n for n in range(600)}"),
    ("b'some bytes'", "b'some bytes ' * 200"),
    ("{1, 2, 3}", "set(range(500))"),
    ("2.5", "1234.5"),
    ("None", "None"),
)
_MOST_CALLS = 160
_ANSWERS = 3  # so many kinds of arguments are kept
_REPEATS = 3  # calls of each in the large input
_DRIVER = """
import sys as _sys
for _line in _sys.stdin:
    _arguments = eval(_line)
    try:
        _found = {entry}(*_arguments)
    except Exception as _error:
        print("raised", type(_error).__name__)
    else:
        print(repr(_found), repr(_arguments))
"""
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(list[TrainingPair | Rejected])


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stage's configuration. Paths are relative to its file.

    ``functions`` bounds how many functions are tried (all, if 0), ``most_variants`` how many slow
    versions of each. ``balanced`` keeps as many pairs of each of the three groups.
    """

    out: str
    standard_library: bool = True
    packages: list[str] = []
    functions: int = 0
    most_variants: int = 4
    balanced: bool = False
    least_speedup: float = 1.05
    seed: int = 0
    trust: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; return 0, or 1 where nothing came of it."""
    try:
        return _run(*configured(Config, argv, __doc__ or ""))
    except (StageError, SandboxError, OSError) as error:
        say(f"degrade: {error}")
        return 1


def _run(config: Config, base: Path) -> int:
    out = base / config.out
    kept = Kept.opened(out / "degraded-outcomes.jsonl")
    found: list[TrainingPair | Rejected] = []
    tried: Counter[str] = Counter()
    with runner(strongest(trust=config.trust), Bounds(cpu_s=2)) as programs:
        functions = chosen(config)
        common = Counter(name for each in functions for name in _by_name(each))
        for done, function in enumerate(functions, start=1):
            variants = _variants(function, common, config.most_variants)
            texts = [each.text for each in variants]
            key = key_of(ast.unparse(function.module), texts, config, programs.counter is None)
            if key not in kept.found:
                made = degraded(programs, function, variants, config)
                kept.add(key, _ENCODER.encode(made))
            outcomes = _DECODER.decode(kept.found[key])
            good = sum(isinstance(each, TrainingPair) for each in outcomes)
            tried["functions tried"] += 1
            tried[NO_ANSWER] += not outcomes
            say(PROGRESS.format(done=done, origin=function.origin, good=good, tried=len(outcomes)))
            found += outcomes
    return write(out, config, found, tried)


def origins(config: Config) -> Iterator[Origin]:
    """Yield what may be used; of the rest it is said why not.

    Raises:
        StageError: a package is not installed.
    """
    if config.standard_library:
        yield standard_library()
    for name in config.packages:
        try:
            found = package(name)
        except PackageNotFoundError:
            raise StageError(NOT_INSTALLED.format(name=name)) from None
        if found is None:
            say(NOT_PERMISSIVE.format(name=name))
        else:
            yield found


def chosen(config: Config) -> list[Harvested]:
    """Return functions with an idiom in them, in an order that mixes the files."""
    every = [each for origin in origins(config) for each in harvested(origin)]
    usable = sorted(every, key=lambda each: key_of(config.seed, each.origin))
    with_idioms = (
        each for each in usable if next(slowed(each.module, each.function), None) is not None
    )
    return list(itertools.islice(with_idioms, config.functions or None))


def degraded(
    programs: Runner, function: Harvested, variants: Sequence[Slowed], config: Config
) -> list[TrainingPair | Rejected]:
    """Return what becomes of the slow versions of a function, nothing where it answers nothing."""
    driver = _DRIVER.format(entry=function.function)
    fast = ast.unparse(function.module)
    examples = _examples(programs, fast, driver, function.parameters, config.seed)
    if not examples:
        return []
    pairs = [
        Pair(
            Source.DEGRADED,
            record=f"{Source.DEGRADED}:{function.origin}:{number}",
            problem=function.origin,
            slow=each.text,
            fast=fast,
            entry_point=function.function,
            examples=examples,
            driver=driver,
            idle=idle_function(function.function),
            origin=function.origin,
            licence=function.licence,
        )
        for number, each in enumerate(variants)
    ]
    settings = Settings(least_speedup=config.least_speedup, rounds=3, seed=config.seed)
    outcomes = verified(programs, pairs, "", settings, Split.TRAIN)
    return [_labelled(each, made) for each, made in zip(outcomes, variants, strict=True)]


def _labelled(outcome: TrainingPair | Rejected, made: Slowed) -> TrainingPair | Rejected:
    if isinstance(outcome, Rejected):
        told = f"{made.inverse.name}: {outcome.detail}"
        return msgspec.structs.replace(outcome, detail=told)
    strategy = named(_categories()[made.inverse.name], made.inverse.name, made.inverse.why)
    return msgspec.structs.replace(outcome, strategies=(strategy,))


@cache
def _categories() -> dict[str, Category]:
    """Return the category under which the catalogue has each of its strategies."""
    return {each.strategy.name: each.strategy.category for each in rules()}


def _by_name(function: Harvested) -> dict[str, Slowed]:
    """Return the first slow version by each inverse."""
    found: dict[str, Slowed] = {}
    for each in slowed(function.module, function.function):
        found.setdefault(each.inverse.name, each)
    return found


def _variants(function: Harvested, common: Mapping[str, int], most: int) -> list[Slowed]:
    """Return slow versions by different inverses, those first that few functions have."""
    found = _by_name(function)
    return [found[name] for name in sorted(found, key=lambda each: (common[each], each))[:most]]


def _examples(
    programs: Runner, text: str, driver: str, parameters: int, seed: int
) -> tuple[Example, ...]:
    """Return two inputs with what the function answers: small arguments, and large ones of the same."""
    kinds = list(itertools.product(range(len(PALETTE)), repeat=parameters))
    random.Random(seed).shuffle(kinds)
    kinds = kinds[:_MOST_CALLS]
    answered = _answers(programs, text, driver, [_line(each, 0) for each in kinds])
    useful = [kind for kind, said in zip(kinds, answered, strict=False) if _is_answer(said)]
    useful = useful[:_ANSWERS]
    if not useful:
        return ()
    large = _answers(programs, text, driver, [_line(each, 1) for each in useful])
    fit = [kind for kind, said in zip(useful, large, strict=False) if _is_answer(said)]
    small_lines = [_line(each, 0) for each in kinds[:40]] + [_line(each, 0) for each in useful]
    large_lines = [_line(each, 1) for each in fit for _ in range(_REPEATS)]
    made = []
    for lines in (small_lines, large_lines):
        said = _answers(programs, text, driver, lines)
        told = [
            (line, each) for line, each in zip(lines, said, strict=False) if " at 0x" not in each
        ]
        if told:
            made.append(
                Example(
                    *("".join(f"{each}\n" for each in side) for side in zip(*told, strict=True))
                )
            )
    return tuple(made) if large_lines else ()


def _line(kind: Sequence[int], size: int) -> str:
    return f"({', '.join(PALETTE[each][size] for each in kind)},)"


def _answers(programs: Runner, text: str, driver: str, lines: Sequence[str]) -> list[str]:
    """Return what a function says to each line; nothing where its process does not end well."""
    if not lines:
        return []
    try:
        prepared = programs.prepared(records.Language.PYTHON, program(text, driver))
    except ExecutionError:
        return []
    stdin = programs.input_file("".join(f"{each}\n" for each in lines))
    first, second = programs.run([Task(prepared, stdin)] * 2)
    if first.fate is not Fate.DONE or first.stdout != second.stdout:
        return []  # also where it answers differently when it is asked again
    said = first.stdout.splitlines()
    return said if len(said) == len(lines) else []


def _is_answer(said: str) -> bool:
    return not said.startswith("raised ") and " at 0x" not in said


def write(
    out: Path, config: Config, outcomes: list[TrainingPair | Rejected], tried: Counter[str]
) -> int:
    """Write pairs and counts."""
    good = [each for each in outcomes if isinstance(each, TrainingPair)]
    if config.balanced:
        good = grouping.balanced(good, config.seed)
    good = grouping.stratified(good, config.seed)
    records.write(out / "degraded.jsonl.gz", good)
    parts = [table(tried, "functions"), table(counts(outcomes), "slow versions")]
    parts.append(table(Counter(each.strategies[0].name for each in good), "strategy"))
    parts.append(table(Counter(each.group.value for each in good), "group"))
    parts.append(table(Counter(each.split.value for each in good), "split"))
    parts.append(table(Counter(each.licence for each in good), "licence"))
    (out / "degraded.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    if not good:
        raise StageError(NOTHING.format(out=out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
