"""Code that keeps something for its next call is seen, wherever it keeps it; a table is no memory."""

import pytest

from perfbot.optimizer.gates import FileChange
from perfbot.optimizer.memory import remembers

BEFORE = """
import heapq
from functools import partial

_TABLE = {1: 2}

class Box:
    seen = {}

    def get(self, n):
        return n

def f(n, seen=[]):
    return n
"""
REMEMBERING = {
    "lru_cache": "from functools import lru_cache\n@lru_cache\ndef g(n):\n    return n\n",
    "functools.cache": "import functools\n@functools.cache\ndef g(n):\n    return n\n",
    "a dictionary of the module": "_SEEN = {}\ndef g(n):\n    _SEEN[n] = 1\n    return _SEEN[n]\n",
    "a list of the module": "_SEEN = []\ndef g(n):\n    _SEEN.append(n)\n",
    "another name for it": "_SEEN = {}\ndef g(n):\n    seen = _SEEN\n    seen[n] = 1\n",
    "a method taken from it": "_SEEN = {}\ndef g(n):\n    dict.update(_SEEN, {n: 1})\n",
    "a heap": "_HEAP = []\ndef g(n):\n    heapq.heappush(_HEAP, n)\n",
    "a table that was there": "def g(n):\n    return _TABLE.setdefault(n, n)\n",
    "a nested value": "_ROWS = [[]]\ndef g(n):\n    _ROWS[0].append(n)\n",
    "a new default": "def g(n, seen={}):\n    return seen.setdefault(n, n)\n",
    "a default that was there": "def f(n, seen=[]):\n    seen.append(n)\n    return n\n",
    "a global": "def g(n):\n    global LAST\n    LAST = n\n",
    "a class variable through self": "class A:\n    seen = {}\n    def g(self, n):\n        self.seen[n] = n\n",
    "a class variable by the class": "class A:\n    def g(self, n):\n        A.last = n\n",
    "a class variable by type()": "class A:\n    def g(self, n):\n        type(self).last = n\n",
    "a class variable by cls": "class A:\n    @classmethod\n    def g(cls, n):\n        cls.last = n\n",
    "an attribute of the function": "def g(n):\n    g.last = n\n",
    "a dictionary on the function": "def g(n):\n    g.seen[n] = n\ng.seen = {}\n",
    "a closure made at import": (
        "def make():\n    seen = {}\n    def go(n):\n        return seen.setdefault(n, n)\n    return go\n"
        "g = make()\n"
    ),
    "a nonlocal of it": (
        "def make():\n    last = 0\n    def go(n):\n        nonlocal last\n        last = n\n    return go\n"
        "g = make()\n"
    ),
    "lru_cache called": "import functools\nfast = functools.lru_cache(f)\ndef g(n):\n    return fast(n)\n",
    "lru_cache under another name": "from functools import lru_cache as c\n@c\ndef g(n):\n    return n\n",
    "an object of the module that keeps things": (
        "class Store:\n    def __init__(self):\n        self.rows = {}\n"
        "    def take(self, n):\n        return self.rows.setdefault(n, n)\n"
        "_STORE = Store()\ndef g(n):\n    return _STORE.take(n)\n"
    ),
    "a dictionary that fills itself": (
        "class Memo(dict):\n    def __missing__(self, n):\n        self[n] = n\n        return n\n"
        "_MEMO = Memo()\ndef g(n):\n    return _MEMO[n]\n"
    ),
    "an iterator of the module": "_NEXT = iter(range(9))\ndef g(n):\n    return next(_NEXT)\n",
}
FORGETTING = {
    "a constant table": "_WORDS = {1: 2}\ndef g(n):\n    return _WORDS.get(n)\n",
    "a memo of one call": "def g(n):\n    memo = {}\n    memo[n] = 1\n    return memo\n",
    "a set of one call": "def g(n):\n    seen = set()\n    seen.add(n)\n    return seen\n",
    "a helper with a memo of one call": (
        "def g(n):\n    memo = {}\n    def go(k):\n        memo[k] = k\n        return memo[k]\n    return go(n)\n"
    ),
    "lru_cache of one call": (
        "from functools import lru_cache\ndef g(n):\n    @lru_cache\n    def go(k):\n        return k\n"
        "    return go(n)\n"
    ),
    "an object of the module that only computes": (
        "class Scale:\n    def __init__(self, by):\n        self.by = by\n"
        "    def of(self, n):\n        return self.by * n\n"
        "_TWICE = Scale(2)\ndef g(n):\n    return _TWICE.of(n)\n"
    ),
    "a counter of one call": (
        "def g(n):\n    count = 0\n    def go():\n        nonlocal count\n        count += 1\n"
        "    go()\n    return count\n"
    ),
    "arguments": "def g(rows):\n    rows.append(1)\n    rows[0] = 2\n    heapq.heappush(rows, 3)\n",
    "self": "class A:\n    def g(self, n):\n        self.n = n\n        self.rows.append(n)\n",
    "an alias of a table": "_WORDS = {1: 2}\ndef g(n):\n    words = _WORDS\n    return words[n]\n",
}


@pytest.mark.parametrize("name", REMEMBERING)
def test_what_outlives_a_call_is_seen(name):
    change = FileChange("m.py", BEFORE.encode(), (BEFORE + REMEMBERING[name]).encode())
    assert remembers([change])


@pytest.mark.parametrize("name", FORGETTING)
def test_what_ends_with_the_call_is_no_memory(name):
    change = FileChange("m.py", BEFORE.encode(), (BEFORE + FORGETTING[name]).encode())
    assert not remembers([change])


def test_a_memory_that_was_there_before_is_no_news():
    source = (BEFORE + REMEMBERING["a dictionary of the module"]).encode()
    assert not remembers([FileChange("m.py", source, source + b"\ndef h():\n    return 1\n")])
