"""Which retrieval finds the right function: BM25 or embeddings, over which texts, alone or fused.

    pip install 'perfbot[embeddings]' bm25s networkx black werkzeug sqlparse tomlkit
    python benchmarks/retrieval.py [--only PROJECT]... [--queries 100] [--without-dense] [--again] [--write]

The projects are read where they are installed. Every task has a function to be found among all
functions, methods and classes of its project; the asking function itself is left out. Nothing is
timed; the same packages give the same figures. What was found is kept as
build/retrieval/PROJECT.json, and measured again with ``--again``; ``--write`` puts the tables into
retrieval.md.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import random
import re
import sqlite3
import sys
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from perfbot.optimizer.indexing.words import words
from perfbot.optimizer.project_index import Kind, ProjectIndex, Symbol
from perfbot.optimizer.retrieval import SentenceEncoder, bundled_model

TABLE = Path(__file__).with_suffix(".md")
KEPT = Path(__file__).resolve().parent.parent / "build" / "retrieval"
PROJECTS = ("sqlparse", "tomlkit", "black", "networkx", "werkzeug")
SOUGHT = (Kind.FUNCTION, Kind.METHOD, Kind.PROPERTY, Kind.CLASS)
DEPTH = 100  # how far down a rank is looked for
MASK = "MASKED"
FUSED = 60  # the usual constant of reciprocal rank fusion (Cormack et al., SIGIR 2009)
Ranking = list[int]  # places of documents, best first


@dataclass(frozen=True)
class Document:
    """A symbol with its texts: what may be searched."""

    symbol: Symbol
    source: str

    @property
    def bare(self) -> str:
        """The source without docstrings and comments."""
        return _without_docstring(self.source)


@dataclass(frozen=True)
class Query:
    """``sought`` and ``asker`` are places of documents."""

    text: str
    sought: int
    asker: int | None


Field = Callable[[Document], str]
FIELDS: Mapping[str, Field] = {
    "name": lambda each: each.symbol.name,
    "qualname": lambda each: each.symbol.qualname,
    "signature": lambda each: f"{each.symbol.name} {each.symbol.signature}",
    "qualname, signature": lambda each: f"{each.symbol.qualname} {each.symbol.signature}",
    "signature, docstring": lambda each: " ".join(
        (each.symbol.name, each.symbol.signature, each.symbol.docstring)
    ),
    "source without docstring": lambda each: each.bare,
    "source": lambda each: each.source,
}
EMBEDDED = ("signature", "signature, docstring", "source without docstring")
WITH_DOCSTRING = ("signature, docstring", "source")  # what a query made of docstrings may not see


def documents(package: str) -> tuple[ProjectIndex, list[Document]]:
    """Index an installed package; return it with its functions, methods and classes."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(f"{package} is not installed: pip install {package}")
    root = Path(spec.origin).parent
    index = ProjectIndex.open(":memory:")
    paths = [path.relative_to(root.parent).as_posix() for path in sorted(root.rglob("*.py"))]
    index.update(root.parent, [path for path in paths if "/tests/" not in path])
    found = [symbol for path in paths for symbol in index.symbols_of(path)]
    sought = [each for each in found if each.kind in SOUGHT]
    return index, [Document(each, index.source(each)) for each in sought]


# Tasks


def called_names(index: ProjectIndex, docs: Sequence[Document]) -> Iterator[Query]:
    """Ask with all names that a function calls for one of them, which no other function has."""
    for asker, sought, called in _calls(index, docs):
        yield Query(" ".join(sorted(called)), sought, asker)


def masked_source(index: ProjectIndex, docs: Sequence[Document]) -> Iterator[Query]:
    """Ask with the source of a function in which the name of one callee is masked."""
    for asker, sought, _ in _calls(index, docs):
        name = docs[sought].symbol.name
        yield Query(re.sub(rf"\b{name}\b", MASK, docs[asker].source), sought, asker)


def masked_words(index: ProjectIndex, docs: Sequence[Document]) -> Iterator[Query]:
    """Ask with docstring and comments of a function and the line of the masked call."""
    for asker, sought, _ in _calls(index, docs):
        name = docs[sought].symbol.name
        source = docs[asker].source
        line = next((each for each in source.split("\n")[1:] if f"{name}(" in each), "")
        text = "\n".join([docs[asker].symbol.docstring, *_comments(source), line.strip()])
        yield Query(re.sub(rf"\b{name}\b", MASK, text), sought, asker)


def sentences(index: ProjectIndex, docs: Sequence[Document]) -> Iterator[Query]:
    """Ask with the first line of a docstring, which is in no document, for its function."""
    for place, each in enumerate(docs):
        if len(each.symbol.docstring.split()) >= 4:
            yield Query(each.symbol.docstring, place, None)


TASKS: Mapping[str, Callable[[ProjectIndex, Sequence[Document]], Iterator[Query]]] = {
    "called names": called_names,
    "masked source": masked_source,
    "masked words": masked_words,
    "sentence": sentences,
}


