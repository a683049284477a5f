from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="recursion remembers its parts",
        function="distance",
        before='''\
def distance(one, other, i, j):
    """Return the edit distance of one[i:] and other[j:]."""
    if i == len(one):
        return len(other) - j
    if j == len(other):
        return len(one) - i
    if one[i] == other[j]:
        return distance(one, other, i + 1, j + 1)
    # Each of the three edits costs one.
    return 1 + min(
        distance(one, other, i + 1, j),
        distance(one, other, i, j + 1),
        distance(one, other, i + 1, j + 1),
    )
''',
        after='''\
def distance(one, other, i, j):
    """Return the edit distance of one[i:] and other[j:]."""
    known = {}

    def distance_of(one, other, i, j):
        if (i, j) in known:
            return known[i, j]
        if i == len(one):
            return len(other) - j
        if j == len(other):
            return len(one) - i
        if one[i] == other[j]:
            known[i, j] = distance_of(one, other, i + 1, j + 1)
            return known[i, j]
        # Each of the three edits costs one.
        known[i, j] = 1 + min(
            distance_of(one, other, i + 1, j),
            distance_of(one, other, i, j + 1),
            distance_of(one, other, i + 1, j + 1),
        )
        return known[i, j]

    return distance_of(one, other, i, j)
''',
        calls="[('saturn', 'sundays', 0, 0), ('', 'a', 0, 0)]",
        near_misses=(
            NearMiss(
                "There is only one way to each part.",
                """\
def distance(one, other, i, j):
    if i == len(one):
        return 0
    return 1 + distance(one, other, i + 1, j)
""",
            ),
            NearMiss(
                "Each call also notes something.",
                """\
seen = []


def distance(one, other, i, j):
    seen.append(i)
    if i >= len(one) or j >= len(other):
        return 0
    return distance(one, other, i + 1, j) + distance(one, other, i, j + 1)
""",
                calls="[('ab', 'cd', 0, 0)]",
            ),
            NearMiss(
                "A remembered list would be shared, and changed.",
                """\
def distance(one, other, i, j):
    if i >= len(one) or j >= len(other):
        return []
    return distance(one, other, i + 1, j) + distance(one, other, i, j + 1)
""",
            ),
            NearMiss(
                "As keys, 2 and 2.0 are the same, but the results differ.",
                """\
def distance(one, other, i, j):
    if i < 1:
        return i
    return distance(one, other, i / 2, j) + distance(one, other, i // 2, j)
""",
                calls="[('', '', 4, 0)]",
            ),
            NearMiss(
                "Lists cannot be keys.",
                """\
def distance(one, other, i, j):
    if not one or not other:
        return 0
    return distance(one[1:], other, i, j) + distance(one, other[1:], i, j)
""",
                calls="[([1, 2], [3, 4], 0, 0)]",
            ),
            NearMiss(
                "What another function returns may differ each time.",
                """\
import random


def distance(one, other, i, j):
    if i >= len(one) or j >= len(other):
        return random.random()
    return distance(one, other, i + 1, j) + distance(one, other, i, j + 1)
""",
                calls="[('ab', 'cd', 0, 0)]",
            ),
        ),
    ),
    Example(
        strategy="recursion over slices to a loop",
        function="total",
        before="""\
def total(numbers):
    if not numbers:
        return 0
    return numbers[0] * 2 + total(numbers[1:])
""",
        after="""\
def total(numbers):
    result = 0
    for item in reversed(numbers):
        result = item * 2 + result
    return result
""",
        calls="[(list(range(150)),), ([],)]",
        near_misses=(
            NearMiss(
                "The length of what is left is used too.",
                """\
def total(numbers):
    if not numbers:
        return 0
    return numbers[0] * len(numbers) + total(numbers[1:])
""",
            ),
            NearMiss(
                "The other argument changes from level to level.",
                """\
def total(numbers, depth=0):
    if not numbers:
        return 0
    return numbers[0] * depth + total(numbers[1:], depth + 1)
""",
            ),
            NearMiss(
                "It stops at the first zero.",
                """\
def total(numbers):
    if not numbers or numbers[0] == 0:
        return 0
    return numbers[0] + total(numbers[1:])
""",
            ),
        ),
    ),
]
