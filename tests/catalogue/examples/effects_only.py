from example import Example, NearMiss, sample

EXAMPLES = [
    sample(
        "comprehension for its effects to loop",
        "[([Node(n) for n in range(200)], 'root')]",
        """\
class Node:
    def __init__(self, number):
        self.number = number
        self.parent = None

    def __repr__(self):
        return f"Node({self.number}, {self.parent})"


def f(nodes, parent):
    [setattr(node, "parent", parent) for node in nodes]
    return [node.parent for node in nodes]
""",
        """\
class Node:
    def __init__(self, number):
        self.number = number
        self.parent = None

    def __repr__(self):
        return f"Node({self.number}, {self.parent})"


def f(nodes, parent):
    for node in nodes:
        node.parent = parent
    return [node.parent for node in nodes]
""",
        (
            "The name of the attribute is only known at run time.",
            """\
class Node:
    def __init__(self, number):
        self.number = number


def f(nodes, parent):
    [setattr(each, parent, parent) for each in nodes]
    return len(nodes)
""",
            None,
        ),
        (
            "The list is kept.",
            """\
class Node:
    def __init__(self, number):
        self.number = number


def f(nodes, parent):
    done = [setattr(each, "parent", parent) for each in nodes]
    return done
""",
            None,
        ),
        (
            "The variable of the comprehension is a parameter.",
            """\
class Node:
    def __init__(self, number):
        self.number = number


def f(nodes, parent):
    [setattr(parent, "parent", 1) for parent in nodes]
    return parent
""",
            None,
        ),
    ),
    Example(
        strategy="iterator advanced by next",
        function="consume",
        before="""\
import itertools
from collections import deque


class Numbers:
    def __init__(self):
        self.last = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.last += 1
        if self.last > 5:
            raise StopIteration
        return self.last

    def __repr__(self):
        return f"Numbers at {self.last}"


def consume(iterator, n):
    deque(itertools.islice(iterator, n), maxlen=0)
""",
        after="""\
import itertools
from collections import deque


class Numbers:
    def __init__(self):
        self.last = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.last += 1
        if self.last > 5:
            raise StopIteration
        return self.last

    def __repr__(self):
        return f"Numbers at {self.last}"


def consume(iterator, n):
    if n is None:
        deque(iterator, maxlen=0)
    else:
        next(itertools.islice(iterator, n, n), None)
""",
        calls="[(enumerate('some text that is read'), n) for n in (0, 1, 2, 5)]",
        small_calls="[(Numbers(), 3), (Numbers(), None), (Numbers(), 0), (Numbers(), 9)]",
        near_misses=(
            NearMiss(
                "The last item is kept.",
                """\
import itertools
from collections import deque


def consume(iterator, n):
    return deque(itertools.islice(iterator, n), maxlen=1)
""",
            ),
            NearMiss(
                "Not every item is skipped.",
                """\
import itertools
from collections import deque


def consume(iterator, n):
    deque(itertools.islice(iterator, 0, n, 2), maxlen=0)
""",
            ),
            NearMiss(
                "This deque is another class.",
                """\
import itertools


class deque:
    def __init__(self, items, maxlen):
        print(list(items))


def consume(iterator, n):
    deque(itertools.islice(iterator, n), maxlen=0)
""",
            ),
        ),
    ),
    sample(
        "extend by a generator to comprehension",
        "[([[n, n + 1, n + 2] for n in range(200)],)]",
        """\
def f(rows):
    found = []
    for row in rows:
        found.extend((item, len(row)) for item in row)
    return found
""",
        """\
def f(rows):
    found = []
    for row in rows:
        found.extend([(item, len(row)) for item in row])
    return found
""",
        (
            "The generator looks at the list while it grows.",
            """\
def f(rows):
    found = []
    for row in rows:
        found.extend((item, len(found)) for item in row)
    return found
""",
            None,
        ),
        (
            "What an error leaves in the list is seen.",
            """\
def f(rows):
    found = []
    try:
        for row in rows:
            found.extend(1 // item for item in row)
    except ZeroDivisionError:
        pass
    return found
""",
            None,
        ),
        (
            "The list is the caller's.",
            """\
def f(rows):
    rows.extend([1] for row in rows[:2])
    return rows
""",
            None,
        ),
    ),
]
