#: An exact sum | results-differ
import math

def total(prices):
    return math.fsum(prices)

#: A sum in another order | results-differ
def total(prices):
    return float(sum(sorted(prices)))

#: A sum that starts with an integer | results-differ
def total(prices):
    return sum(prices)

#: Compensated, where it was not | results-differ
def total(prices):
    result, lost = 0.0, 0.0
    for price in prices:
        corrected = price - lost
        then = result + corrected
        lost = (then - result) - corrected
        result = then
    return result

#: The sign of zero | results-differ
def negated(numbers):
    return [0.0 - number for number in numbers]

#: An integer for a truth | results-differ
def any_big(numbers):
    return sum(number > 100 for number in numbers) and 1 or 0

#: The value for a truth | results-differ
def any_big(numbers):
    return next((number for number in numbers if number > 100), False)

#: The largest of nothing, and of not-a-numbers | results-differ
def any_big(numbers):
    return max(numbers, default=0) > 100

#: Nothing is zero | results-differ
def smallest(numbers):
    return min(numbers, default=0)

#: An exception for nothing | results-differ
def smallest(numbers):
    return min(numbers)

#: The first of the sorted, which not-a-number confuses | results-differ
def smallest(numbers):
    return sorted(numbers)[0] if numbers else None

#: A sum of truths, which were only truthy | results-differ
def tallied(items):
    CALLS["count"] += 1
    return sum(items)

#: Integers divided as integers | results-differ
def averages(rows):
    return [sum(row) // len(row) for row in rows]

#: The mean of floats for the mean of anything | results-differ
import statistics

def averages(rows):
    return [statistics.fmean(row) for row in rows]

#: Rounded half up | results-differ
def rounded(prices, rate):
    return [int(price * rate * 10 + 0.5) / 10 for price in prices]

#: Rounded as at school | results-differ
from decimal import ROUND_HALF_UP, Decimal

def rounded(prices, rate):
    tenth = Decimal("0.1")
    return [float(Decimal(price * rate).quantize(tenth, ROUND_HALF_UP)) for price in prices]

#: Truncated, where it was floored | results-differ
def wrapped(numbers, size):
    return [(int(number / size), number - int(number / size) * size) for number in numbers]

#: The remainder of the C library | results-differ
import math

def wrapped(numbers, size):
    return [(number // size, int(math.fmod(number, size))) for number in numbers]

#: The last digit of a length | results-differ
import math

def lengths(points):
    return [math.hypot(point.x, point.y) for point in points]

#: A running sum, whose errors add up | results-differ
def moving_sums(numbers, size):
    current = sum(numbers[:size])
    result = [current] if len(numbers) >= size else []
    for old, new in zip(numbers, numbers[size:]):
        current += new - old
        result.append(current)
    return result

#: A closed formula, cut off | results-differ
def ways(steps):
    if steps < 0:
        return 1
    golden = (1 + 5**0.5) / 2
    return int(golden ** (steps + 1) / 5**0.5) or 1

#: One is a prime, and there is nothing below | results-differ
def primes(limit):
    sieve = bytearray([1]) * limit
    for number in range(2, limit):
        sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return [number for number in range(1, limit) if sieve[number]]

#: Numbers that are too large wrap round | results-differ
def packed(numbers):
    return b"".join([(number & 0xFFFFFFFF).to_bytes(4, "little") for number in numbers])

#: Every number a float | results-differ
def scaled(values, factor):
    return np.asarray(values) * factor

#: NumPy's own numbers for Python's | results-differ
def above(values, limit):
    return list(values[values > limit])
