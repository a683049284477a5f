from example import Example, NearMiss

FIELD = """\
import copy


class Field:
    def __init__(self, name, size):
        self.name = name
        self.size = size

    def __repr__(self):
        return f"Field({self.name!r}, {self.size})"
"""

EXAMPLES = [
    Example(
        strategy="copy of a plain object by its attributes",
        function="twins",
        before=FIELD
        + """

FIELDS = [Field(str(n), n) for n in range(10)]


def twin_name(field):
    return field.name


def twins(field, again):
    # one with the same attributes
    other = copy.copy(field)
    other.size += again
    return other.name, other.size, field.size
""",
        after=FIELD
        + """

FIELDS = [Field(str(n), n) for n in range(10)]


def twin_name(field):
    return field.name


def twins(field, again):
    # one with the same attributes
    cls = type(field)
    other = cls.__new__(cls)
    other.__dict__.update(field.__dict__)
    other.size += again
    return other.name, other.size, field.size
""",
        calls="[(field, 1) for field in FIELDS]",
        near_misses=(
            NearMiss(
                "The class says what of an object is kept.",
                FIELD
                + """
    def __getstate__(self):
        return {"name": self.name, "size": 0}


FIELDS = [Field("a", 1)]


def twins(field, again):
    other = copy.copy(field)
    return other.name, again
""",
            ),
            NearMiss(
                "A slot is not in the __dict__.",
                FIELD
                + """

class Slotted(Field):
    __slots__ = ("place",)


FIELDS = [Field("a", 1), Slotted("b", 2)]


def twins(field, again):
    other = copy.copy(field)
    return other.name, again
""",
            ),
            NearMiss(
                "A list of one's own has items besides its attributes.",
                """\
import copy


class Fields(list):
    pass


FIELDS = [Fields([1, 2])]


def twins(field, again):
    other = copy.copy(field)
    return len(other), again
""",
            ),
            NearMiss(
                "The variable may hold something else by then.",
                FIELD
                + """

FIELDS = [Field("a", 1)]


def twins(field, again):
    field = [field]
    other = copy.copy(field)
    return len(other), again
""",
            ),
        ),
    ),
    Example(
        strategy="copy of a plain object by its attributes",
        function="twin",
        before="""\
from copy import copy


class Field:
    def __eq__(self, other):
        return vars(self) == vars(other)

    def __repr__(self):
        return "Field"


FIELD = Field()
FIELD.size = 3


def twin(field):
    return copy(field)
""",
        after="""\
from copy import copy


class Field:
    def __eq__(self, other):
        return vars(self) == vars(other)

    def __repr__(self):
        return "Field"


FIELD = Field()
FIELD.size = 3


def twin(field):
    cls = type(field)
    copied = cls.__new__(cls)
    copied.__dict__.update(field.__dict__)
    return copied
""",
        calls="[(FIELD,)]",
        near_misses=(
            NearMiss(
                "The class has a copy of its own.",
                """\
from copy import copy


class Field:
    def __copy__(self):
        return self


FIELD = Field()


def twin(field):
    return copy(field)
""",
            ),
            NearMiss(
                "This copy is another function.",
                """\
class Field:
    pass


FIELD = Field()


def copy(field):
    return field


def twin(field):
    return copy(field)
""",
            ),
        ),
    ),
]