def _calls(
    index: ProjectIndex, docs: Sequence[Document]
) -> Iterator[tuple[int, int, frozenset[str]]]:
    """Yield callers, one callee each whose name is its own in the project, and all called names."""
    places = {each.symbol: place for place, each in enumerate(docs)}
    counts = Counter(each.symbol.name for each in docs)
    for asker, doc in enumerate(docs):
        if doc.symbol.kind is Kind.CLASS:
            continue
        links = index.callees(doc.symbol.path, doc.symbol.qualname)
        sought = [
            places[link.symbol]
            for link in links
            if link.certain and link.symbol in places and counts[link.symbol.name] == 1
        ]
        sought = [each for each in sought if each != asker]
        if sought:
            yield asker, random.Random(asker).choice(sought), _called(doc.source)


@cache
def _called(source: str) -> frozenset[str]:
    names = re.findall(r"(\w+)\(", source.partition(":\n")[2])
    return frozenset(names)


def _comments(source: str) -> list[str]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    return [each.string.lstrip("# ") for each in tokens if each.type == tokenize.COMMENT]


@cache
def _without_docstring(source: str) -> str:
    """Return code without docstrings and comments; ``ast`` keeps neither comments nor layout."""
    try:
        tree = ast.parse(_dedented(source))
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (
            ast.get_docstring(node) is not None
        ):
            node.body = body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _dedented(source: str) -> str:
    first = source.split("\n", 1)[0]
    indent = len(first) - len(first.lstrip())
    return "\n".join(line[indent:] for line in source.split("\n"))


# Rankings


class Fts:
    """BM25 as SQLite's FTS5 has it (k1 1.2, b 0.75); ``stemmed``: words without their endings."""

    def __init__(self, texts: Sequence[str], *, stemmed: bool = False) -> None:
        tokens = "porter ascii" if stemmed else "ascii"
        self._table = sqlite3.connect(":memory:")
        self._table.execute(
            f"CREATE VIRTUAL TABLE word USING fts5 (text, tokenize = \"{tokens} tokenchars '_'\")"
        )
        self._table.executemany(
            "INSERT INTO word (rowid, text) VALUES (?, ?)",
            ((place, " ".join(words(text))) for place, text in enumerate(texts)),
        )

    def rank(self, query: str) -> Ranking:
        match = " OR ".join(f'"{word}"' for word in list(dict.fromkeys(words(query)))[:200])
        if not match:
            return []
        found = self._table.execute(
            "SELECT rowid FROM word WHERE word MATCH ? ORDER BY round(bm25(word), 9), rowid LIMIT ?",
            (match, DEPTH + 1),
        )
        return [place for (place,) in found]

    def rank_all(self, queries: Sequence[str]) -> list[Ranking]:
        return [self.rank(each) for each in queries]


class Bm25s:
    """BM25 of the library bm25s with its defaults (Lucene's formula, k1 1.5, b 0.75)."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        self._most = min(DEPTH + 1, len(texts))
        self._model = bm25s.BM25()
        self._model.index([list(words(text)) for text in texts], show_progress=False)

    def rank(self, query: str) -> Ranking:
        known = [word for word in words(query) if word in self._model.vocab_dict]
        if not known:
            return []
        places, scores = self._model.retrieve([known], k=self._most, show_progress=False)
        order = np.lexsort((places[0], -np.round(scores[0], 6)))
        return [int(places[0][each]) for each in order if scores[0][each] > 0]

    def rank_all(self, queries: Sequence[str]) -> list[Ranking]:
        return [self.rank(each) for each in queries]


class Embedded:
    """Cosine of sentence embeddings."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._vectors = _embedded(tuple(texts))

    def rank_all(self, queries: Sequence[str]) -> list[Ranking]:
        likeness = _embedded(tuple(queries)) @ self._vectors.T
        return [np.argsort(-each, kind="stable")[: DEPTH + 1].tolist() for each in likeness]


@lru_cache(maxsize=8)
def _embedded(texts: tuple[str, ...]) -> np.ndarray:
    return _encoder().encode(texts)


@cache
def _encoder() -> SentenceEncoder:
    return SentenceEncoder(bundled_model())


def fused(rankings: Sequence[Ranking]) -> Ranking:
    """Return the reciprocal rank fusion of rankings."""
    score: Counter[int] = Counter()
    for ranking in rankings:
        for rank, place in enumerate(ranking):
            score[place] += 1 / (FUSED + rank + 1)
    return sorted(score, key=lambda place: (-score[place], place))


# Figures


def ranks(rankings: Sequence[Ranking], queries: Sequence[Query]) -> list[int | None]:
    """Return at which rank, from 1, each query's function stands; the asker does not count."""
    found = []
    for ranking, query in zip(rankings, queries, strict=True):
        others = [place for place in ranking if place != query.asker][:DEPTH]
        found.append(others.index(query.sought) + 1 if query.sought in others else None)
    return found


