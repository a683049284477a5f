from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="counting loop to count",
        function="occurrences",
        before="""\
def occurrences(names, wanted):
    n = 0
    for name in names:
        if name == wanted:
            n += 1
    return n
""",
        after="""\
def occurrences(names, wanted):
    n = 0
    n += names.count(wanted)
    return n
""",
        calls="[([str(n % 7) for n in range(1000)], '3')]",
        near_misses=(
            NearMiss(
                "NaN is in the list but not equal to itself; count takes identity for equality.",
                """\
def occurrences(names, wanted):
    n = 0
    for name in names:
        if name == wanted:
            n += 1
    return n
""",
                calls="[([1.0, float('nan')], 1.0)]",
            ),
            NearMiss(
                "Text counts substrings, not characters equal to the wanted text.",
                """\
def occurrences(names, wanted):
    n = 0
    for name in names:
        if name == wanted:
            n += 1
    return n
""",
                calls="[('abcab', 'ab')]",
            ),
            NearMiss(
                "What is looked for changes with the count.",
                """\
def occurrences(numbers, wanted):
    n = 0
    for number in numbers:
        if number == n:
            n += 1
    return n
""",
                calls="[([1, 2, 3], 1)]",
            ),
        ),
    ),
    Example(
        strategy="adding loop to sum",
        function="total_of",
        before="""\
def total_of(amounts):
    total = 0
    for amount in amounts:
        total += amount
    return total
""",
        after="""\
def total_of(amounts):
    total = 0
    total += sum(amounts)
    return total
""",
        calls="[(list(range(1000)),)]",
        near_misses=(
            NearMiss(
                "From Python 3.12 on, sum rounds floats differently from adding one by one.",
                """\
def total_of(amounts):
    total = 0
    for amount in amounts:
        total += amount
    return total
""",
                calls="[([0.1, 0.2],)]",
            ),
            NearMiss(
                "A file of numbers that were read is no container: it may fail on the way.",
                """\
def total_of(amounts):
    total = 0
    for amount in amounts:
        total += amount
    return total
""",
                calls="[(iter([1, 2]),)]",
            ),
            NearMiss(
                "sum means something else here.",
                """\
def total_of(amounts):
    total = 0
    for amount in amounts:
        total += amount
    return total


def sum(values):
    return 42
""",
            ),
        ),
    ),
    Example(
        strategy="stop once decided",
        function="has_negative",
        before="""\
def has_negative(numbers):
    found = False
    for number in numbers:
        if number < 0:
            found = True
    return found
""",
        after="""\
def has_negative(numbers):
    found = False
    for number in numbers:
        if number < 0:
            found = True
            break
    return found
""",
        calls="[(list(range(500)) + [-1] + list(range(500)),)]",
        near_misses=(
            NearMiss(
                "A generator would be left half used.",
                """\
def has_negative(numbers):
    found = False
    for number in numbers:
        if number < 0:
            found = True
    return found
""",
                calls="[(iter([1, -1, 3]),)]",
            ),
            NearMiss(
                "A later comparison may fail, which must be seen.",
                """\
def has_negative(numbers):
    found = False
    for number in numbers:
        if number < 0:
            found = True
    return found
""",
                calls="[([1, None],)]",
            ),
            NearMiss(
                "The last hit counts, not the first.",
                """\
def has_negative(numbers):
    found = None
    for number in numbers:
        if number < 0:
            found = number
    return found
""",
            ),
        ),
    ),
    Example(
        strategy="look-ups by key to values",
        function="total_of",
        before="""\
def total_of(stock):
    total = 0
    for name in stock:
        total += stock[name]
    return total
""",
        after="""\
def total_of(stock):
    total = 0
    for value in stock.values():
        total += value
    return total
""",
        calls="[({(n, n): n for n in range(1000)},)]",
        near_misses=(
            NearMiss(
                "The values are changed on the way.",
                """\
def total_of(stock):
    for name in stock:
        stock[name] += 1
        stock[name] *= stock[name]
    return stock
""",
            ),
            NearMiss(
                "A function that is called may change the table.",
                """\
def total_of(stock):
    total = 0
    for name in stock:
        total += checked(stock[name])
    return total


def checked(value):
    return value
""",
            ),
            NearMiss(
                "The values are looked up in another table.",
                """\
def total_of(stock):
    total = 0
    other = {}
    for name in stock:
        total += other[name]
    return total
""",
                calls="[({},)]",
            ),
        ),
    ),
]
