"""Equal texts must mean equal behaviour, and different behaviour different texts."""

import array
import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import itertools
import logging
import os
import pathlib
import pickle
import re
import struct
import subprocess
import sys
import threading
import types
import uuid
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.inside import canonical as canonical_module
from perfbot.profiling.inside.canonical import (
    NotComparable,
    TooLarge,
    canonical,
    describe,
)
from perfbot.profiling.inside.samples import short

INSIDE = Path(canonical_module.__file__).parent


class Plain:
    def __init__(self, x: object) -> None:
        self.x = x

    def method(self) -> None: ...


class Slotted:
    __slots__ = ("_private", "a", "never_set")

    def __init__(self, a: object) -> None:
        self.a = a
        self._private = 1


class MyList(list[object]): ...


class MyText(str):
    __slots__ = ()


class Tagged(str):
    tag: object = None


class Point(NamedTuple):
    x: int
    y: int


class Place(NamedTuple):
    row: int
    column: int


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Changeable:
    x: object


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: object


class Hostile:
    """Fails in everything that a careless judge would call."""

    def __init__(self) -> None:
        self.seen = 1

    def fail(self, *_: object) -> Any:
        raise AssertionError("code of the target was run")

    __repr__ = __str__ = __eq__ = __iter__ = __len__ = __bool__ = __getattr__ = __reduce__ = fail  # type: ignore[assignment]
    __getstate__ = __format__ = __lt__ = __contains__ = __getitem__ = fail  # type: ignore[assignment]
    __hash__ = object.__hash__
    prop = property(fail)


def adder(n: int) -> Callable[[int], int]:
    def add(k: int) -> int:
        return n + k

    return add


# -- values that must be told apart ------------------------------------------------------------

