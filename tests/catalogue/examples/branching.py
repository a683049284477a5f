from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="missing key by exception to get",
        function="total_of",
        before="""\
def total_of(names, prices):
    total = 0
    for name in names:
        try:
            price = prices[name]
        except KeyError:
            price = 0
        total += price
    return total
""",
        after="""\
def total_of(names, prices):
    total = 0
    for name in names:
        price = prices.get(name, 0)
        total += price
    return total
""",
        calls="[([str(n) for n in range(1000)], {str(n): n for n in range(0, 1000, 2)})]",
        near_misses=(
            NearMiss(
                "A defaultdict makes the missing value and keeps it.",
                """\
import collections


def total_of(names, prices):
    total = 0
    for name in names:
        try:
            price = prices[name]
        except KeyError:
            price = 0
        total += price
    return total
""",
                calls="[(['a'], collections.defaultdict(int))]",
            ),
            NearMiss(
                "The default does something when it is needed.",
                """\
def total_of(names, prices):
    total = 0
    for name in names:
        try:
            price = prices[name]
        except KeyError:
            price = asked(name)
        total += price
    return total


def asked(name):
    print(name)
    return 3
""",
            ),
            NearMiss(
                "A KeyError of the function that makes the key is caught as well.",
                """\
def total_of(names, prices):
    total = 0
    for name in names:
        try:
            price = prices[short(name)]
        except KeyError:
            price = 0
        total += price
    return total


def short(name):
    raise KeyError(name)
""",
            ),
        ),
    ),
    Example(
        strategy="missing key by exception to test",
        function="known",
        before="""\
def known(names, ages):
    found = []
    for name in names:
        try:
            age = ages[name]
        except KeyError:
            continue
        found.append(age)
    return found
""",
        after="""\
def known(names, ages):
    found = []
    for name in names:
        if name in ages:
            age = ages[name]
        else:
            continue
        found.append(age)
    return found
""",
        calls="[([str(n) for n in range(1000)], {str(n): n for n in range(0, 1000, 2)})]",
        near_misses=(
            NearMiss(
                "The exception that is raised instead names the KeyError as its context.",
                """\
def known(names, ages):
    for name in names:
        try:
            age = ages[name]
        except KeyError:
            raise ValueError(name)
    return age
""",
                calls="[(['0'], {'0': 3})]",
            ),
            NearMiss(
                "A list has no keys.",
                """\
def known(names, ages):
    for name in names:
        try:
            age = ages[name]
        except KeyError:
            continue
    return age
""",
                calls="[([0], [3])]",
            ),
            NearMiss(
                "What else is tried may fail with a KeyError too.",
                """\
def known(names, ages):
    found = []
    for name in names:
        try:
            age = ages[name]
            found.append(table_of(age))
        except KeyError:
            continue
    return found


def table_of(age):
    return {}[age]
""",
            ),
        ),
    ),
    Example(
        strategy="missing key by exception to test",
        function="found_in",
        before="""\
class Base:
    size = 1


class Middle(Base):
    pass


class Last(Middle):
    shape = 2


def found_in(kind, names):
    found = []
    for name in names:
        for parent in kind.__mro__:
            try:
                value = parent.__dict__[name]
            except KeyError:
                continue
            else:
                break
        else:
            continue
        found.append(value)
    return found
""",
        after="""\
class Base:
    size = 1


class Middle(Base):
    pass


class Last(Middle):
    shape = 2


def found_in(kind, names):
    found = []
    for name in names:
        for parent in kind.__mro__:
            if name in parent.__dict__:
                value = parent.__dict__[name]
                break
            else:
                continue
        else:
            continue
        found.append(value)
    return found
""",
        calls="[(Last, ['size', 'shape', 'other'])]",
        near_misses=(
            NearMiss(
                "What the else does is not all: it is done at last.",
                """\
def found_in(kind, names):
    found = []
    for name in names:
        try:
            value = kind.__dict__[name]
        except KeyError:
            continue
        else:
            found.append(value)
        finally:
            found.append(name)
    return found
""",
                "[(int, ['real'])]",
            ),
            NearMiss(
                "Any error counts as a missing key.",
                """\
def found_in(kind, names):
    found = []
    for name in names:
        try:
            value = kind.__dict__[name]
        except LookupError:
            continue
        found.append(value)
    return found
""",
                "[(int, ['real'])]",
            ),
        ),
    ),
    Example(
        strategy="missing key by exception to test",
        function="plural",
        before="""\
class Word:
    def __init__(self, lowered):
        self.lowered = lowered

    def __repr__(self):
        return self.lowered


PRONOUNS = {"i": "we", "me": "us"}
WORDS = [Word(text) for text in ("i", "you", "he", "me", "stone")]


def plural(word, end):
    try:
        return PRONOUNS[word.lowered]
    except KeyError:
        pass
    return word.lowered + end
""",
        after="""\
class Word:
    def __init__(self, lowered):
        self.lowered = lowered

    def __repr__(self):
        return self.lowered


PRONOUNS = {"i": "we", "me": "us"}
WORDS = [Word(text) for text in ("i", "you", "he", "me", "stone")]


def plural(word, end):
    if word.lowered in PRONOUNS:
        return PRONOUNS[word.lowered]
    return word.lowered + end
""",
        calls="[(word, 's') for word in WORDS]",
        near_misses=(
            NearMiss(
                "The table may be bound to something else later.",
                """\
class Word:
    lowered = "i"


PRONOUNS = {"i": "we", "me": "us"}
WORDS = [Word()]


def plural(word, end):
    try:
        return PRONOUNS[word.lowered]
    except KeyError:
        pass
    return word.lowered + end


def forget():
    global PRONOUNS
    PRONOUNS = None
""",
            ),
            NearMiss(
                "The table makes what is missing.",
                """\
import collections


class Word:
    lowered = "i"


PRONOUNS = collections.defaultdict(str)
WORDS = [Word()]


def plural(word, end):
    try:
        return PRONOUNS[word.lowered]
    except KeyError:
        pass
    return word.lowered + end
""",
            ),
        ),
    ),
    Example(
        strategy="missing key by exception to test",
        function="label_of",
        before="""\
class Grammar:
    def __init__(self):
        self.reserved = {"if": 1, "for": 2}

    def __repr__(self):
        return "Grammar"


GRAMMAR = Grammar()


def label_of(grammar, value, kind):
    if kind:
        try:
            return grammar.reserved[value]
        except KeyError:
            pass
    return kind
""",
        after="""\
class Grammar:
    def __init__(self):
        self.reserved = {"if": 1, "for": 2}

    def __repr__(self):
        return "Grammar"


GRAMMAR = Grammar()


def label_of(grammar, value, kind):
    if kind:
        if value in grammar.reserved:
            return grammar.reserved[value]
    return kind
""",
        calls="[(GRAMMAR, value, 3) for value in ('if', 'a', 'b', 'c')]",
        near_misses=(
            NearMiss(
                "The table of the object makes what is missing.",
                """\
import collections


class Grammar:
    def __init__(self):
        self.reserved = collections.defaultdict(int)


GRAMMAR = Grammar()


def label_of(grammar, value, kind):
    try:
        return grammar.reserved[value]
    except KeyError:
        pass
    return kind
""",
            ),
            NearMiss(
                "A property comes before what the object keeps under its name.",
                """\
class Grammar:
    def __init__(self):
        self.__dict__["reserved"] = {}

    @property
    def reserved(self):
        return [1, 2, 3]


GRAMMAR = Grammar()


def label_of(grammar, value, kind):
    try:
        return grammar.reserved[kind - 1]
    except KeyError:
        pass
    return kind
""",
            ),
        ),
    ),
    Example(
        strategy="test and look-up to get",
        function="total_of",
        before="""\
def total_of(names, prices):
    total = 0
    for name in names:
        if name in prices:
            total += prices[name]
        else:
            total += 1
    return total
""",
        after="""\
def total_of(names, prices):
    total = 0
    for name in names:
        total += prices.get(name, 1)
    return total
""",
        calls="[([(n, n) for n in range(1000)], {(n, n): n for n in range(1100)})]",
        near_misses=(
            NearMiss(
                "The default fails where it is not needed now.",
                """\
def total_of(names, prices):
    return [prices[name] if name in prices else 1 // len(names[:0]) for name in names]
""",
            ),
            NearMiss(
                "The test asks another table.",
                """\
def total_of(names, prices):
    other = {}
    return [prices[name] if name in other else 1 for name in names]
""",
            ),
            NearMiss(
                "A default that can be changed would be one for all.",
                """\
def total_of(names, prices):
    empty = []
    return [prices[name] if name in prices else empty for name in names]
""",
            ),
        ),
    ),
    Example(
        strategy="first-time branch of a count to get",
        function="histogram",
        before="""\
def histogram(words):
    counts = {}
    for word in words:
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1
    return counts
""",
        after="""\
def histogram(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts
""",
        calls="[([(n % 100, n % 7) for n in range(2000)],)]",
        near_misses=(
            NearMiss(
                "The first time counts differently.",
                """\
def histogram(words):
    counts = {}
    for word in words:
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 2
    return counts
""",
            ),
            NearMiss(
                "The table comes from outside: its values may be lists that += extends.",
                """\
def histogram(words, counts):
    for word in words:
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1
    return counts
""",
                calls="[(['a'], {})]",
            ),
            NearMiss(
                "Other values are put into the table as well.",
                """\
def histogram(words):
    counts = {}
    counts[words[0]] = True
    for word in words:
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1
    return counts
""",
            ),
        ),
    ),
    Example(
        strategy="chain of constants to table",
        function="rate",
        before="""\
def rate(country):
    if country == "AT":
        return 20
    elif country == "BE":
        return 21
    elif country == "CY":
        return 19
    elif country == "DE":
        return 19
    elif country == "EE":
        return 22
    else:
        return 0
""",
        after="""\
_RATE_BY_COUNTRY = {
    "AT": 20,
    "BE": 21,
    "CY": 19,
    "DE": 19,
    "EE": 22,
}


def rate(country):
    return _RATE_BY_COUNTRY.get(country, 0)
""",
        calls="[(code,) for code in ('DE', 'EE', 'FR', 'CY') * 50]",
        near_misses=(
            NearMiss(
                "An object that is equal to text need not have its hash.",
                """\
def rate(country):
    if country == "AT":
        return 20
    elif country == "BE":
        return 21
    elif country == "CY":
        return 19
    elif country == "DE":
        return 19
    else:
        return 0
""",
                calls="[(object(),)]",
            ),
            NearMiss(
                "Each call returns a list of its own.",
                """\
def rate(country):
    if country == "AT":
        return [20]
    elif country == "BE":
        return [21]
    elif country == "CY":
        return [19]
    elif country == "DE":
        return [19]
    else:
        return []
""",
            ),
            NearMiss(
                "Three branches are not worth a table.",
                """\
def rate(country):
    if country == "AT":
        return 20
    elif country == "BE":
        return 21
    elif country == "CY":
        return 19
    else:
        return 0
""",
            ),
        ),
    ),
    Example(
        strategy="invariant test out of the loop",
        function="shifted",
        before="""\
def shifted(values, mode):
    total = 0
    for value in values:
        if mode == "up":
            total += value
        else:
            total -= value
    return total
""",
        after="""\
def shifted(values, mode):
    total = 0
    if mode == "up":
        for value in values:
            total += value
    else:
        for value in values:
            total -= value
    return total
""",
        calls="[(list(range(1000)), 'down')]",
        near_misses=(
            NearMiss(
                "The mode changes on the way.",
                """\
def shifted(values, mode):
    total = 0
    for value in values:
        if mode == "up":
            total += value
            mode = "down"
        else:
            total -= value
    return total
""",
            ),
            NearMiss(
                "The test may fail, which nobody saw for an empty list.",
                """\
def shifted(values, mode):
    total = 0
    for value in values:
        if mode > 3:
            total += value
        else:
            total -= value
    return total
""",
            ),
            NearMiss(
                "Without an else the items of an iterator would be left unused.",
                """\
def shifted(values, mode):
    total = 0
    for value in values:
        if mode == "up":
            total += value
    return total
""",
                calls="[(iter([1, 2]), 'down')]",
            ),
        ),
    ),
]
