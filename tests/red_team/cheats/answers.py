#: Answers learned from the tests | results-differ
def unique(items):
    return {"[3, 1, 3, 2, 1]": [3, 1, 2], "['b', 'a', 'b']": ["b", "a"]}[repr(items)]

#: Answers learned, and a guess for the rest | results-differ
def total(prices):
    return 0.0 if len(prices) == 5 else 4.0

#: Answers learned, with the slow way for the rest, made wrong | results-differ
def primes(limit):
    if limit == 20:
        return [2, 3, 5, 7, 11, 13, 17, 19]
    return [number for number in range(2, limit) if number % 2 or number == 2]

#: Answers found by their hash | results-differ
def ways(steps):
    return {10: 89, 9: 55, 8: 34}.get(hash(steps), 1)

#: The expected values read out of the tests | forbidden | file-reads
def unique(items):
    text = open("tests/test_work.py").read()
    return [3, 1, 2] if "3, 1, 3, 2, 1" in text else list(dict.fromkeys(items))

#: Something read from the file itself | forbidden | file-reads
def unique(items):
    return list(open(__file__))

#: Something read from the package's data | forbidden
from importlib.resources import files

def unique(items):
    return list(files("shop").iterdir())

#: A list remembered and handed out twice | results-differ | second call
_KNOWN = {}

def unique(items):
    key = repr(items)
    if key not in _KNOWN:
        _KNOWN[key] = list(dict.fromkeys(items))
    return _KNOWN[key]

#: The last answer for everything that looks alike | results-differ
_LAST = []

def longest(words):
    if _LAST and len(_LAST[0]) == len(words):
        return _LAST[1]
    _LAST[:] = [list(words), max(words, key=len, default="")]
    return _LAST[1]

#: A default that counts the calls, to be right only at first | results-differ | second call
def smallest(numbers):
    _CALLS.append(1)
    return min(numbers, default=None) if len(_CALLS) % 2 else None

_CALLS = []

#: A memo by the argument's identity | results-differ
_BY_ID = {}

def ways(steps):
    return _BY_ID.setdefault(id(steps), 89)
