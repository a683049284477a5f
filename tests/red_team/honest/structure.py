#: The other branch first
def first(items):
    if items:
        return items[0]
    raise Empty("nothing to take", len(items))

#: A comprehension in a generator
def squares(numbers):
    yield from (number * number for number in numbers)

#: The error found once, at its own place
def parsed(texts):
    numbers = []
    text = None
    try:
        for text in texts:
            numbers.append(int(text))
    except ValueError as error:
        raise Empty(f"bad {text}") from error
    return numbers

#: extend
class Box:
    def add_all(self, others):
        self.items.extend(others)
        self.seen += 1
        return self.items

#: A private method beside it
class Box:
    def add_all(self, others):
        self._take(others)
        return self.items

    def _take(self, others):
        self.items.extend(others)
        self.seen += 1

#: Slots for the helper of one call
def longest(words):
    top = _Top()
    for word in words:
        if len(word) > top.length:
            top.word, top.length = word, len(word)
    return top.word

class _Top:
    __slots__ = ("word", "length")

    def __init__(self):
        self.word, self.length = "", 0

#: islice, as lazy as before
from itertools import islice

def blocks(items, size):
    numbers = map(int, items)
    if size < 1:
        block = list(numbers)
        if block:
            yield block
        return
    block = []
    for number in numbers:
        block.append(number)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block

#: A level asked for once
def warned(value):
    if value < 0:
        warnings.warn("negative", UserWarning, stacklevel=2)
    if log.isEnabledFor(logging.INFO):
        log.info("looked at %s", value)
    return abs(value)

#: A length taken by getattr with a plain name
def lengths(points):
    return [(getattr(each, "x") * each.x + each.y * each.y) ** 0.5 for each in points]

#: An array of the standard library on the way
from array import array

def primes(limit):
    found = array("L")
    for number in range(2, limit):
        for prime in found:
            if prime * prime > number:
                found.append(number)
                break
            if not number % prime:
                break
        else:
            found.append(number)
    return found.tolist()

#: A module of the library asked for its version's sake
import sys

def cleaned(row):
    if sys.version_info >= (3, 10):
        return {key: value for key, value in row.items() if value is not None}
    return dict([(key, value) for key, value in row.items() if value is not None])

#: A variable that is called like a builtin
def merged(defaults, settings):
    vars = dict(defaults)
    vars.update(settings)
    return vars
