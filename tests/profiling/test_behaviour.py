"""What a caller could see of one call shows in what is told of it; what nobody can see does not."""

import logging
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from perfbot.profiling.inside.behaviour import behave
from perfbot.profiling.inside.record import kind_of

quiet = logging.getLogger("quiet.one")
quiet.propagate = False
log = logging.getLogger("another")


def told(function: Callable[..., Any], *arguments: Any, floats: bool = False) -> dict[str, Any]:
    kind = kind_of(function)
    return behave(function, kind, (arguments, {}), "/nowhere", 5.0, floats=floats)


def differ(one: Callable[..., Any], other: Callable[..., Any], make: Callable[[], tuple]) -> bool:
    """Say whether two functions differ when each is called with new arguments of the same kind."""
    first, second = told(one, *make()), told(other, *make())
    assert told(one, *make())["digest"] == first["digest"]
    return (first["ending"], first["digest"]) != (second["ending"], second["digest"])


def none() -> tuple:
    return ()


class OwnError(Exception):
    pass


def noted(error: BaseException) -> BaseException:
    error.__notes__ = ["look here"]
    return error


def fail(error: BaseException, cause: BaseException | None = None) -> None:
    raise error from cause


def write(descriptor: int, *texts: bytes) -> None:
    for text in texts:
        os.write(descriptor, text)


def into_buffer(data: bytes) -> None:
    sys.stdout.buffer.write(data)


def warn(*kinds: type[Warning]) -> None:
    for kind in kinds:
        warnings.warn("x", kind, stacklevel=1)


def twice(function: Callable[[str], None]) -> None:
    function("x")
    function("x")


SAID = {
    "printed": lambda: print("x"),
    "printed twice": lambda: twice(print),
    "to standard error": lambda: print("x", file=sys.stderr),
    "to the stream's buffer": lambda: into_buffer(b"y"),
    "below the streams": lambda: write(1, b"x"),
    "below the streams, twice": lambda: write(1, b"x", b"x"),
    "below standard error": lambda: write(2, b"x"),
    "logged": lambda: log.info("x"),
    "logged twice": lambda: twice(log.info),
    "logged at another level": lambda: log.warning("x"),
    "logged where nothing is passed on": lambda: quiet.warning("x"),
    "warned": lambda: warn(UserWarning),
    "warned of another kind": lambda: warn(FutureWarning),
    "nothing": lambda: None,
}


def test_everything_that_is_said_shows_and_how_often() -> None:
    digests = {name: told(function)["digest"] for name, function in SAID.items()}
    assert len(set(digests.values())) == len(digests)


def test_an_equal_warning_counts_once_as_python_shows_it() -> None:
    twice_warned = told(lambda: warn(UserWarning, UserWarning))["digest"]
    assert twice_warned == told(lambda: warn(UserWarning))["digest"]


def test_more_output_than_is_kept_counts_by_its_hash() -> None:
    def much(last: str) -> None:
        os.write(1, b"x" * 300_000 + last.encode())
        print("y" * 300_000 + last)
        for number in range(1_100):
            log.debug("%s", number)
        log.debug(last)

    assert told(much, "a")["digest"] == told(much, "a")["digest"] != told(much, "b")["digest"]


def test_what_is_written_below_the_streams_is_shown_to_people(capfd: Any) -> None:
    assert "printed 'x" in told(SAID["below the streams"])["shown"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: fail(ValueError(1)), lambda: fail(ValueError(True))),
        (lambda: fail(ValueError(1)), lambda: fail(TypeError(1))),
        (lambda: fail(ValueError(1)), lambda: fail(ValueError(1), KeyError(2))),
        (lambda: fail(ValueError(1), KeyError(1)), lambda: fail(ValueError(1), KeyError(2))),
        (lambda: fail(ValueError(1)), lambda: fail(noted(ValueError(1)))),
    ],
)
def test_an_exception_counts_in_full(one: Callable[[], Any], other: Callable[[], Any]) -> None:
    assert differ(one, other, none)


