from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="arithmetic series in closed form",
        function="average",
        before="""\
def average(low, high):
    if high < low:
        return -1
    total = 0
    for number in range(low, high + 1):
        total += number
    return total / (high - low + 1)
""",
        after="""\
def average(low, high):
    if high < low:
        return -1
    total = max((high + 1) - low, 0) * (low + (high + 1) - 1) // 2
    return total / (high - low + 1)
""",
        calls="[(1, 200), (-7, 90), (5, 4), (5, 5)]",
        near_misses=(
            NearMiss(
                "A float sum rounds at every step.",
                """\
def average(low, high):
    total = 0.0
    for number in range(low, high + 1):
        total += number
    return total
""",
            ),
            NearMiss(
                "The last number is used after the loop.",
                """\
def average(low, high):
    total = 0
    for number in range(low, high + 1):
        total += number
    return total / number
""",
                calls="[(1, 5)]",
            ),
            NearMiss(
                "What is added grows with what was added.",
                """\
def average(low, high):
    total = 0
    for number in range(low, high + 1):
        total += total
    return total
""",
            ),
        ),
    ),
    Example(
        strategy="sum of a range in closed form",
        function="sum_to_n",
        before="""\
def sum_to_n(n):
    return sum(range(n + 1))
""",
        after="""\
def sum_to_n(n):
    return max(n, 0) * (n + 1) // 2
""",
        calls="[(300,), (0,), (-5,), (1,)]",
        near_misses=(
            NearMiss(
                "A start value is added too.",
                """\
def sum_to_n(n):
    return sum(range(n + 1), n)
""",
            ),
            NearMiss(
                "The step is not known.",
                """\
def sum_to_n(n):
    return sum(range(0, 100, n or 1))
""",
            ),
            NearMiss(
                "Not all numbers are added.",
                """\
def sum_to_n(n):
    return sum(i for i in range(n + 1) if i % 3)
""",
            ),
        ),
    ),
    Example(
        strategy="product of a range by factorial",
        function="factorials",
        before="""\
def factorials(n):
    found = []
    for i in range(n + 1):
        product = 1
        for j in range(1, i + 1):
            product *= j
        found.append(product)
    return found
""",
        after="""\
import math


def factorials(n):
    found = []
    for i in range(n + 1):
        product = math.factorial(max(i, 0))
        found.append(product)
    return found
""",
        calls="[(60,), (-1,), (0,)]",
        near_misses=(
            NearMiss(
                "The product is a float and rounds at every step.",
                """\
def factorials(n):
    product = 1.0
    for j in range(1, n + 1):
        product *= j
    return product
""",
            ),
            NearMiss(
                "The steps between are used.",
                """\
def factorials(n):
    product = 1
    found = []
    for j in range(1, n + 1):
        product *= j
        found.append(product)
    return found
""",
            ),
            NearMiss(
                "The squares are multiplied.",
                """\
def factorials(n):
    product = 1
    for j in range(1, n + 1):
        product *= j * j
    return product
""",
            ),
        ),
    ),
    Example(
        strategy="power loop to pow",
        function="mod_power",
        before="""\
def mod_power(n, p):
    result = 1
    for _ in range(n):
        result = (2 * result) % p
    return result
""",
        after="""\
def mod_power(n, p):
    result = pow(2, n, p) if n > 0 else 1
    return result
""",
        calls="[(900, 97), (0, 5), (-3, 7), (6, -7), (3, 1)]",
        near_misses=(
            NearMiss(
                "It does not start at 1.",
                """\
def mod_power(n, p):
    result = 3
    for _ in range(n):
        result = (2 * result) % p
    return result
""",
            ),
            NearMiss(
                "The factor changes with the round.",
                """\
def mod_power(n, p):
    result = 1
    for i in range(n):
        result = (i * result) % p
    return result
""",
            ),
            NearMiss(
                "With floats, each step rounds.",
                """\
def mod_power(n, p):
    result = 1
    for _ in range(n):
        result = (2 * result) % p
    return result
""",
                calls="[(9, 9.7)]",
            ),
        ),
    ),
    Example(
        strategy="power modulo by pow",
        function="encrypt",
        before="""\
def encrypt(message, key, modulus):
    return [letter ** key % modulus for letter in message]
""",
        after="""\
def encrypt(message, key, modulus):
    return [(pow(letter, key, modulus) if key >= 0 else letter ** key % modulus) for letter in message]
""",
        calls="[([3, 65, 1021, 77], 857, 3233)]",
        near_misses=(
            NearMiss(
                "Floats cannot be raised modulo something.",
                """\
def encrypt(message, key, modulus):
    return [letter ** key % modulus for letter in message]
""",
                calls="[([1.5], 3, 10)]",
            ),
            NearMiss(
                "A fixed small power is quick as it is.",
                """\
def encrypt(message, key, modulus):
    return [letter ** 2 % modulus for letter in message]
""",
            ),
            NearMiss(
                "The power is divided, not reduced.",
                """\
def encrypt(message, key, modulus):
    return [letter ** key // modulus for letter in message]
""",
            ),
        ),
    ),
    Example(
        strategy="greatest common divisor by gcd",
        function="gcd",
        before="""\
def gcd(a, b):
    for i in range(min(a, b), 0, -1):
        if a % i == 0 and b % i == 0:
            return i
    return 0
""",
        after="""\
import math


def gcd(a, b):
    if min(a, b) > 0:
        return math.gcd(a, b)
    return 0
""",
        calls="[(12, 18), (0, 4), (-4, 6), (7, 7), (3600, 3601)]",
        near_misses=(
            NearMiss(
                "Upwards, the first common divisor is 1.",
                """\
def gcd(a, b):
    for i in range(1, min(a, b) + 1):
        if a % i == 0 and b % i == 0:
            return i
    return 0
""",
            ),
            NearMiss(
                "One divisor is enough here.",
                """\
def gcd(a, b):
    for i in range(min(a, b), 0, -1):
        if a % i == 0 or b % i == 0:
            return i
    return 0
""",
            ),
            NearMiss(
                "The search stops at 2.",
                """\
def gcd(a, b):
    for i in range(min(a, b), 1, -1):
        if a % i == 0 and b % i == 0:
            return i
    return 0
""",
            ),
        ),
    ),
]
