from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="two-argument max or min to comparison",
        function="longest_run",
        before="""\
def longest_run(flags):
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best
""",
        after="""\
def longest_run(flags):
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        if run > best:
            best = run
    return best
""",
        calls="[([n % 9 != 0 for n in range(1000)],)]",
        near_misses=(
            NearMiss(
                "A call as argument would be made twice.",
                """\
def longest_run(flags):
    best = 0
    for flag in flags:
        best = max(best, len(str(flag)))
    return best
""",
            ),
            NearMiss(
                "One argument is a container of many.",
                """\
def longest_run(flags):
    best = 0
    for flag in flags:
        best += max(flags)
    return best
""",
            ),
            NearMiss(
                "Outside of loops a single call is not worth a harder text.",
                """\
def longest_run(flags):
    best = 0
    return max(flags, best)
""",
                calls="[(3,)]",
            ),
        ),
    ),
    Example(
        strategy="sorted, tuple or join of a generator",
        function="row",
        before="""\
def row(cells):
    return ",".join(cell[0] for cell in cells)
""",
        after="""\
def row(cells):
    return ",".join([cell[0] for cell in cells])
""",
        calls="[([str(n) for n in range(1000)],)]",
        near_misses=(
            NearMiss(
                "any stops early; a list would be built to its end.",
                """\
def row(cells):
    return any(cell.strip() for cell in cells)
""",
            ),
            NearMiss(
                "A path's join or any other object's is not text's.",
                """\
def row(cells):
    return Joiner().join(cell.strip() for cell in cells)


class Joiner:
    def join(self, cells):
        return next(cells)
""",
            ),
            NearMiss(
                "StopIteration ends a comprehension's caller, but is an error in a generator.",
                """\
def row(cells):
    return tuple(next(cell) for cell in cells)
""",
                calls="[([],)]",
            ),
        ),
    ),
    Example(
        strategy="filter of a lambda to comprehension",
        function="positive",
        before="""\
def positive(numbers):
    return list(filter(lambda number: number > 0, numbers))
""",
        after="""\
def positive(numbers):
    return [number for number in numbers if number > 0]
""",
        calls="[(list(range(-500, 500)),)]",
        near_misses=(
            NearMiss(
                "The iterator is lazy and may never be used up.",
                """\
def positive(numbers):
    return next(filter(lambda number: number > 0, numbers))
""",
            ),
            NearMiss(
                "The default makes the lambda take two values.",
                """\
def positive(numbers):
    return list(filter(lambda number, least=0: number > least, numbers))
""",
            ),
        ),
    ),
    Example(
        strategy="filter in a loop to test",
        function="public",
        before="""\
def public(pairs, hidden):
    found = []
    for name, value in filter(
        lambda item: not item[0].startswith("_") and item[0] not in hidden,
        sorted(pairs, key=lambda item: item[1]),
    ):
        found.append(f"{name}={value}")
    return found
""",
        after="""\
def public(pairs, hidden):
    found = []
    for item in sorted(pairs, key=lambda item: item[1]):
        if not item[0].startswith("_") and item[0] not in hidden:
            name, value = item
            found.append(f"{name}={value}")
    return found
""",
        calls="[([(f'_{n}' if n % 2 else f'n{n}', n) for n in range(1000)], ['n4'])]",
        near_misses=(
            NearMiss(
                "The lambda's parameter is a variable of the function.",
                """\
def public(pairs, item):
    found = []
    for name, value in filter(lambda item: item[0] != "_", pairs):
        found.append(item)
    return found
""",
            ),
            NearMiss(
                "Another function asks.",
                """\
def public(pairs, hidden):
    found = []
    for name, value in filter(None, pairs):
        found.append(name)
    return found
""",
            ),
            NearMiss(
                "The lambda takes more than an item.",
                """\
def public(pairs, hidden):
    found = []
    for name, value in filter(lambda item, last=hidden: item[0] not in last, pairs):
        found.append(name)
    return found
""",
            ),
        ),
    ),
    Example(
        strategy="filter in a loop to test",
        function="total",
        before="""\
def total(numbers, least):
    found = 0
    # large ones
    for number in filter(lambda each: each > least, numbers):
        if number == 77:
            continue
        found += number
    else:
        found += 1
    return found
""",
        after="""\
def total(numbers, least):
    found = 0
    # large ones
    for number in numbers:
        if number > least:
            if number == 77:
                continue
            found += number
    else:
        found += 1
    return found
""",
        calls="[(list(range(1000)), 500)]",
        near_misses=(
            NearMiss(
                "The loop's variable would be mistaken for one of the lambda.",
                """\
def total(numbers, least):
    found = 0
    for number in filter(lambda each: any(number < each for number in least), numbers):
        found += number
    return found
""",
                "[([1], [2])]",
            ),
            NearMiss(
                "The iterator is used elsewhere too.",
                """\
def total(numbers, least):
    large = filter(lambda each: each > least, numbers)
    for number in large:
        return number, next(large)
""",
            ),
            NearMiss(
                "The lambda waits for another function.",
                """\
def total(numbers, least):
    for number in filter(lambda each: (yield each), numbers):
        return number
""",
            ),
        ),
    ),
    Example(
        strategy="value kept in a range by comparison",
        function="share",
        before="""\
def share(part, whole):
    # between nothing and all
    return max(0.0, min(1.0, part / whole))
""",
        after="""\
def share(part, whole):
    # between nothing and all
    value = part / whole
    if not value < 1.0:
        value = 1.0
    return value if value > 0.0 else 0.0
""",
        calls="[(n / 7, 3.0) for n in range(-5, 30)] + [(float('inf'), float('inf')), (0.0, -1.0)]",
        near_misses=(
            NearMiss(
                "The bound is worked out each time.",
                """\
def share(part, whole):
    return max(-whole, min(whole, part))
""",
            ),
            NearMiss(
                "The value comes first, which decides between equal ones.",
                """\
def share(part, whole):
    return max(part, 0.0)
""",
            ),
            NearMiss(
                "The largest of several values is wanted.",
                """\
def share(part, whole):
    return max(0.0, part, whole)
""",
            ),
        ),
    ),
    Example(
        strategy="reduce to sum",
        function="total_of",
        before="""\
from functools import reduce


def total_of(amounts):
    return reduce(lambda one, other: one + other, amounts, 0)
""",
        after="""\
from functools import reduce


def total_of(amounts):
    return sum(amounts)
""",
        calls="[(list(range(1000)),)]",
        near_misses=(
            NearMiss(
                "From Python 3.12 on, sum rounds floats differently.",
                """\
from functools import reduce


def total_of(amounts):
    return reduce(lambda one, other: one + other, amounts, 0)
""",
                calls="[([0.1, 0.2],)]",
            ),
            NearMiss(
                "Without a first value, nothing to add is an error.",
                """\
from functools import reduce


def total_of(amounts):
    return reduce(lambda one, other: one + other, amounts)
""",
            ),
            NearMiss(
                "This is a difference.",
                """\
from functools import reduce


def total_of(amounts):
    return reduce(lambda one, other: one - other, amounts, 0)
""",
            ),
        ),
    ),
    Example(
        strategy="private helper inlined into a loop",
        function="energy",
        before="""\
def _square(value):
    return value * value


def energy(samples):
    total = 0
    for sample in samples:
        total += _square(sample)
    return total
""",
        after="""\
def _square(value):
    return value * value


def energy(samples):
    total = 0
    for sample in samples:
        total += sample * sample
    return total
""",
        calls="[(list(range(1000)),)]",
        near_misses=(
            NearMiss(
                "A decorator may do anything.",
                """\
import functools


@functools.cache
def _square(value):
    return value * value


def energy(samples):
    total = 0
    for sample in samples:
        total += _square(sample)
    return total
""",
            ),
            NearMiss(
                "The argument would be evaluated twice.",
                """\
def _square(value):
    return value * value


def energy(samples):
    total = 0
    while samples:
        total += _square(samples.pop())
    return total
""",
            ),
            NearMiss(
                "The helper's global name is a local variable of the caller.",
                """\
factor = 3


def _scaled(value):
    return value * factor


def energy(samples):
    factor = 1
    for sample in samples:
        factor += _scaled(sample)
    return factor
""",
            ),
            NearMiss(
                "The helper is exchanged later.",
                """\
def _square(value):
    return value * value


def energy(samples):
    total = 0
    for sample in samples:
        total += _square(sample)
    return total


_square = abs
""",
            ),
        ),
    ),
]