shared: list[int] = []
NAN = float("nan")
DIFFERENT: dict[str, list[object]] = {
    "numbers": [0, False, 0.0, -0.0, 0j, complex(0, -0.0), "0", b"0", Number.ONE, 1, True, 1.0],
    "special numbers": [NAN, float("inf"), float("-inf"), 5e-324, 0.1, 0.1 + 2**-56],
    "large integers": [2**63, 2**63 + 1, -(2**63), 10**5000, 10**5000 + 1, -(10**5000)],
    "decimals": [decimal.Decimal("1"), decimal.Decimal("1.0"), 1, fractions.Fraction(1)],
    "empties": [[], (), {}, set(), frozenset(), "", b"", bytearray(), None, range(0), ...],
    "sequences": [[1], (1,), [[1]], [(1,)], MyList([1]), collections.deque([1]), iter([1])],
    "deques": [collections.deque([1]), collections.deque([1], 1), collections.deque([1], 2)],
    "order": [{1: 2, 3: 4}, {3: 4, 1: 2}, collections.OrderedDict({1: 2, 3: 4})],
    "mappings": [
        {1: 2},
        {1: 2.0},
        {True: 2},
        collections.defaultdict(None, {1: 2}),
        collections.defaultdict(int, {1: 2}),
        collections.defaultdict(list, {1: 2}),
        collections.Counter({1: 2}),
        types.MappingProxyType({1: 2}),
        {1: 2}.keys(),
        {1: 2}.items(),
    ],
    "text": [
        "a",
        "A",
        "a ",
        b"a",
        bytearray(b"a"),
        MyText("a"),
        "\ud800",
        "\\ud800",
        "é",
        "e\u0301",
    ],
    "quotes": ["'", '"', "'\"", "a','b", ["a", "b"], ["a','b"], ["a,b"]],
    "nesting": [[1, 2], [[1, 2]], [[1], 2], [1, [2]], ([1, 2],), [[1], [2]]],
    "aliases": [[[], []], [shared, shared]],
    "aliased instances": [[Plain(1), Plain(1)], [plain := Plain(1), plain]],
    "named tuples": [Point(1, 2), Place(1, 2), (1, 2), Point(2, 1)],
    "enumerations": [Colour.RED, Colour.BLUE, 1, Number.ONE, "RED"],
    "instances": [
        Plain(1),
        Plain(True),
        Plain([1]),
        Slotted(1),
        Slotted(2),
        Changeable(1),
        Frozen(1),
    ],
    "attributes of built-in kinds": [Tagged("a"), MyText("a")],
    "arrays": [
        array.array("i", [1]),
        array.array("l", [1]),
        array.array("d", [1]),
        memoryview(b"1"),
        memoryview(bytearray(b"1")),
    ],
    "ranges": [range(3), range(0, 3, 2), slice(3), slice(0, 3), slice(None, 3, 1)],
    "times": [
        datetime.date(2024, 1, 1),
        datetime.datetime(2024, 1, 1),
        datetime.datetime(2024, 1, 1, fold=1),
        datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
        datetime.timedelta(1),
    ],
    "paths": [pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a"), pathlib.Path("a"), "a"],
    "identifiers": [uuid.UUID(int=1), uuid.UUID(int=2)],
    "patterns": [re.compile("a"), re.compile("a", re.IGNORECASE), re.compile(b"a")],
    "matches": [re.match("a", "ab"), re.match("a", "ac"), re.match("a|b", "ab")],
    "functions": [adder, adder(1), adder(2), len, sum, [].append, [1].append, Plain.method],
    "bound methods": [Plain(1).method, Plain(2).method, "a".upper, "b".upper, str.upper],
    "lambdas": [
        lambda x: x + 1,
        lambda x: x + 2,
        lambda x: x - 1,
        lambda x, y: x,
        lambda x=1: x,
        lambda z: z + 1,
    ],
    "partials": [
        functools.partial(adder, 1),
        functools.partial(adder, 2),
        functools.partial(adder),
    ],
    "classes": [int, bool, Plain, Slotted, list[int], list[str]],
    "modules": [os, sys, "module os"],
    "exceptions": [
        ValueError(),
        ValueError("a"),
        TypeError("a"),
        OSError(2, "a"),
        OSError(2, "a", "b"),
    ],
    "elements": [
        ElementTree.fromstring("<a/>"),
        ElementTree.fromstring("<b/>"),
        ElementTree.fromstring('<a b="1"/>'),
        ElementTree.fromstring("<a>b</a>"),
        ElementTree.fromstring("<a><b/></a>"),
    ],
    "files in memory": [io.StringIO("a"), io.BytesIO(b"a"), io.StringIO("b")],
    "sets": [{1, 2}, frozenset({1, 2}), {1, 2, 3}, {1.0, 2}, {(1, 2)}, {"1", "2"}],
    "long text": ["x" * 100_000, "x" * 100_001, "x" * 99_999 + "y", b"x" * 100_000],
    "NumPy": [
        numpy.zeros(2),
        numpy.array([0.0, -0.0]),
        numpy.zeros(2, dtype="f4"),
        numpy.zeros((2, 1)),
        numpy.zeros((1, 2)),
        numpy.zeros(2, dtype=int),
        numpy.zeros(2, dtype=object),
        numpy.float64(0),
        numpy.float32(0),
        numpy.int64(0),
        numpy.bool_(False),
        numpy.array(0.0),
        0.0,
        [0.0, 0.0],
    ],
    "order in memory": [
        numpy.ones((2, 2)),
        numpy.ones((2, 2), order="F"),
        numpy.ones((4, 4))[::2, ::2],
    ],
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_different_values_have_different_texts(kind: str) -> None:
    texts = [canonical(value) for value in DIFFERENT[kind]]
    assert len(set(texts)) == len(texts), sorted(texts)


@pytest.mark.parametrize("kind", sorted(DIFFERENT.keys() - {"aliases", "aliased instances"}))
def test_different_values_are_different_inside_a_container_too(kind: str) -> None:
    texts = [canonical({"key": [value, 1]}) for value in DIFFERENT[kind]]
    assert len(set(texts)) == len(texts)


def test_a_read_only_array_is_another_one() -> None:
    one, other = numpy.ones(2), numpy.ones(2)
    other.flags.writeable = False
    assert canonical(one) != canonical(other)


def test_pandas_objects_are_what_they_hold_not_what_they_have_cached() -> None:
    pandas: Any = pytest.importorskip("pandas", reason="pandas is not installed here")

    def frame(**columns: Any) -> Any:
        return pandas.DataFrame({"a": [1, 2], "b": ["x", None], **columns})

    one = frame()
    text = canonical(one)
    one["a"].sum(), one.index.is_unique, one.columns.get_loc("b"), hash(one.columns[0])
    assert canonical(one) == text == canonical(frame()) == canonical(one[one.a > 0])
    others = [
        frame(a=[1.0, 2.0]),
        frame(a=[1, 3]),
        frame(c=0),
        frame().set_index("a"),
        frame().rename(columns={"a": "z"}),
        frame()[["b", "a"]],
        frame().iloc[:1],
        frame(b=pandas.Categorical(["x", None])),
        frame()["a"],
        frame()["a"].rename("z"),
        frame()["a"].array,
    ]
    assert len({text, *map(canonical, others)}) == len(others) + 1
    assert describe([*others, pandas.NaT, pandas.NA, pandas.Timestamp(0), one.index]).opaque == 0
    assert describe(frame().groupby("a")).opaque == 1


def test_a_view_is_not_a_copy() -> None:
    one, other = numpy.ones(4), numpy.ones(4)
    assert canonical([one, one[:2]]) != canonical([one, one[:2].copy()])
    assert canonical([one, one[:2]]) == canonical([other, other[:2]])


def test_functions_of_one_name_differ_by_their_code() -> None:
    def make(plus: bool) -> Callable[[int], int]:
        if plus:

            def step(x: int) -> int:
                return x + 1
        else:

            def step(x: int) -> int:
                return x - 1

        return step

    assert canonical(make(True)) == canonical(make(True))
    assert canonical(make(True)) != canonical(make(False))


def test_functions_wrapped_by_different_decorators_differ() -> None:
    def once(function: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(function)
        def wrapper() -> None:
            function()

        return wrapper

    def twice(function: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(function)
        def wrapper() -> None:
            function()
            function()

        return wrapper

    assert canonical(once(interpreters)) != canonical(twice(interpreters))  # type: ignore[arg-type]


def test_attributes_added_to_a_subclass_of_a_built_in_kind_show() -> None:
    one, other = Tagged("a"), Tagged("a")
    other.tag = 1
    assert canonical(one) != canonical(other)


def test_what_an_exception_carries_shows() -> None:
    def caught(*, cause: BaseException | None = None, note: str = "") -> BaseException:
        error = ValueError("a")
        error.__cause__ = cause
        if note:
            error.__notes__ = [note]
        return error

    errors = [caught(), caught(cause=KeyError(1)), caught(cause=KeyError(2)), caught(note="n")]
    assert len({canonical(error) for error in errors}) == 4


def test_what_was_handled_when_an_exception_was_raised_does_not_show() -> None:
    error = ValueError("a")
    error.__context__ = KeyError("b")
    assert canonical(error) == canonical(ValueError("a"))


# -- values that must not be told apart --------------------------------------------------------


def test_the_payload_and_sign_of_nan_are_ignored() -> None:
    other = struct.unpack("<d", b"\x01\x00\x00\x00\x00\x00\xf8\xff")[0]
    assert canonical(NAN) == canonical(other)
    assert canonical(numpy.array([NAN])) == canonical(numpy.array([other]))
    assert canonical(numpy.array([complex(0, NAN)])) == canonical(numpy.array([complex(0, other)]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: "".join(["a", "b"] * 3),
        lambda: int("123456789"),
        lambda: (int("1000"), ("".join(["x", "y"]),)),
        lambda: Frozen(int("1000")),
        lambda: decimal.Decimal("1.5"),
        lambda: datetime.date(2024, 1, 1),
        lambda: MyText("a"),
        lambda: Point(1000, 1),
        lambda: numpy.float64(3),
    ],
)
def test_equal_immutable_values_are_the_same_whether_shared_or_not(
    make: Callable[[], object],
) -> None:
    one = make()
    assert canonical([one, one]) == canonical([make(), make()])


def test_a_list_behind_tuples_shows_as_shared() -> None:
    inner: list[int] = []
    assert canonical([(inner,), (inner,)]) != canonical([([],), ([],)])


def test_the_order_in_which_attributes_were_set_does_not_matter() -> None:
    one, other = types.SimpleNamespace(), types.SimpleNamespace()
    plain, other_plain = Plain(1), Plain.__new__(Plain)
    plain.y = 2  # type: ignore[attr-defined]
    other_plain.y = 2  # type: ignore[attr-defined]
    other_plain.x = 1
    assert canonical([one, plain]) == canonical([other, other_plain])


def test_paths_into_the_tree_are_the_same_wherever_the_tree_lies() -> None:
    one = canonical(["/tmp/one/a.py", b"/tmp/one/b", "x"], tree="/tmp/one")
    assert one == canonical(["/other/a.py", b"/other/b", "x"], tree="/other/")
    assert "<tree>/a.py" in one


@pytest.mark.parametrize("many", [1, 50])
def test_addresses_in_text_are_the_same_everywhere(many: int) -> None:
    text = "<Foo object at {}> and <cell at {}: int object at {}>"
    one = text.format("0x7f12ab34cd56", "0x7f12ab34cd57", "0x7f12ab34cd58")
    other = text.format("0x5612ab34cd56", "0x5612ab34cd57", "0x5612ab34cd58")
    assert canonical([one] * many) == canonical([other] * many)


def test_numbers_in_hexadecimal_are_no_addresses() -> None:
    assert canonical("value 0x7f12ab34cd56") != canonical("value 0x7f12ab34cd57")


def test_lazy_caches_of_paths_do_not_show() -> None:
    one, other = pathlib.PurePosixPath("a/b"), pathlib.PurePosixPath("a/b")
    hash(one), one.name, str(one), one.parent
    assert canonical(one) == canonical(other)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.decimals()
    | st.fractions()
    | st.datetimes()
    | st.sampled_from(Colour)
)
HASHABLE = SCALARS.filter(lambda value: "nan" not in str(value).lower())  # NaN breaks sets
NESTED = st.recursive(
    SCALARS | st.builds(Slotted, SCALARS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=4).map(MyList)
        | st.lists(inner, max_size=4).map(collections.deque)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.dictionaries(st.text(max_size=2), inner, max_size=4).map(collections.OrderedDict)
        | st.sets(HASHABLE, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
        | st.builds(Plain, inner)
        | st.builds(Changeable, inner)
        | st.builds(Frozen, inner)
        | st.builds(lambda value: [value, value], inner)
    ),
    max_leaves=12,
)


@given(NESTED)
def test_a_copy_has_the_text_of_its_original(value: object) -> None:
    text = canonical(value)
    assert text == canonical(copy.deepcopy(value))
    assert text == canonical(pickle.loads(pickle.dumps(value)))


@given(NESTED)
def test_a_text_is_ascii_and_tells_the_same_twice(value: object) -> None:
    described = describe(value)
    assert described.text.isascii()
    assert described == describe(value)


@given(NESTED)
def test_telling_floats_apart_leaves_the_exact_text_as_it_is(value: object) -> None:
    assert describe(value, apart=True).text == canonical(value)


@given(st.lists(NESTED, max_size=2))
def test_one_changeable_object_in_two_places_is_not_two(part: list[object]) -> None:
    assert canonical([part, part]) != canonical([part, copy.deepcopy(part)])
    assert canonical(([part], part)) != canonical(([copy.deepcopy(part)], part))


def seen_of(array: Any) -> tuple[object, ...]:
    """Return everything that a caller can see of an array without its neighbours in memory."""
    flags = array.flags
    layout = None if flags.forc else array.strides
    return (
        type(array), array.dtype.str, array.shape, flags.c_contiguous, flags.f_contiguous,
        flags.writeable, layout, array.tobytes(),
    )  # fmt: skip


ARRAYS = st.builds(
    lambda dtype, shape, view: view(numpy.arange(6).astype(dtype).reshape(shape)),
    st.sampled_from(["i4", "i8", ">i4", "f4", "f8", "u1", "?", "S2", "M8[s]", "M8[ns]"]),
    st.sampled_from([(6,), (2, 3), (3, 2), (1, 6), (6, 1)]),
    st.sampled_from(
        [
            lambda array: array,
            lambda array: array.T.copy(),
            lambda array: numpy.asfortranarray(array),
            lambda array: array[::2].copy(),
            lambda array: numpy.ascontiguousarray(array[::-1]),
        ]
    ),
)


@given(ARRAYS, ARRAYS)
def test_arrays_have_one_text_exactly_when_they_look_the_same(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == (seen_of(one) == seen_of(other))


def test_how_an_array_lies_in_memory_shows() -> None:
    base = numpy.arange(12.0)
    views = [base[::2], base[::-2], base[::2].copy(), base[6:0:-1], numpy.repeat(base[:1], 6)]
    views.append(numpy.lib.stride_tricks.as_strided(base, (6,), (0,)))
    assert len(set(map(canonical, views))) == len(views)


LEAVES = st.sampled_from([0, 1, True, False, 0.0, -0.0, 1.0, "1", b"1", None, "", "a", NAN])
SMALL = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["a", "b", 1, 2]), inner, max_size=3)
    ),
    max_leaves=5,
)


