from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="list rebuilt for each item to append",
        function="squares",
        before="""\
def squares(numbers):
    found = []
    for number in numbers:
        found = found + [number * number]
    return found
""",
        after="""\
def squares(numbers):
    found = []
    for number in numbers:
        found.append(number * number)
    return found
""",
        calls="[(list(range(500)),)]",
        near_misses=(
            NearMiss(
                "Every prefix is kept, and each must stay as it is.",
                """\
def squares(numbers):
    found = []
    prefixes = []
    for number in numbers:
        found = found + [number]
        prefixes.append(found)
    return prefixes
""",
            ),
            NearMiss(
                "The list is the caller's, which must not change.",
                """\
def squares(numbers):
    found = numbers
    for number in [1, 2]:
        found = found + [number]
    return found
""",
            ),
            NearMiss(
                "A second name holds the empty list.",
                """\
def squares(numbers):
    found = []
    empty = found
    for number in numbers:
        found = found + [number]
    return found, empty
""",
            ),
        ),
    ),
    Example(
        strategy="tuple rebuilt for each item to list",
        function="squares",
        before="""\
def squares(numbers):
    found = ()
    for number in numbers:
        if number % 2:
            found += (number * number,)
    return found
""",
        after="""\
def squares(numbers):
    found = []
    for number in numbers:
        if number % 2:
            found.append(number * number)
    found = tuple(found)
    return found
""",
        calls="[(list(range(1000)),)]",
        near_misses=(
            NearMiss(
                "The tuple is returned from inside the loop.",
                """\
def squares(numbers):
    found = ()
    for number in numbers:
        found += (number,)
        if number > 5:
            return found
    return found
""",
            ),
            NearMiss(
                "The tuple is looked at on the way.",
                """\
def squares(numbers):
    found = ()
    for number in numbers:
        found += (number + len(found),)
    return found
""",
            ),
            NearMiss(
                "An error on the way leaves what was found so far.",
                """\
def squares(numbers):
    found = ()
    try:
        for number in numbers:
            found += (1 // number,)
    except ZeroDivisionError:
        pass
    return found
""",
            ),
        ),
    ),
    Example(
        strategy="bytes rebuilt for each piece to bytearray",
        function="glued",
        before="""\
def glued(pieces):
    data = b""
    for piece in pieces:
        data += piece
    return data
""",
        after="""\
def glued(pieces):
    data = bytearray()
    for piece in pieces:
        data += piece
    data = bytes(data)
    return data
""",
        calls="[([b'0123456789' * 5] * 1000,)]",
        near_misses=(
            NearMiss(
                "A bytearray takes lists of numbers, where bytes raise TypeError.",
                """\
def glued(pieces):
    data = b""
    for piece in pieces:
        data += piece
    return data
""",
                calls="[([[1, 2]],)]",
            ),
            NearMiss(
                "The bytes are a dict's key on the way.",
                """\
def glued(pieces):
    data = b""
    seen = {}
    for piece in pieces:
        data += piece
        seen[data] = piece
    return seen
""",
            ),
        ),
    ),
    Example(
        strategy="text rebuilt for each piece to join",
        function="shout",
        before="""\
def shout(words):
    text = ""
    for word in words:
        if word:
            text += word.upper()
    return text
""",
        after="""\
def shout(words):
    text = "".join([word.upper() for word in words if word])
    return text
""",
        calls="[([str(n) for n in range(1000)],)]",
        near_misses=(
            NearMiss(
                "What was added so far is looked at.",
                """\
def shout(words):
    text = ""
    for word in words:
        if word not in text:
            text += word.upper()
    return text
""",
            ),
            NearMiss(
                "The pieces may be anything that can be added to text.",
                """\
def shout(words):
    text = ""
    for word in words:
        text += word.upper()
    return text
""",
                calls="[([b'a'],)]",
            ),
            NearMiss(
                "The last word is used after the loop.",
                """\
def shout(words):
    text = ""
    for word in words:
        text += word.upper()
    return text + word
""",
            ),
        ),
    ),
    Example(
        strategy="constant fill by multiplication",
        function="zeros",
        before="""\
def zeros(rows, columns):
    return [[0 for _ in range(columns)] for _ in range(rows)]
""",
        after="""\
def zeros(rows, columns):
    return [[0] * columns for _ in range(rows)]
""",
        calls="[(50, 60)]",
        near_misses=(
            NearMiss(
                "All rows would be the same list.",
                """\
def zeros(rows, columns):
    return [[] for _ in range(rows)]
""",
            ),
            NearMiss(
                "Each value is made anew.",
                """\
def zeros(rows, columns):
    return [object() for _ in range(rows)]
""",
            ),
            NearMiss(
                "A range over something that only acts like an integer.",
                """\
def zeros(rows, columns):
    return [0 for _ in range(rows)]
""",
                calls="[(True, 3)]",
            ),
        ),
    ),
    Example(
        strategy="insertion at the front to reversal",
        function="newest_first",
        before="""\
def newest_first(events):
    found = []
    for event in events:
        if event % 3:
            found.insert(0, event)
    return found
""",
        after="""\
def newest_first(events):
    found = []
    for event in events:
        if event % 3:
            found.append(event)
    found.reverse()
    return found
""",
        calls="[(list(range(1000)),)]",
        near_misses=(
            NearMiss(
                "The first item is looked at on the way.",
                """\
def newest_first(events):
    found = []
    for event in events:
        if not found or found[0] < event:
            found.insert(0, event)
    return found
""",
            ),
            NearMiss(
                "Some items go to the end.",
                """\
def newest_first(events):
    found = []
    for event in events:
        if event % 3:
            found.insert(0, event)
        else:
            found.append(event)
    return found
""",
            ),
        ),
    ),
    Example(
        strategy="concatenation chain to f-string",
        function="keys",
        before="""\
def keys(names, kind):
    return [kind + ":" + name + "/" for name in names]
""",
        after="""\
def keys(names, kind):
    return [f"{kind}:{name}/" for name in names]
""",
        calls="[([str(n) for n in range(1000)], 'user')]",
        near_misses=(
            NearMiss(
                "Lists can be added as well.",
                """\
def keys(names, kind):
    return [kind + name + name + kind for name in names]
""",
                calls="[([[1]], [2])]",
            ),
            NearMiss(
                "Two texts are as fast with a plus.",
                """\
def keys(names, kind):
    return [kind + name for name in names]
""",
            ),
            NearMiss(
                "A class of its own may add differently.",
                """\
class Path(str):
    def __add__(self, other):
        return Path("/".join([self, other]))


def keys(names, kind):
    root = Path(kind)
    return [root + ":" + name + "/" for name in names]
""",
            ),
        ),
    ),
]
