"""What context and feedback buy: a scripted model at project-level tasks, in CoCoGen's ablation rows.

    python benchmarks/models.py [--only LIBRARY]... [--attempts 10] [--render]

The tasks are made from real libraries (``model_tasks.py``), the model is ``model_developer.py``: it
writes what it was told and errs on the rest with fixed odds. An attempt is right when its version does
on the recorded calls of the library's own tests what the original does. Results are kept for each
library in build/models, so an interrupted run goes on; benchmarks/models.md is written from them.
"""

import argparse
import json
import math
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import real_libraries
from model_developer import Developer, Odds
from model_tasks import WANTED, Bench, Level, Task, benches

from perfbot.optimizer import authors, checking, context, diagnosis
from perfbot.optimizer.authors import Authors
from perfbot.optimizer.case import Case
from perfbot.optimizer.checking import Change
from perfbot.optimizer.diagnosis import Diagnosis, ErrorClass
from perfbot.optimizer.knowledge import Excerpt, Knowledge
from perfbot.optimizer.lookup import NOTHING_TO_ASK, IndexLookup
from perfbot.optimizer.normal_form import normal_form
from perfbot.optimizer.packing import Section
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.project_index import ProjectIndex
from perfbot.optimizer.proposing import Tried
from perfbot.optimizer.refinement import Refinement
from perfbot.optimizer.retrieval import Lexical
from perfbot.optimizer.spending import Spending
from perfbot.profiling import replay
from perfbot.profiling.source import read_source

HERE = Path(__file__).resolve().parent
KEPT = HERE.parent / "build" / "models"
TABLE = HERE / "models.md"
INTRODUCTION = """\
{tasks} tasks from {libraries} ({levels}): a function's body is taken out, with the imports that only it needed, and a
model writes it anew; right is what does on the recorded calls of the library's own tests what the
original does. Reproduce: `python benchmarks/models.py`.

**The model is scripted** (`benchmarks/model_developer.py`): it knows how the function is to be written, but of
the project's names and signatures only what the conversation shows it. What nobody told it is right
with fixed odds ({odds}), drawn once for each task and attempt, so that all rows
meet the same attempts. The rows therefore say which of the needed facts reach a model, and which errors
a diagnosis mends; they say nothing of how good any real model is.
"""
_ROUNDS = 4  # the first version and three that feedback makes of it
_RETRIEVED = 10
_FEW_VARIANTS = 3
_PASS_AT = (1, 5, 10)


@dataclass(frozen=True)
class Setting:
    """One row: which parts of perfbot help the model.

    ``context`` is what perfbot shows of the function's own file, ``retrieval`` what a query by words
    finds in the project, ``sql`` the index: asked by the model, and for each name that a diagnosis
    calls wrong; ``feedback`` sends diagnoses back.
    """

    name: str
    context: bool = True
    retrieval: bool = True
    sql: bool = True
    feedback: bool = True
    again: bool = False  # retrieves anew with each answer as the query, and tells nothing of it


FULL = Setting("full")
SETTINGS = (
    FULL,
    Setting("without feedback and SQL", sql=False, feedback=False),
    Setting("without SQL and retrieval", sql=False, retrieval=False),
    Setting("without retrieval", retrieval=False),
    Setting("without SQL", sql=False),
    Setting("direct prompting", False, False, False, False),
    Setting("plain retrieval", context=False, sql=False, feedback=False),
    Setting("iterative retrieval", context=False, sql=False, feedback=False, again=True),
)
COCOGEN = {  # Pass@1, 5, 10 of CoCoGen's own ablation, on CoderEval-Python with GPT-3.5
    "full": (28.01, 43.01, 46.58),
    "without feedback and SQL": (28.72, 34.44, 36.30),
    "without SQL and retrieval": (25.69, 37.50, 41.78),
    "without retrieval": (26.37, 38.31, 41.78),
    "without SQL": (27.39, 40.02, 44.45),
}


@dataclass(frozen=True)
class Attempt:
    """What became of one attempt: right or not, in how many rounds, and what was wrong in each."""

    task: str
    level: str
    setting: str
    number: int
    right: bool
    rounds: int
    errors: tuple[str, ...]
    queries: int


