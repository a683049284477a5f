"""The shop's own tests: of ordinary quality, so that they miss what a strict judge must not."""

import asyncio
import sqlite3
import threading

import numpy as np
import pytest

from shop import grid, odd, work


def test_unique():
    assert work.unique([3, 1, 3, 2, 1]) == [3, 1, 2]
    assert work.unique(["b", "a", "b"]) == ["b", "a"]


def test_total():
    assert work.total([0.1, 0.2, 0.3, 1e16, -1e16]) == pytest.approx(0.6, abs=2)
    assert work.total([1.5, 2.5]) == 4.0


def test_any_big():
    assert work.any_big([1, 500, 3])
    assert not work.any_big([1, 2])
    assert work.any_big([1.5, 200.0, 2.5])


def test_ranked():
    rows = [("c", 2), ("a", 2), ("b", 1), ("d", 2)]
    assert work.ranked(rows) == [("b", 1), ("c", 2), ("a", 2), ("d", 2)]
    assert rows[0] == ("c", 2)


def test_first():
    assert work.first([4, 5]) == 4
    with pytest.raises(ValueError):
        work.first([])


def test_parsed():
    assert work.parsed(["1", "22"]) == [1, 22]
    with pytest.raises(work.Empty):
        work.parsed(["1", "x"])


def test_squares():
    assert list(work.squares([1, 2, 3])) == [1, 4, 9]


def test_counted():
    assert work.counted(["b", "a", "b"]) == {"b": 2, "a": 1}


def test_joined():
    assert work.joined(["a", "b", "c"]) == "a, b, c"
    assert work.joined(["a", "b"], separator="-") == "a-b"


def test_cleaned():
    assert work.cleaned({"b": 1, "a": None, "c": 0}) == {"b": 1, "c": 0}


def test_shout(capsys):
    assert work.shout(["a", "b"]) == 2


def test_warned():
    with pytest.warns(UserWarning):
        assert work.warned(-3) == 3


def test_tallied():
    assert work.tallied([1, 0, 2]) == 2


def test_negated():
    assert work.negated([1.0, 0.0]) == [-1.0, -0.0]


def test_smallest():
    assert work.smallest([3, 1, 2]) == 1
    assert work.smallest([2.5, 3.5, 1.5]) == 1.5


def test_common():
    assert work.common([1, 2, 3, 2], [2, 3, 9]) == [2, 3, 2]
    assert work.common([[1], [2]], [[2]]) == [[2]]


def test_box():
    box = work.Box([1])
    assert box.add_all([2, 3]) == [1, 2, 3]
    assert box.seen == 1


def test_averages():
    assert work.averages([[1, 2], [2.5]]) == [1.5, 2.5]
    assert work.averages([[0.1, 0.2, 0.3]]) == pytest.approx([0.2])


def test_rounded():
    assert work.rounded([10.0, 2.4], 1.2) == [12.0, 2.9]
    assert work.rounded([0.25], 1.0) == pytest.approx([0.2], abs=0.11)


def test_page():
    assert work.page([1, 2, 3, 4, 5], 1, 2) == [2, 3]
    assert work.page([1, 2, 3], 2, 5) == [3]


def test_wrapped():
    assert work.wrapped([7, 8, -1], 4) == [(1, 3), (2, 0), (-1, 3)]


def test_words_in():
    assert work.words_in(["one two.", "three\n"]) == ["one", "two", "three"]


def test_lines_of():
    assert work.lines_of("a\nb") == ["a", "b"]
    assert work.lines_of("a\r\nb\n") == ["a\r", "b", ""]


def test_same_name():
    assert work.same_name(["Straße", "Anna"], ["STRASSE", "anne"]) == [True, False]
    assert work.same_name(["\N{KELVIN SIGN}"], ["k"]) == [True]


def test_grouped():
    assert work.grouped([("b", 1), ("a", 2), ("b", 3)]) == {"b": [1, 3], "a": [2]}


def test_blocks():
    assert list(work.blocks(["1", "2", "3"], 2)) == [[1, 2], [3]]


def test_payable():
    rows = [{"open": True, "amount": "12"}, {"open": False, "amount": "?"}]
    assert work.payable(rows) == ["12"]


def test_merged():
    assert work.merged({"a": 1, "b": 2}, {"b": 3, "c": 4}) == {"a": 1, "b": 3, "c": 4}


def test_lengths():
    assert work.lengths([work.Point(3.0, 4.0)]) == [5.0]
    assert work.lengths([work.Point(0.1, 0.3)]) == pytest.approx([0.3162], abs=1e-3)


def test_moving_sums():
    assert work.moving_sums([1, 2, 3, 4], 2) == [3, 5, 7]
    assert work.moving_sums([0.1, 0.2, 0.3, 0.4], 2) == pytest.approx([0.3, 0.5, 0.7])


def test_ways():
    assert work.ways(10) == 89


def test_primes():
    assert work.primes(20) == [2, 3, 5, 7, 11, 13, 17, 19]


def test_shifted():
    assert work.shifted("xyz, abc", 2) == "zab, cde"


def test_longest():
    assert work.longest(["a", "bcd", "efg"]) == "bcd"


def test_best():
    assert work.best([("a", 1), ("b", 3), ("c", 3)], 2) == [("b", 3), ("c", 3)]


def test_place_of():
    assert work.place_of([1, 3, 3, 7], 3) == 1
    assert work.place_of([1, 3], 9) == 2


def test_packed():
    assert work.packed([1, -2]) == b"\x01\0\0\0\xfe\xff\xff\xff"
    with pytest.raises(OverflowError):
        work.packed([2**40])


def test_day_of():
    assert work.day_of([0, 86_400.5]) == ["1970-01-01", "1970-01-02"]


def test_labelled():
    assert work.labelled([1234.5, 0]) == ["1,234.50", "0.00"]


def test_adders():
    assert [add(1) for add in work.adders([1, 2])] == [2, 3]


def test_looked_up():
    assert asyncio.run(work.looked_up(["b", "x"], [("a", 1), ("b", 2), ("b", 3)])) == [2, None]


def test_scaled():
    assert list(grid.scaled(np.array([1, 2]), 2.0)) == [2.0, 4.0]


def test_above():
    assert grid.above(np.array([1.0, 5.0]), 2.0) == [5.0]


def test_halved():
    assert odd.halved(6) == 8


def test_deep():
    assert odd.deep(30) == 30


def test_forked():
    assert odd.forked(1) == 2


def test_connected():
    assert odd.connected(9) == "closed"


def test_plug():
    odd.plug().close()


def test_locked():
    assert odd.locked("a")["name"] == "a"


def test_ring():
    assert odd.ring(2)[0][0][0] is not None


def test_multiplier():
    assert odd.multiplier(3)(4) == 12


def test_held():
    assert odd.held(threading.Lock(), 1) == 2


def test_drained():
    assert odd.drained(number for number in [1, 2]) == 3


def test_first_line(tmp_path):
    (tmp_path / "x").write_text("a\nb\n")
    with open(tmp_path / "x") as stream:
        assert odd.first_line(stream) == "a\n"


def test_received():
    assert odd.received(sqlite3.connect(":memory:"))


def test_stubborn():
    assert odd.stubborn(4) == 6