def exact(value: object) -> object:
    """Return an independent exact form, through ``repr`` and nested pairs of type and content."""
    if isinstance(value, dict):
        return "dict", tuple((exact(key), exact(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return type(value).__name__, tuple(map(exact, value))
    return type(value).__name__, repr(value)


@given(SMALL, SMALL)
def test_nearly_equal_values_have_equal_texts_exactly_when_they_are_equal(
    one: object, other: object
) -> None:
    assert (canonical(one) == canonical(other)) == (exact(one) == exact(other))


@given(st.sets(st.text(max_size=3) | st.integers()), st.randoms())
def test_sets_do_not_depend_on_the_order_of_insertion(members: set[object], rng: Any) -> None:
    shuffled = list(members)
    rng.shuffle(shuffled)
    assert canonical(members) == canonical(set(shuffled))


def test_instances_in_sets_come_in_the_order_of_their_texts() -> None:
    texts = {canonical({Plain([number]) for number in order}) for order in ((1, 2, 3), (3, 1, 2))}
    assert len(texts) == 1


def test_what_a_set_shares_with_the_rest_shows() -> None:
    one = Plain(1)
    assert canonical([{one}, one]) != canonical([{Plain(1)}, Plain(1)])


@given(
    st.sampled_from([st.integers(), st.text(max_size=3), st.floats(), st.booleans()]).flatmap(
        lambda kind: st.lists(kind, max_size=5)
    )
)
def test_the_fast_way_writes_what_the_slow_way_writes(items: list[object]) -> None:
    one_by_one = [canonical(item) for item in items]
    assert canonical(items) == f"[{','.join(one_by_one)}]"
    assert canonical([tuple(items)] * 2) == f"[({','.join(one_by_one)}),({','.join(one_by_one)})]"


# -- cycles, depth, size -----------------------------------------------------------------------


def test_cycles_end() -> None:
    around: list[object] = [1]
    around.append(around)
    me = Plain(None)
    me.x = {"me": (me,)}
    assert canonical(around) == "[1,#0,]"
    assert "#0" in canonical(me)


def test_cycles_of_different_lengths_differ() -> None:
    short_way: list[object] = []
    short_way.append(short_way)
    long_way: list[object] = [[]]
    long_way[0].append(long_way)  # type: ignore[attr-defined]
    assert canonical(short_way) != canonical(long_way)


def test_a_closure_over_itself_ends() -> None:
    def again(n: int) -> object:
        return again(n - 1) if n else None

    assert "#0" in canonical(again)


def test_nesting_needs_no_stack() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert canonical(deep).startswith("[[[[")


def test_sets_nested_too_deeply_are_not_comparable() -> None:
    deep: object = Plain(1)
    for _ in range(10_000):
        deep = frozenset([deep])
    with pytest.raises(NotComparable, match="deep"):
        canonical(deep)


def test_tuples_that_double_at_each_level_are_too_large() -> None:
    doubling: object = ()
    for _ in range(60):
        doubling = (doubling, doubling)
    with pytest.raises(TooLarge):
        canonical(doubling, limit_bytes=50_000)


@pytest.mark.parametrize(
    "value", [list(range(1000)), ["ab"] * 500, [[1]] * 500, dict.fromkeys("abcdef" * 9)]
)
def test_a_long_text_is_too_large(value: object) -> None:
    with pytest.raises(TooLarge):
        canonical(value, limit_bytes=40)


# -- hostile and opaque values -----------------------------------------------------------------


def test_no_code_of_the_target_is_run() -> None:
    described = describe([Hostile(), {Hostile()}, {1: Hostile()}, (Hostile(),)])
    assert "seen=1" in described.text
    assert described.opaque == 0


@pytest.mark.parametrize(
    "value",
    [
        object(),
        threading.Thread(),
        iter([1]),
        (x for x in [1]),
        map(str, [1]),
        itertools.count(),
    ],
)
def test_what_cannot_be_looked_into_is_counted(value: object) -> None:
    assert describe(value).opaque == 1
    assert describe([value, 1]).opaque == 1
    assert describe({Plain(value)}).opaque == 1


def test_open_files_are_opaque_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    with (tmp_path / "file").open() as file:
        assert describe(file, consume=True).opaque == 1
        assert file.read() == "content"


def test_locks_events_and_loggers_are_what_can_be_asked_of_them() -> None:
    held, free = threading.Lock(), threading.Lock()
    held.acquire()
    counting, event = threading.RLock(), threading.Event()
    counting.acquire()
    event.set()
    values = [held, free, counting, threading.RLock(), event, threading.Event(),
              threading.Semaphore(2), threading.Semaphore(3), logging.getLogger("a.b"),
              logging.getLogger("a.c"), weakref.ref(Plain), weakref.ref(MyList)]  # fmt: skip
    assert len(set(map(canonical, values))) == len(values)
    assert describe(values).opaque == 0
    logging.getLogger("a.b").addHandler(logging.NullHandler())
    assert canonical(values[8]) == canonical(logging.getLogger("a.b"))


def test_a_coroutine_is_opaque() -> None:
    async def nothing() -> None: ...

    coroutine = nothing()
    assert describe(coroutine).opaque == 1
    coroutine.close()


def test_a_class_made_on_the_fly_is_what_stands_in_it() -> None:
    made = [type("Made", (), {name: 1}) for name in "aab"]
    assert describe(made[0]).opaque == 0
    assert canonical(made[0]) == canonical(made[1]) != canonical(made[2])
    made[0].itself = made[0]
    assert len(canonical(made[0])) < 200


def test_nothing_of_ordinary_data_is_opaque() -> None:
    for kind, values in DIFFERENT.items():
        if kind != "sequences":  # has an iterator
            assert describe(values).opaque == 0, kind


# -- iterators ---------------------------------------------------------------------------------


def counting(*, ending: object = None, failing: bool = False) -> Iterator[int]:
    yield 1
    yield 2
    if failing:
        raise ValueError("end")
    return ending


def test_a_consumed_iterator_is_what_it_yields_and_how_it_ends() -> None:
    ways: list[Callable[[], object]] = [
        counting,
        lambda: counting(ending=3),
        lambda: counting(failing=True),
        lambda: iter([1, 2]),
        lambda: [1, 2],
        lambda: iter([1]),
    ]
    texts = [canonical(make(), consume=True) for make in ways]
    assert len(set(texts)) == len(texts)
    assert texts == [canonical(make(), consume=True) for make in ways]
    assert canonical(iter([1, 2]), consume=True) == canonical(map(int, "12"), consume=True)


def test_arguments_are_not_consumed() -> None:
    items = iter([1, 2])
    describe([items])
    assert list(items) == [1, 2]


def test_an_endless_iterator_is_followed_a_while() -> None:
    assert canonical(itertools.count(), consume=True).endswith("]goes on")


def test_a_list_that_is_yielded_again_and_again_shows_each_time() -> None:
    def growing(anew: bool) -> Iterator[list[int]]:
        items: list[int] = []
        for number in range(3):
            items = [*items, number] if anew else items
            if not anew:
                items.append(number)
            yield items

    one, other = (canonical(growing(anew), consume=True) for anew in (True, False))
    assert "[0,1,2]" in one
    assert "[0,1,2]" in other
    assert one != other


# -- other processes, other interpreters -------------------------------------------------------

SCRIPT = """
import collections, datetime, decimal, enum, fractions, functools, importlib.machinery, importlib.util
import pathlib, re, sys, threading, types, uuid
spec = importlib.machinery.ModuleSpec("_perfbot_inside", None, is_package=True)
spec.submodule_search_locations = [sys.argv[1]]
sys.modules["_perfbot_inside"] = importlib.util.module_from_spec(spec)
from _perfbot_inside import canonical, grow, mutate, samples

class Thing:
    def __init__(self, x): self.x = x
    def method(self): pass
class Slotted:
    __slots__ = ("a",)
class Flags(enum.Flag):
    A = 1
    B = 2
Pair = collections.namedtuple("Pair", "x y")
def closure(n):
    def inner(): return n
    return inner

values = [
    {"one", "two", "three", b"four", 5, 6.5, None, (1, "x")}, frozenset("abcdef"), {Thing(n) for n in range(5)},
    {frozenset("xyz"), frozenset("abc")}, {Thing({str(n)}) for n in range(5)},
    {"k": [1, 2.5, True, None, 1j]}, collections.OrderedDict(a=1), collections.Counter("abca"),
    collections.defaultdict(list, a=[1]), collections.deque([1], 2), Pair(1, 2), Flags.A, Flags.A | Flags.B,
    datetime.datetime(2024, 1, 2, fold=1), decimal.Decimal("1.50"), fractions.Fraction(1, 3), uuid.UUID(int=7),
    pathlib.PurePosixPath("/a/b"), re.compile("a+"), re.match("(a)", "ab"), closure([1]), Thing.method,
    Thing(1).method, functools.partial(closure, n=1), Thing, len, sys, ValueError("x", {"a", "b"}),
    types.SimpleNamespace(a=1), Slotted(), range(3), slice(1, 2), memoryview(b"x"), 10**3000,
    "caf\\u00e9 \\ud800", ["<Thing at 0x7f0011223344>"], object(), threading.Lock(), iter([1]), {}.keys(),
    list[int], lambda x: x + 1, ..., NotImplemented, Exception, type("Made", (), {"z": 1}),
]
for value in values:
    described = canonical.describe(value)
    print(described.opaque, described.text)
print(canonical.canonical((n for n in "ab"), consume=True))
deep = []
for _ in range(20_000): deep = [deep]
print(len(canonical.canonical(deep)))
call = ([3, 1, 2], {"a", "b", "c"}, {"k": "text"}, Thing([1.5])), {"flag": True}
for variant in mutate.variants(*call, seed=5, count=30):
    print(variant.what, canonical.canonical((variant.arguments, variant.keywords)))
print(canonical.canonical(grow.resized(call, "all", 3, 1).call))
print(samples.short(values[:20]))
"""


def interpreters() -> list[str]:
    """Return the interpreters of this machine that perfbot's targets may use."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = {sys.executable: ""}
    for path in sorted(pyenv.glob("versions/3.*/bin/python3")):
        minor = int(path.parent.parent.name.split(".")[1])
        if minor >= 10:
            found[str(path)] = ""
    return list(found)


def told_by(interpreter: str, hash_seed: str) -> str:
    completed = subprocess.run(
        [interpreter, "-s", "-S", "-W", "error", "-c", SCRIPT, str(INSIDE)],
        env={"PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr[-2000:]
    return completed.stdout


@pytest.mark.parametrize("interpreter", interpreters())
def test_every_process_tells_the_same(interpreter: str) -> None:
    one, other = told_by(interpreter, "1"), told_by(interpreter, "2")
    for left, right in zip(one.splitlines(), other.splitlines(), strict=True):
        assert left == right


# -- samples for people ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (([3, 1], "x"), "([3, 1], 'x')"),
        ({"a": {2, 1}, "b": ()}, "{'a': {1, 2}, 'b': ()}"),
        (set(), "set()"),
        (frozenset({1}), "frozenset({1})"),
        ((1,), "(1,)"),
        ([Plain(1), 1.5, None], "[<Plain>, 1.5, None]"),
        ("a\nb", "'a\\nb'"),
        ([10**5000], "[<int>]"),
    ],
)
def test_a_sample_is_what_a_person_would_write(value: object, text: str) -> None:
    assert short(value) == text


def test_a_sample_runs_no_code_of_the_target() -> None:
    assert short([Hostile(), 1]) == "[<Hostile>, 1]"


def test_a_class_cannot_write_into_the_sample() -> None:
    assert short(type("evil\n\x1b[31m", (), {})()) == "<evil??[31m>"


@given(NESTED, st.integers(5, 200))
def test_a_sample_is_one_line_of_the_width_asked_for(value: object, width: int) -> None:
    line = short([value] * 3, width)
    assert len(line) <= width
    assert line.isprintable()


def test_a_sample_of_a_huge_value_shows_both_ends() -> None:
    line = short(list(range(1_000_000)), 60)
    assert len(line) == 60
    assert line.startswith("[0, 1, 2")
    assert line.endswith("999999]")
    nested: object = 1
    for _ in range(30):
        nested = [nested] * 1000
    assert len(short(nested)) <= 120