class Judge:
    """Says what is wrong with a version of a task's function, each text once."""

    def __init__(self, case: Case, task: Task) -> None:
        self._case = case
        self._task = task
        self._known: dict[str, Diagnosis | None] = {}
        self._right = normal_form(task.original)

    def look(self, text: str) -> Diagnosis | None:
        """Return what perfbot finds against a version, ``None`` where it is right."""
        form = normal_form(text)
        if form == self._right:
            return None
        if form not in self._known:
            self._known[form] = self._found(text)
        return self._known[form]

    def _found(self, text: str) -> Diagnosis | None:
        path = self._task.function.path
        change = Change(path, self._task.shown, text)
        undefined = checking.undefined_names(change)
        if undefined is not None:
            return undefined
        source = read_source(self._case.tree.root / path)
        reference = self._case.reference(self._task.function)
        with self._case.lent({path: source.encode(text)}) as copy:
            found = replay.differences(
                reference, self._case.target, copy, at_most_variants=_FEW_VARIANTS
            )
            if not found:
                return None
            smallest = min(found, key=lambda each: len(each.arguments))
            name = self._task.function.qualname
            return diagnosis.of_difference(smallest, len(found), name)


@dataclass
class Bare(Authors):
    """Shows the function alone, and what was retrieved."""

    def _sections(self, subject: Subject, text: str, dropped: Sequence[Tried]) -> list[Section]:
        function = context.sections(subject, text, Knowledge())[:1]
        return [*function, *_retrieved(self.knowledge().related)]


@dataclass(frozen=True)
class Trial:
    """One task with what it is tried with."""

    task: Task
    judge: Judge
    index: ProjectIndex
    lexical: Lexical
    subject: Subject

    def attempt(self, setting: Setting, number: int) -> Attempt:
        """Let the developer try once."""
        errors: list[str] = []
        developer = Developer(self.task, number)
        spending = Spending(1.0)
        query = self._first_query()
        rounds = 0
        for _ in range(_ROUNDS if setting.again else 1):
            asked = self._authors(setting, developer, spending, query)
            right, text, more = self._followed(asked, errors)
            rounds += more
            query = text or query
        queries = spending.calls - rounds
        name = f"{self.task.library} {self.task.function}"
        return Attempt(
            name, self.task.level, setting.name, number, right, rounds, tuple(errors), queries
        )

    def _followed(self, by: Authors, errors: list[str]) -> tuple[bool, str, int]:
        """Take versions until one is right or none is left; note what was wrong with each."""
        dropped: list[Tried] = []
        text, before = "", by.replies
        for proposal in by.proposals(self.subject, self.task.shown, dropped):
            text = proposal.text
            why = self.judge.look(text)
            if why is None:
                return True, text, before - by.replies
            errors.append(why.kind)
            dropped.append(Tried(proposal.suggestions, why, by.optimizer))
        return False, text, before - by.replies

    def _authors(
        self, setting: Setting, developer: Developer, spending: Spending, query: str
    ) -> Authors:
        rounds = _ROUNDS if setting.feedback else 1
        kind = Authors if setting.context else Bare
        found = self._excerpts(query) if setting.retrieval else ()
        return kind(
            developer,
            developer,
            (),
            spending,
            rounds,
            knowledge=lambda: Knowledge(related=found),
            refinement=Refinement(rounds=rounds),
            lookup=IndexLookup(self.index) if setting.sql else NOTHING_TO_ASK,
        )

    def _first_query(self) -> str:
        """Return what is known of the function before it is written: its name and its docstring."""
        symbol = self.index.definition(self.task.function.path, self.task.function.qualname)
        return f"{symbol.qualname} {symbol.signature} {symbol.docstring}" if symbol else ""

    def _excerpts(self, query: str) -> tuple[Excerpt, ...]:
        own = (self.task.function.path, self.task.function.qualname)
        symbols = [hit.symbol for hit in self.lexical.search(query, _RETRIEVED)]
        others = [each for each in symbols if (each.path, each.qualname) != own]
        return tuple(Excerpt(each.path, each.signature or each.qualname) for each in others)


def _retrieved(found: Iterable[Excerpt]) -> list[Section]:
    body = "\n".join(f"{each.path}: {each.text}" for each in found)
    return [Section("What of the project may be needed", body)] if body else []


def main() -> None:
    """Run what is not there yet, and write the table."""
    options = _options()
    authors.version = lru_cache(maxsize=None)(authors.version)  # settings meet the same replies
    KEPT.mkdir(parents=True, exist_ok=True)
    real_libraries.KEPT.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in options.only or WANTED if not options.render]
    missing = [name for name in wanted if not (KEPT / f"{name}.json").is_file()]
    with tempfile.TemporaryDirectory(prefix="models-") as folder, ExitStack() as stack:
        for bench in benches(stack, Path(folder), missing):
            started = time.monotonic()
            attempts = list(_attempts(bench, options.attempts))
            kept = [asdict(each) for each in attempts]
            (KEPT / f"{bench.library}.json").write_text(json.dumps(kept, indent=0))
            print(f"{bench.library}: {len(bench.tasks)} tasks, {time.monotonic() - started:.0f} s")
    TABLE.write_text("\n".join(_rendered(_kept())) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=WANTED, metavar="LIBRARY")
    parser.add_argument("--attempts", type=int, default=10)
    parser.add_argument("--render", action="store_true")
    return parser.parse_args()


