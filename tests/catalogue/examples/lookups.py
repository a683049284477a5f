from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="search loop to membership",
        function="common",
        before="""\
def common(ours, theirs):
    both = set()
    for name in ours:
        # Is it there too?
        for other in theirs:
            if name == other:
                both.add(name)
    return sorted(both)
""",
        after="""\
def common(ours, theirs):
    both = set()
    for name in ours:
        # Is it there too?
        if name in theirs:
            both.add(name)
    return sorted(both)
""",
        calls="[(list(range(0, 400, 2)), list(range(0, 400, 3)))]",
        near_misses=(
            NearMiss(
                "Each match counts.",
                """\
def common(ours, theirs):
    both = 0
    for name in ours:
        for other in theirs:
            if name == other:
                both += 1
    return both
""",
            ),
            NearMiss(
                "A list takes each match, and a match twice.",
                """\
def common(ours, theirs):
    both = []
    for name in ours:
        for other in theirs:
            if name == other:
                both.append(name)
    return both
""",
            ),
            NearMiss(
                "What was found last is used after the loop.",
                """\
def common(ours, theirs):
    found = False
    for other in theirs:
        if other == ours:
            found = True
            break
    return found, other
""",
                calls="[(1, [1, 2])]",
            ),
            NearMiss(
                "NaN is in a list, though it equals nothing.",
                """\
def common(ours, theirs):
    both = set()
    for name in ours:
        for other in theirs:
            if name == other:
                both.add(name)
    return sorted(both)
""",
                calls="[([1.0], [1.0])]",
            ),
        ),
    ),
    Example(
        strategy="any equality to membership",
        function="missing",
        before="""\
def missing(wanted, stock):
    lost = []
    for name in wanted:
        if not any(item == name for item in stock):
            lost.append(name)
    return lost
""",
        after="""\
def missing(wanted, stock):
    lost = []
    for name in wanted:
        if not (name in stock):
            lost.append(name)
    return lost
""",
        calls="[([str(n) for n in range(100)], [str(n) for n in range(0, 200, 3)])]",
        near_misses=(
            NearMiss(
                "The items are only considered when they are not empty.",
                """\
def missing(wanted, stock):
    return [name for name in wanted if not any(item == name for item in stock if item)]
""",
            ),
            NearMiss(
                "NaN is in a list, though it equals nothing.",
                """\
def missing(wanted, stock):
    return [name for name in wanted if not any(item == name for item in stock)]
""",
                calls="[([1.0], [1.0])]",
            ),
            NearMiss(
                "Smaller is not equal.",
                """\
def missing(wanted, stock):
    return [name for name in wanted if not any(item < name for item in stock)]
""",
            ),
        ),
    ),
    Example(
        strategy="index in loop to positions",
        function="ranks",
        before="""\
def ranks(names, order):
    found = []
    for name in names:
        found.append(order.index(name))
    return found
""",
        after="""\
def ranks(names, order):
    found = []
    positions = {item: place for place, item in reversed(list(enumerate(order)))}
    for name in names:
        found.append(positions[name] if name in positions else order.index(name))
    return found
""",
        calls="[([str(n) for n in range(300)], [str(n % 400) for n in range(500)])]",
        near_misses=(
            NearMiss(
                "The list changes between the searches.",
                """\
def ranks(names, order):
    found = []
    for name in names:
        found.append(order.index(name))
        order.remove(name)
    return found
""",
            ),
            NearMiss(
                "A search from a given place on is another question.",
                """\
def ranks(names, order):
    return [order.index(name, 0) for name in names]
""",
            ),
            NearMiss(
                "In a text, index finds more than single items.",
                """\
def ranks(names, order):
    return [order.index(name) for name in names]
""",
                calls="[(['ab'], 'cab')]",
            ),
        ),
    ),
    Example(
        strategy="count in loop to Counter",
        function="unique",
        before="""\
def unique(names):
    return [name for name in names if names.count(name) == 1]
""",
        after="""\
from collections import Counter


def unique(names):
    names_counts = Counter(names)
    return [name for name in names if names_counts[name] == 1]
""",
        calls="[([str(n % 200) for n in range(300)],)]",
        near_misses=(
            NearMiss(
                "The list changes between the counts.",
                """\
def unique(names):
    for name in ["1", "2"]:
        if names.count(name) > 1:
            names.remove(name)
    return names
""",
            ),
            NearMiss(
                "In a text, longer parts can be counted than single characters.",
                """\
def unique(names):
    return [part for part in ("an", "na") if names.count(part) == 1]
""",
                calls="[('banana',)]",
            ),
            NearMiss(
                "Lists are not hashable.",
                """\
def unique(names):
    return [name for name in names if names.count(name) == 1]
""",
                calls="[([[1], [2]],)]",
            ),
        ),
    ),
]
