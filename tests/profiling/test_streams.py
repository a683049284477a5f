"""Generators and files among the arguments of a call come back as they were, as far as they were read."""

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perfbot.profiling.inside import pickling, streams


def numbers(n: int) -> Iterator[int]:
    yield from range(n)


def followed(*arguments: Any, **keywords: Any) -> tuple[Any, Any]:
    """Return a call to make, and a function that tells what is made again afterwards."""
    call, placeheld, found = streams.follow((arguments, keywords), pickling.dumps)
    pickled = pickling.dumps(placeheld)
    return call, lambda: pickle.loads(streams.sealed(pickled, found))


def test_a_generator_yields_the_same_again() -> None:
    ((passed, other), _), again = followed(numbers(3), 7)
    assert (list(passed), other) == ([0, 1, 2], 7)
    ((made, other), _) = again()
    assert (list(made), other) == ([0, 1, 2], 7)


def test_asking_for_more_than_was_taken_fails_instead_of_guessing() -> None:
    ((passed,), _), again = followed(numbers(3))
    assert next(passed) == 0
    ((made,), _) = again()
    assert next(made) == 0
    with pytest.raises(LookupError, match="than the workload took"):
        next(made)


def test_items_are_kept_as_they_were_when_they_were_yielded() -> None:
    ((), names), again = followed(rows=(row for row in ([1], [2])))
    for row in names["rows"]:
        row.clear()
    assert list(again()[1]["rows"]) == [[1], [2]]


def test_the_source_gets_what_is_sent_and_thrown_and_goes_on_where_it_was_left() -> None:
    def echo() -> Iterator[Any]:
        got = None
        while got != "end":
            try:
                got = yield got
            except KeyError:
                got = "caught"
        return

    source = echo()
    ((passed,), _), _again = followed(source)
    assert next(passed) is None
    assert passed.send("a") == "a"
    assert passed.throw(KeyError()) == "caught"
    assert source.send("b") == "b"


def test_a_generator_that_yields_what_cannot_be_kept_is_lost_with_the_reason() -> None:
    ((passed,), _), again = followed(each for each in [numbers(1)])
    assert len(list(passed)) == 1
    with pytest.raises(streams.Lost, match="an item of a generator"):
        again()


def test_endless_generators_do_not_fill_the_memory() -> None:
    import itertools

    ((passed,), _), again = followed(number for number in itertools.count())
    for _ in zip(range(20_000), passed, strict=False):
        pass
    with pytest.raises(streams.Lost, match="more than"):
        again()


def test_a_generator_that_was_made_again_can_be_copied_until_it_is_asked() -> None:
    made = streams.replayed([pickle.dumps(1)], True)
    assert list(pickle.loads(pickling.dumps([made]))[0]) == [1]
    assert list(made) == [1]


@pytest.mark.parametrize("mode", ["r", "rb"])
def test_a_file_comes_back_with_its_content_and_where_it_stood(tmp_path: Path, mode: str) -> None:
    (tmp_path / "a.txt").write_bytes("one\r\ntwö\n".encode())
    with open(tmp_path / "a.txt", mode) as file:
        file.readline()
        made = pickle.loads(pickling.dumps(file))
        assert made.tell() == file.tell()
        assert type(made) is type(file)
        assert (made.read(), made.name) == (file.read(), file.name)


def test_what_is_written_to_a_copied_file_shows_and_goes_nowhere_else(tmp_path: Path) -> None:
    from perfbot.profiling.inside.canonical import canonical

    with open(tmp_path / "a.txt", "w") as file:
        one, other = (pickle.loads(pickling.dumps(file)) for _ in range(2))
        one.write("x")
        assert canonical(one) != canonical(other)
    assert (tmp_path / "a.txt").read_text() == ""


def test_a_pipe_cannot_be_read_twice() -> None:
    with pytest.raises(streams.Lost), open(0, "rb", closefd=False, buffering=-1) as file:
        streams.of_file(io.BufferedReader(Pipe(file)))


class Pipe(io.RawIOBase):
    def __init__(self, _of: Any) -> None:
        super().__init__()

    def readable(self) -> bool:
        return True
