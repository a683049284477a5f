"""A profile of a real run elsewhere says what is hot here, whichever tool wrote it."""

import contextlib
import cProfile
import json
import marshal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.external_profile import (
    PathMatcher,
    describe_unmatched,
    parse_profile,
    read_profile,
)
from perfbot.profiling.hotspots import Frame, ProfileError, Stack, rank
from perfbot.profiling.marshal_reader import MarshalError, read_marshal

TREE = ["src/shop/report.py", "src/shop/cart.py", "src/shop/__init__.py", "setup.py"]
REPORT = Frame("src/shop/report.py", 12, "build")
CART = Frame("src/shop/cart.py", 30, "total")


def test_collapsed_stacks_are_read() -> None:
    text = b"main (run.py:3);build (shop/report.py:12);total (/app/src/shop/cart.py:30) 42\n"
    external = parse_profile(text, TREE)
    assert external.profile.stacks == (Stack((REPORT, CART), True, pytest.approx(0.42)),)
    assert external.unmatched == {"run.py": 1}
    assert list(describe_unmatched(external.unmatched)) == [
        "run.py (1 samples) is in the profile but not in this repository"
    ]


FRAMES = [
    {"name": "build", "file": "/srv/app/src/shop/report.py", "line": 12},
    {"name": "Cart.total", "file": "/srv/app/src/shop/cart.py", "line": 30},
    {"name": "loads", "file": "/usr/lib/python3.12/json/__init__.py", "line": 299},
]


def speedscope(**profile: object) -> bytes:
    return json.dumps({"shared": {"frames": FRAMES}, "profiles": [profile]}).encode()


def test_sampled_speedscope_files_are_read() -> None:
    data = speedscope(
        type="sampled", unit="milliseconds", samples=[[0, 1], [0, 2]], weights=[500, 250]
    )
    assert parse_profile(data, TREE).profile.stacks == (
        Stack((REPORT, CART), True, 0.5),
        Stack((REPORT,), False, 0.25),
    )


def test_evented_speedscope_files_are_read() -> None:
    events = [("O", 0, 0), ("O", 1, 1), ("C", 1, 4), ("C", 0, 6)]
    data = speedscope(
        type="evented",
        unit="seconds",
        startValue=0,
        events=[{"type": kind, "frame": frame, "at": at} for kind, frame, at in events],
    )
    assert parse_profile(data, TREE).profile.stacks == (
        Stack((REPORT,), True, 1.0),
        Stack((REPORT, CART), True, 3.0),
        Stack((REPORT,), True, 2.0),
    )


SOURCE = """\
def key(number):
    return -number

def order(numbers):
    return sorted(numbers, key=key)

def main():
    for _ in range(20):
        order(list(range(2000)))
"""


def test_a_pstats_file_gives_calls_and_native_time(tmp_path: Path) -> None:
    module = tmp_path / "shop" / "orders.py"
    module.parent.mkdir()
    module.write_text(SOURCE)
    names: dict[str, object] = {}
    exec(compile(SOURCE, str(module), "exec"), names)
    main = names["main"]
    assert callable(main)
    profiler = cProfile.Profile()
    profiler.runcall(main)
    profiler.dump_stats(tmp_path / "run.prof")
    external = read_profile(tmp_path / "run.prof", ["shop/orders.py"])
    spots = {
        spot.function.qualname: spot
        for spot in rank([external.profile], lambda _: SOURCE, lambda _: True)
    }
    assert spots["key"].calls == 40_000
    assert spots["order"].calls == 20
    assert spots["order"].native_share > 0.9  # sorted() itself, which is built in
    assert sum(spot.share for spot in spots.values()) == pytest.approx(1.0, abs=0.05)


def test_time_of_foreign_functions_goes_up_to_the_trees(tmp_path: Path) -> None:
    ours, foreign = ("/app/src/shop/cart.py", 30, "total"), ("/usr/lib/python3.12/x.py", 1, "x")
    builtin = ("~", 0, "<built-in method time.sleep>")
    stats = {
        ours: (1, 1, 1.0, 10.0, {}),
        foreign: (1, 1, 2.0, 9.0, {ours: (1, 1, 2.0, 9.0)}),
        builtin: (1, 1, 7.0, 7.0, {foreign: (1, 1, 7.0, 7.0)}),
    }
    profile = parse_profile(marshal.dumps(stats), TREE).profile
    (spot,) = rank([profile], lambda _: "\n" * 28 + "def total():\n    pass\n", lambda _: True)
    assert spot.share == pytest.approx(1.0)
    assert spot.self_share == pytest.approx(0.1)
    assert spot.native_share == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("/home/me/shop/src/shop/cart.py", "src/shop/cart.py"),
        ("/venv/lib/python3.12/site-packages/shop/cart.py", "src/shop/cart.py"),
        ("shop/cart.py", "src/shop/cart.py"),
        ("cart.py", "src/shop/cart.py"),
        (r"C:\work\src\shop\cart.py", "src/shop/cart.py"),
        ("/build/setup.py", "setup.py"),
        ("/other/cart.py", None),
        ("/usr/lib/python3.12/shop/cart.py", None),
        ("<string>", None),
        ("~", None),
    ],
)
def test_files_are_matched_by_the_end_of_their_path(file: str, found: str | None) -> None:
    frame = PathMatcher(TREE).frame((file, 1, "total"))
    assert (frame.path if frame else None) == found


def test_a_file_that_fits_two_places_fits_none() -> None:
    matcher = PathMatcher(["a/cart.py", "b/cart.py"])
    assert matcher.frame(("cart.py", 1, "total")) is None
    assert matcher.unmatched == {"cart.py": 1}


@pytest.mark.parametrize("data", [b"", b"nonsense", b"{", b"{}", b"\xfb0", b"a (b.py:1) 3"])
def test_a_file_that_says_nothing_about_this_repository_is_an_error(data: bytes) -> None:
    with pytest.raises(ProfileError):
        parse_profile(data, TREE)


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"gone\.prof cannot be read: No such file"):
        read_profile(tmp_path / "gone.prof", TREE)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(b"{".__add__))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with contextlib.suppress(ProfileError):
        parse_profile(data, TREE)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=15,
)


@given(values, st.sampled_from([2, 3, 4]))
def test_marshalled_data_is_read_as_python_reads_it(value: object, version: int) -> None:
    assert read_marshal(marshal.dumps(value, version)) == value


@given(values, st.integers(0, 300), st.integers(0, 255))
def test_damaged_marshal_data_is_an_error_or_data(value: object, place: int, byte: int) -> None:
    data = bytearray(marshal.dumps(value))
    data[place % len(data)] = byte
    with contextlib.suppress(MarshalError):
        read_marshal(bytes(data))


def test_marshalled_code_is_refused() -> None:
    with pytest.raises(MarshalError, match="other than data"):
        read_marshal(marshal.dumps(compile("1", "x", "eval")))
