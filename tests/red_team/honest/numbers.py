#: A start that keeps the sum a float
def total(prices):
    result = 0.0
    for price in prices:
        result = result + price
    return result

#: functools.reduce
from functools import reduce
from operator import add

def total(prices):
    return reduce(add, prices, 0.0)

#: An early return
def any_big(numbers):
    for number in numbers:
        if number > 100:
            return True
    return False

#: any
def any_big(numbers):
    return any(number > 100 for number in numbers)

#: A limit with a name
_LIMIT = 100

def any_big(numbers):
    return any(number > _LIMIT for number in numbers)

#: min with a default
def smallest(numbers):
    return min(numbers, default=None)

#: A helper beside it
def smallest(numbers):
    return _least(numbers)

def _least(numbers):
    return min(numbers, default=None)

#: A comprehension
def negated(numbers):
    return [number * -1.0 for number in numbers]

#: map with a partial function
from functools import partial
from operator import mul

def negated(numbers):
    return list(map(partial(mul, -1.0), numbers))

#: The counter kept
def tallied(items):
    CALLS["count"] += 1
    return len([item for item in items if item])

#: A local name for a builtin
def averages(rows):
    size = len
    return [sum(row) / size(row) for row in rows]

#: divmod
def wrapped(numbers, size):
    return [divmod(number, size) for number in numbers]

#: A loop for a recursion
def ways(steps):
    before, now = 1, 1
    for _ in range(steps - 1):
        before, now = now, before + now
    return now

#: A memo of one call
from functools import lru_cache

def ways(steps):
    @lru_cache(maxsize=None)
    def go(left):
        return 1 if left < 2 else go(left - 1) + go(left - 2)
    return go(steps)

#: A memo of one call in a dictionary
def ways(steps):
    known = {}

    def go(left):
        if left < 2:
            return 1
        if left not in known:
            known[left] = go(left - 1) + go(left - 2)
        return known[left]

    return go(steps)

#: A sieve in a bytearray
def primes(limit):
    sieve = bytearray([1]) * max(limit, 0)
    for number in range(2, int(max(limit, 0) ** 0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return [number for number in range(2, limit) if sieve[number]]

#: Running sums, where the numbers are whole
from itertools import accumulate

def moving_sums(numbers, size):
    if 0 < size and all(type(number) is int for number in numbers):
        sums = [0, *accumulate(numbers)]
        return [sums[end] - sums[end - size] for end in range(size, len(sums))]
    return [sum(numbers[at : at + size]) for at in range(len(numbers) - size + 1)]

#: A method beside the others
class Point:
    def length(self):
        return (self.x * self.x + self.y * self.y) ** 0.5

def lengths(points):
    return [Point.length(point) for point in points]

#: NumPy's own multiplication
def scaled(values, factor):
    result = np.empty(len(values))
    np.multiply(values, factor, out=result, casting="unsafe")
    return result

#: A mask
def above(values, limit):
    return np.asarray(values, dtype=np.float64)[np.asarray(values) > limit].tolist()
