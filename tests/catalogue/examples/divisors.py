from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="trial division to the square root",
        function="is_prime",
        before="""\
def is_prime(n):
    if n < 2:
        return False
    for k in range(2, n):
        if n % k == 0:
            return False
    return True
""",
        after="""\
import math


def is_prime(n):
    if n < 2:
        return False
    for k in range(2, math.isqrt(n) + 1):
        if n % k == 0:
            return False
    return True
""",
        calls="[(n,) for n in (1, 2, 3, 4, 9, 25, 7919)]",
        near_misses=(
            NearMiss(
                "All divisors are counted.",
                """\
def is_prime(n):
    count = 0
    for k in range(2, n):
        if n % k == 0:
            count += 1
    return count == 0
""",
            ),
            NearMiss(
                "The divisor itself is the result.",
                """\
def is_prime(n):
    for k in range(2, n):
        if n % k == 0:
            return k
    return 0
""",
            ),
            NearMiss(
                "4 has no divisor below 4 // 2, so this is another question.",
                """\
def is_prime(n):
    for k in range(2, n // 2):
        if n % k == 0:
            return False
    return True
""",
            ),
            NearMiss(
                "The last divisor tried is used after the loop.",
                """\
def is_prime(n):
    prime = True
    for k in range(2, n):
        if n % k == 0:
            prime = False
            break
    return prime, k
""",
                calls="[(5,)]",
            ),
        ),
    ),
    Example(
        strategy="skip even divisors",
        function="is_prime",
        before="""\
import math


def is_prime(n):
    if n < 2:
        return False
    for k in range(2, math.isqrt(n) + 1):
        if n % k == 0:
            return False
    return True
""",
        after="""\
import math
from itertools import chain


def is_prime(n):
    if n < 2:
        return False
    for k in chain(range(2, math.isqrt(n) + 1)[:1], range(3, math.isqrt(n) + 1, 2)):
        if n % k == 0:
            return False
    return True
""",
        calls="[(n,) for n in (1, 2, 3, 4, 9, 25, 1000003)]",
        near_misses=(
            NearMiss(
                "The first divisor itself is the result.",
                """\
def is_prime(n):
    for k in range(2, int(n ** 0.5) + 1):
        if n % k == 0:
            return k
    return n
""",
            ),
            NearMiss(
                "From 3 on, 4 may be the first divisor.",
                """\
def is_prime(n):
    for k in range(3, int(n ** 0.5) + 1):
        if n % k == 0:
            return False
    return True
""",
            ),
            NearMiss(
                "The number that is divided shrinks by more than the divisor.",
                """\
def is_prime(n):
    k = 2
    while k * k <= n:
        if n % k == 0:
            n -= 1
        else:
            k += 1
    return n
""",
            ),
        ),
    ),
    Example(
        strategy="divisors in pairs",
        function="divisors_of",
        before="""\
def divisors_of(n):
    found = []
    for i in range(1, n + 1):
        if n % i == 0:
            found.append(i)
    return found
""",
        after="""\
import math


def divisors_of(n):
    found = []
    divisors = [each for each in range(1, math.isqrt(max(n, 0)) + 1) if n % each == 0]
    divisors += [n // each for each in reversed(divisors) if each * each < n]
    for i in divisors:
        if n % i == 0:
            found.append(i)
    return found
""",
        calls="[(n,) for n in (0, -4, 1, 2, 12, 36, 5040)]",
        near_misses=(
            NearMiss(
                "The bound has nothing to do with the number.",
                """\
def divisors_of(n):
    found = []
    for i in range(1, 100):
        if n % i == 0:
            found.append(i)
    return found
""",
            ),
            NearMiss(
                "What is divided changes inside the loop.",
                """\
def divisors_of(n):
    found = []
    for i in range(1, n + 1):
        if n % i == 0:
            found.append(i)
            n = n // i
    return found
""",
            ),
            NearMiss(
                "The other numbers matter too.",
                """\
def divisors_of(n):
    found = []
    for i in range(1, n + 1):
        if n % i == 0:
            found.append(i)
        else:
            found.append(0)
    return found
""",
            ),
        ),
    ),
]
