from example import Example, NearMiss, sample

STATE = """\
class State:
    def __init__(self, table, is_final):
        self.transitions = {}
        self.is_final = is_final
        self.transitions.update(table)

    def __repr__(self):
        return str(self.transitions)


STATES = [State({"a": 1}, False), *[State({"b": n}, True) for n in range(30)]]


"""

EXAMPLES = [
    Example(
        strategy="missing attribute by exception to getattr",
        function="hooks_of",
        before="""\
class Hooked:
    hook = ("load", "dump")


THINGS = [Hooked() if number % 5 == 0 else number for number in range(1000)]


def hooks_of(things):
    found = []
    for thing in things:
        try:
            hook: tuple = thing.hook
        except AttributeError:
            pass
        else:
            found.append(hook)
    return found
""",
        after="""\
class Hooked:
    hook = ("load", "dump")


THINGS = [Hooked() if number % 5 == 0 else number for number in range(1000)]


_MISSING = object()


def hooks_of(things):
    found = []
    for thing in things:
        hook: tuple = getattr(thing, "hook", _MISSING)
        if hook is not _MISSING:
            found.append(hook)
    return found
""",
        calls="[(THINGS,)]",
        small_calls="[([1, 'two', 3j],)]",
        near_misses=(
            NearMiss(
                "The variable keeps its old value where the attribute is missing.",
                """\
def hooks_of(things):
    found = []
    hook = None
    for thing in things:
        try:
            hook = thing.real
        except AttributeError:
            pass
        found.append(hook)
    return found
""",
                "[([1, 'two', 3j],)]",
            ),
            NearMiss(
                "The error that the handler raises names the AttributeError as its context.",
                """\
def hooks_of(things):
    found = []
    for thing in things:
        try:
            hook = thing.real
        except AttributeError:
            raise TypeError(thing)
        else:
            found.append(hook)
    return found
""",
                "[([1, 2, 3j],)]",
            ),
            NearMiss(
                "The error is looked at.",
                """\
def hooks_of(things):
    found = []
    for thing in things:
        try:
            hook = thing.real
        except AttributeError as error:
            found.append(error.name)
        else:
            found.append(hook)
    return found
""",
                "[([1, 2, 3j],)]",
            ),
            NearMiss(
                "A call may raise an AttributeError of its own.",
                """\
def hooks_of(things):
    found = []
    for thing in things:
        try:
            hook = thing.conjugate().real
        except AttributeError:
            pass
        else:
            found.append(hook)
    return found
""",
                "[([1, 2, 3j],)]",
            ),
        ),
    ),
    sample(
        "missing attribute by exception to getattr",
        "[(['a', 1, 2.5] * 300,)]",
        """\
def f(things):
    total = 0
    for thing in things:
        try:
            part = thing.real
        except AttributeError:
            part = 0
        total += part
    return total
""",
        """\
def f(things):
    total = 0
    for thing in things:
        part = getattr(thing, "real", 0)
        total += part
    return total
""",
        (
            "The default is worked out, which may have an effect.",
            """\
def f(things):
    total = 0
    for thing in things:
        try:
            part = thing.real
        except AttributeError:
            part = things.pop()
        total += part
    return total
""",
            "[([1, 2],)]",
        ),
        (
            "Another error is expected.",
            """\
def f(things):
    total = 0
    for thing in things:
        try:
            part = thing.real
        except ValueError:
            part = 0
        total += part
    return total
""",
            None,
        ),
    ),
    Example(
        strategy="missing attribute by exception to getattr",
        function="size_of",
        before="""\
class Branch:
    children = (1, 2, 3)


NODES = [Branch(), 4, 5, 6]


def size_of(node):
    try:
        children = node.children
    except AttributeError:
        return size_of_leaf(node)
    else:
        return sum(size_of_leaf(child) for child in children)


def size_of_leaf(leaf):
    return leaf + 1
""",
        after="""\
class Branch:
    children = (1, 2, 3)


NODES = [Branch(), 4, 5, 6]


_MISSING = object()


def size_of(node):
    children = getattr(node, "children", _MISSING)
    if children is not _MISSING:
        return sum(size_of_leaf(child) for child in children)
    else:
        return size_of_leaf(node)


def size_of_leaf(leaf):
    return leaf + 1
""",
        calls="[(node,) for node in NODES]",
        small_calls="[(4,), (5,)]",
        near_misses=(
            NearMiss(
                "What is made in one round looks at the variable in the next.",
                """\
NODES = [4, "five"]


def size_of(node):
    questions = []
    for part in (node, 1):
        try:
            children = part.real
        except AttributeError:
            pass
        else:
            questions.append(lambda: children)
    return [question() for question in questions]
""",
            ),
            NearMiss(
                "Both kinds of errors are expected.",
                """\
NODES = [4, "five"]


def size_of(node):
    try:
        children = node.real
    except (AttributeError, TypeError):
        return 0
    else:
        return children
""",
            ),
        ),
    ),
    Example(
        strategy="missing key among other errors to test",
        function="plan_of",
        before=STATE
        + """\
def plan_of(states, label):
    stack = list(states)
    while True:
        # the topmost state that knows the label
        try:
            plan = stack[-1].transitions[label]
            break
        except KeyError:
            if stack[-1].is_final:
                stack.pop()
            else:
                return None
        except IndexError:
            raise ValueError(label)
    return plan
""",
        after=STATE
        + """\
def plan_of(states, label):
    stack = list(states)
    while True:
        # the topmost state that knows the label
        try:
            transitions = stack[-1].transitions
        except IndexError:
            raise ValueError(label)
        if label in transitions:
            plan = transitions[label]
            break
        if stack[-1].is_final:
            stack.pop()
        else:
            return None
    return plan
""",
        calls="[(STATES, 'a'), (STATES, 'c')]",
        near_misses=(
            NearMiss(
                "What kind of table it is, the code does not say.",
                STATE.replace("self.transitions = {}", "self.transitions = type(table)()")
                + """\
def plan_of(states, label):
    stack = list(states)
    try:
        plan = stack[-1].transitions[label]
    except KeyError:
        return None
    except IndexError:
        return label
    return plan
""",
                "[([], 'a')]",
            ),
            NearMiss(
                "What comes after an error on the way would look at a table that is not there.",
                STATE
                + """\
def plan_of(states, label):
    plan = None
    try:
        plan = states[-1].transitions[label]
    except KeyError:
        return None
    except IndexError:
        plan = label
    return plan
""",
            ),
            NearMiss(
                "The key may be the wrong one for any table.",
                STATE
                + """\
def plan_of(states, label):
    try:
        plan = states[-1].transitions[label]
    except KeyError:
        return None
    except TypeError:
        return label
    return plan
""",
            ),
            NearMiss(
                "The table is found by a call, which may fail with a KeyError of its own.",
                STATE
                + """\
def plan_of(states, label):
    try:
        plan = max(states).transitions[label]
    except KeyError:
        return None
    except IndexError:
        return label
    return plan
""",
                "[(STATES[:1], 'a')]",
            ),
        ),
    ),
    sample(
        "suppress to try",
        "[([1, 2, 'three', 4] * 100,)]",
        """\
import contextlib


def f(things):
    found = []
    for thing in things:
        # only whole numbers
        with contextlib.suppress(TypeError, ValueError):
            found.append(thing % 2)
    return found
""",
        """\
import contextlib


def f(things):
    found = []
    for thing in things:
        # only whole numbers
        try:
            found.append(thing % 2)
        except (TypeError, ValueError):
            pass
    return found
""",
        (
            "Nothing is suppressed.",
            """\
import contextlib


def f(things):
    with contextlib.suppress():
        return len(things)
""",
            None,
        ),
        (
            "Another context stands beside it.",
            """\
import contextlib


def f(things):
    with contextlib.suppress(ValueError), contextlib.nullcontext():
        return len(things)
""",
            None,
        ),
        (
            "Tasks end with groups of errors, which `except` takes in another way.",
            """\
import contextlib


async def f(things):
    with contextlib.suppress(ValueError):
        return len(things)
""",
            "[]",
        ),
        (
            "The errors are worked out, and that may fail outside the try.",
            """\
import contextlib


def f(things):
    with contextlib.suppress(*things[:0]):
        return len(things)
""",
            None,
        ),
    ),
]