def figures(found: Sequence[int | None]) -> tuple[float, float, float, float]:
    """Return hit@1, hit@5, hit@10 and the mean reciprocal rank."""
    hits = [sum(each is not None and each <= most for each in found) for most in (1, 5, 10)]
    reciprocal = sum(1 / each for each in found if each)
    one, five, ten = (hit / len(found) for hit in hits)
    return one, five, ten, reciprocal / len(found)


def ways_to_search(docs: Sequence[Document], *, dense: bool) -> dict[tuple[str, str], Search]:
    """Return every engine over every field that is worth it."""
    texts = {name: [field(each) for each in docs] for name, field in FIELDS.items()}
    ways = {(engine, name): make(texts[name]) for engine, make in ENGINES.items() for name in texts}
    if dense:
        ways |= {("embeddings", name): Embedded(texts[name]) for name in EMBEDDED}
    return ways


def rankings_of(
    ways: Mapping[tuple[str, str], Search], queries: Sequence[Query], names: Sequence[str]
) -> dict[str, list[Ranking]]:
    """Return the rankings of every way of searching that does not see what it may not."""
    asked = [query.text for query in queries]
    kept = {
        f"{engine}: {name}": search.rank_all(asked)
        for (engine, name), search in ways.items()
        if name in names
    }
    return kept | dict(_fusions(kept, names))


class Search(Protocol):
    def rank_all(self, queries: Sequence[str]) -> list[Ranking]: ...


ENGINES: Mapping[str, Callable[[Sequence[str]], Search]] = {
    "FTS5": Fts,
    "FTS5 stemmed": partial(Fts, stemmed=True),
    "bm25s": Bm25s,
}


def _fusions(
    kept: Mapping[str, list[Ranking]], names: Sequence[str]
) -> Iterator[tuple[str, list[Ranking]]]:
    for name in names:
        for lexical in ("FTS5", "FTS5 stemmed"):
            pair = (kept.get(f"{lexical}: {name}"), kept.get(f"embeddings: {name}"))
            if None not in pair:
                yield (
                    f"{lexical} + embeddings: {name}",
                    [fused(both) for both in zip(*pair, strict=True)],
                )


def measured(
    package: str, most: int, *, dense: bool
) -> Iterator[tuple[str, str, list[int | None]]]:
    """Yield task, way of searching, and the ranks of one project."""
    index, docs = documents(package)
    ways = ways_to_search(docs, dense=dense)
    for task, ask in TASKS.items():
        queries = list(ask(index, docs))
        if len(queries) > most:
            queries = sorted(
                random.Random(0).sample(queries, most), key=lambda each: (each.sought, each.text)
            )
        names = [each for each in FIELDS if task != "sentence" or each not in WITH_DOCSTRING]
        print(f"{package}: {len(docs)} documents, {task}: {len(queries)} queries", flush=True)
        for way, rankings in rankings_of(ways, queries, names).items():
            yield task, way, ranks(rankings, queries)
    index.close()


def table(task: str, results: Mapping[str, Mapping[str, list[int | None]]]) -> Iterator[str]:
    """Yield the rows of one task: the means over projects, and hit@5 of each project."""
    projects = list(next(iter(results.values())))
    counts = [len(each) for each in next(iter(results.values())).values()]
    yield f"\n## {task}\n"
    yield (TASKS_SAID[task] + f" {sum(counts)} queries.\n")
    yield "| | hit@1 | hit@5 | hit@10 | MRR | " + " | ".join(projects) + " |"
    yield "|---|" + "---|" * (4 + len(projects))
    for way, found in results.items():
        each = [figures(found[project]) for project in projects]
        means = [f"{sum(column) / len(each):.2f}" for column in zip(*each, strict=True)]
        own = [f"{one[1]:.2f}" for one in each]
        yield f"| {way} | " + " | ".join([*means, *own]) + " |"


TASKS_SAID = {
    "called names": "All names that a function calls, to one of them (name-based by construction).",
    "masked source": "The source of a function in which one callee's name is masked, to the callee.",
    "masked words": "Docstring, comments and the line of the masked call, to the callee.",
    "sentence": "The first line of a docstring to its function; docstrings are in no document.",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=PROJECTS)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--without-dense", action="store_true")
    parser.add_argument("--again", action="store_true", help="also where a result is kept")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    packages = arguments.only or PROJECTS
    results: dict[str, dict[str, dict[str, list[int | None]]]] = {}
    for package in packages:
        kept = KEPT / f"{package}.json"
        if arguments.again or not kept.exists():
            rows = list(measured(package, arguments.queries, dense=not arguments.without_dense))
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(rows))
        for task, way, found in json.loads(kept.read_text()):
            results.setdefault(task, {}).setdefault(way, {})[package] = found
    lines = [line for task, ways in results.items() for line in table(task, ways)]
    projects = ", ".join(f"{package} {version(package)}" for package in packages)
    text = "\n".join([f"Projects: {projects}. Columns of projects: hit@5.", *lines, ""])
    print(text)
    if arguments.write:
        kept = TABLE.read_text().partition("<!-- figures -->")[0] if TABLE.exists() else ""
        TABLE.write_text(f"{kept}<!-- figures -->\n\n{text}")


if __name__ == "__main__":
    main()