def test_an_exception_of_the_project_shows_behind_another_one(tmp_path: Any) -> None:
    source = tmp_path / "m.py"
    source.write_text(
        "def f(x):\n    try:\n        raise KeyError(x)\n    except KeyError:\n"
        "        raise ValueError(1)\n"
        "def g(x):\n    try:\n        {}[x]\n    except KeyError:\n        raise ValueError(1)\n"
        "def h(x):\n    raise ValueError(1)\n"
    )
    module = types.ModuleType("m")
    exec(compile(source.read_text(), str(source), "exec"), vars(module))
    digests = [
        behave(each, "function", ((1,), {}), str(tmp_path), 5.0)["digest"]
        for each in (module.f, module.g, module.h)
    ]
    assert digests[0] != digests[2]
    assert digests[1] == digests[2]  # how a look-up fails is how the code goes about its work


def lazily(rows: Iterator[list[int]]) -> Iterator[int]:
    for row in rows:
        yield sum(row)


def eagerly(rows: Iterator[list[int]]) -> Iterator[int]:
    yield from [sum(row) for row in rows]


def test_a_generator_that_works_ahead_is_another_one() -> None:
    assert differ(lazily, eagerly, lambda: (iter([[1], [2], [3]]),))


def test_a_result_that_works_later_is_another_one() -> None:
    def at_once(rows: Iterator[int]) -> Iterator[int]:
        made = [row + 1 for row in rows]
        return (row for row in made)

    def later(rows: Iterator[int]) -> Iterator[int]:
        return (row + 1 for row in rows)

    assert differ(at_once, later, lambda: (iter([1, 2]),))


def test_a_list_that_is_yielded_again_and_again_is_not_a_new_one_each_time() -> None:
    def again(n: int) -> Iterator[list[int]]:
        row: list[int] = []
        for number in range(n):
            row.append(number)
            yield row

    def anew(n: int) -> Iterator[list[int]]:
        for number in range(n):
            yield list(range(number + 1))

    assert differ(again, anew, lambda: (3,))


def test_how_far_an_argument_was_read_shows_also_when_the_call_fails() -> None:
    def one(items: Iterator[int]) -> None:
        next(items)
        raise ValueError

    def two(items: Iterator[int]) -> None:
        next(items), next(items)
        raise ValueError

    assert differ(one, two, lambda: (iter("abc"),))
    assert differ(one, two, lambda: ((x for x in "abc"),))


def test_a_generator_that_fails_on_the_way_has_raised() -> None:
    def broken(n: int) -> Iterator[int]:
        yield n
        raise KeyError(n)

    ending = told(broken, 1)
    assert (ending["ending"], ending["error"], ending["own"]) == (
        "raised",
        "builtins.KeyError",
        False,
    )


def test_floats_are_told_apart_and_the_digest_stays_the_same() -> None:
    numpy = pytest.importorskip("numpy")

    def make(last: float) -> Callable[[], Any]:
        return lambda: ({"a": [1.5, 2j, last]}, numpy.array([0.5, last]), {3.5}, 7)

    exact, apart = told(make(4.5)), told(make(4.5), floats=True)
    assert exact["digest"] == apart["digest"]
    assert [float.fromhex(each) for each in apart["floats"]] == [1.5, 0, 2, 4.5, 0.5, 4.5]
    other = told(make(4.75), floats=True)
    assert other["rough"] == apart["rough"]
    assert other["digest"] != apart["digest"]


@pytest.mark.parametrize(
    ("one", "other"),
    [({3.5}, {3.75}), ({3.5: 1}, {3.75: 1}), ([3.5], [4]), ([3.5], (3.5,)), ([3.5], "3.5")],
)
def test_keys_members_and_types_are_no_floats_that_may_differ(one: object, other: object) -> None:
    assert told(lambda: one, floats=True)["rough"] != told(lambda: other, floats=True)["rough"]
