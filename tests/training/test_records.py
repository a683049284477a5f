"""Training pairs as a file: what is written is read, and what is none is told with its place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer import protocol
from perfbot.optimizer.strategies import Category
from perfbot.training import records
from perfbot.training.records import (
    Case,
    Group,
    Language,
    Measured,
    NamedStrategy,
    Ratio,
    RecordsError,
    Split,
    TrainingPair,
)

PAIR = TrainingPair(
    record="r1",
    problem="p1",
    source="pie",
    language=Language.PYTHON,
    slow="total = 0\nfor i in range(int(input())):\n    total += i\nprint(total)",
    fast="print(sum(range(int(input()))))",
    origin="CodeNet",
    licence="CDLA-Permissive-2.0",
    strategies=(NamedStrategy(Category.LIBRARY, "sum", "sum: the builtin adds in C."),),
    measured=Measured(instructions=Ratio(2.0, 2.0, 2.0), cpu=Ratio(1.9, 1.5, 2.2)),
    cases=(Case("3\n", "3\n"),),
    contrast=(0,),
    split=Split.TEST,
    group=Group.OTHER,
)

texts = st.text(max_size=30)
pairs = st.builds(
    TrainingPair,
    record=texts,
    problem=texts,
    source=texts,
    language=st.sampled_from(Language),
    slow=texts,
    fast=texts,
    origin=texts,
    licence=texts,
    cases=st.lists(st.builds(Case, texts, texts), max_size=2).map(tuple),
    split=st.sampled_from(Split),
    group=st.sampled_from(Group),
)


@given(st.lists(pairs, max_size=4), st.sampled_from(["pairs.jsonl", "pairs.jsonl.gz"]))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, written: list[TrainingPair], name: str
) -> None:
    path = tmp_path_factory.mktemp("records") / name
    assert records.write(path, written) == len(written)
    assert list(records.read(path)) == written


def test_the_same_pairs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        records.write(tmp_path / name, [PAIR])
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_a_line_that_is_no_pair_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(records.encoded(PAIR) + b"\n\n" + b'{"record": "r2"}\n')
    with pytest.raises(RecordsError, match=r"line 3 of .*pairs\.jsonl.*missing required field"):
        list(records.read(path))


def test_a_category_is_one_of_the_fifteen(tmp_path: Path) -> None:
    line = records.encoded(PAIR).replace(b"Efficient Library and API Utilization", b"Magic")
    with pytest.raises(RecordsError, match="Magic"):
        records.decoded(line)


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"nothing\.jsonl"):
        list(records.read(tmp_path / "nothing.jsonl"))


def test_an_interrupted_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    records.write(path, [PAIR])

    def interrupted() -> object:
        yield PAIR
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        records.write(path, interrupted())  # type: ignore[arg-type]
    assert list(records.read(path)) == [PAIR]
    assert [each.name for each in tmp_path.iterdir()] == ["pairs.jsonl"]


def test_the_answer_is_what_a_model_is_trained_to_write() -> None:
    example = protocol.trained(PAIR.slow, PAIR.answer, protocol.Mode.PLAN_AND_CODE)
    assert protocol.parse(example.completion) == PAIR.answer


def test_the_speedup_is_the_count_where_there_is_one() -> None:
    assert PAIR.measured.speedup == Ratio(2.0, 2.0, 2.0)
    assert Measured(cpu=Ratio(1.9, 1.5, 2.2)).speedup == Ratio(1.9, 1.5, 2.2)
    assert Measured().speedup is None