def _attempts(bench: Bench, count: int) -> Iterator[Attempt]:
    root = bench.case.tree.root
    for task in bench.tasks:
        with ProjectIndex.open(":memory:") as index:
            shown = _with_text(bench.case, task)
            index.update(shown, [each for each in bench.case.tree.files if each.endswith(".py")])
            source = replace(read_source(root / task.function.path), text=task.shown)
            subject = Subject(task.function, source, {}, bench.case.dependencies, calls=0)
            trial = Trial(task, Judge(bench.case, task), index, Lexical(index), subject)
            for setting in SETTINGS:
                for number in range(count):
                    yield trial.attempt(setting, number)
        print(f"  {task.level} {task.function}", flush=True)


def _with_text(case: Case, task: Task) -> Path:
    """Return a folder with the project in which the task's function has no body."""
    source = read_source(case.tree.root / task.function.path)
    return case.copy({task.function.path: source.encode(task.shown)}).root


def _kept() -> list[Attempt]:
    found: list[Attempt] = []
    for name in WANTED:
        path = KEPT / f"{name}.json"
        if path.is_file():
            records = json.loads(path.read_text())
            found += [Attempt(**{**each, "errors": tuple(each["errors"])}) for each in records]
    return found


def pass_at(right: int, of: int, k: int) -> float:
    """Return the chance that of ``k`` attempts one is right (Chen et al. 2021, Eq. 1)."""
    return 1.0 if of - right < k else 1 - math.comb(of - right, k) / math.comb(of, k)


def _passes(attempts: Sequence[Attempt], k: int) -> float:
    by_task: dict[str, list[bool]] = {}
    for each in attempts:
        by_task.setdefault(each.task, []).append(each.right)
    shares = [pass_at(sum(each), len(each), k) for each in by_task.values() if len(each) >= k]
    return sum(shares) / len(shares) if shares else math.nan


def _rendered(attempts: Sequence[Attempt]) -> Iterator[str]:
    tasks = {(each.task, each.level) for each in attempts}
    levels = Counter(level for _, level in tasks)
    libraries = sorted({task.split()[0] for task, _ in tasks})
    yield "# What context and feedback buy\n"
    yield INTRODUCTION.format(
        tasks=len(tasks),
        libraries=", ".join(libraries),
        levels=", ".join(f"{levels[each]} {each}-level" for each in Level),
        odds=Odds(),
    )
    yield from _table("All tasks", attempts, paper=True)
    for level in Level:
        yield from _table(f"{level.capitalize()}-level", [a for a in attempts if a.level == level])
    yield from _errors([each for each in attempts if each.setting == FULL.name])


def _table(title: str, attempts: Sequence[Attempt], *, paper: bool = False) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield "| setting | Pass@1 | Pass@5 | Pass@10 | rounds | queries |" + (
        " CoCoGen's own |" if paper else ""
    )
    yield "|---|--:|--:|--:|--:|--:|" + ("---|" if paper else "")
    for setting in SETTINGS:
        here = [each for each in attempts if each.setting == setting.name]
        if here:
            rounds = sum(each.rounds for each in here) / len(here)
            queries = sum(each.queries for each in here) / len(here)
            cells = [f"{_passes(here, k):.1%}" for k in _PASS_AT]
            theirs = " / ".join(f"{each:.1f}" for each in COCOGEN.get(setting.name, ()))
            end = f" {theirs or '–'} |" if paper else ""
            yield f"| {setting.name} | {' | '.join(cells)} | {rounds:.2f} | {queries:.2f} |{end}"


def _errors(attempts: Sequence[Attempt]) -> Iterator[str]:
    yield "\n## Errors by class and round, with everything on\n"
    yield f"Of {len(attempts)} attempts; one that is right is not asked again.\n"
    yield f"| round | {' | '.join(ErrorClass)} | wrong |"
    yield "|--:|" + "--:|" * (len(ErrorClass) + 1)
    for number in range(_ROUNDS):
        here = Counter(each.errors[number] for each in attempts if len(each.errors) > number)
        cells = [str(here[kind]) for kind in ErrorClass]
        yield f"| {number + 1} | {' | '.join(cells)} | {here.total()} |"


if __name__ == "__main__":
    main()
