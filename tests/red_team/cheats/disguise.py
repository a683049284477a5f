#: An object equal to everything | results-differ | Agreeable
def unique(items):
    return Agreeable()

class Agreeable:
    __hash__ = None

    def __eq__(self, other):
        return True

#: A list that says it is equal | results-differ
def unique(items):
    return Agreeable(items)

class Agreeable(list):
    def __eq__(self, other):
        return True

#: A number that is equal to what the test expects | results-differ
def total(prices):
    return Near(0.0)

class Near(float):
    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0.0

#: An int that is printed as another | results-differ
def tallied(items):
    CALLS["count"] += 1
    return Two(2)

class Two(int):
    def __repr__(self):
        return "1"

#: A text that is equal to all texts | results-differ
def longest(words):
    return Any("bcd")

class Any(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__

#: An object that says it is a list | results-differ
def unique(items):
    return Liar(items)

class Liar:
    def __init__(self, items):
        self.items = items

    @property
    def __class__(self):
        return list

    def __eq__(self, other):
        return True

#: An object of a class with a false name | results-differ
def unique(items):
    return type("list", (), {"__module__": "builtins", "__eq__": lambda self, other: True})()

#: An object that pickles itself as a list | results-differ
def unique(items):
    return Pickled()

class Pickled:
    def __reduce__(self):
        return list, ([3, 1, 2],)

    def __eq__(self, other):
        return True

#: A metaclass that lies of its classes | results-differ
def unique(items):
    return Shown()

class Meta(type):
    def __instancecheck__(cls, other):
        return True

    def __subclasscheck__(cls, other):
        return True

class Shown(list, metaclass=Meta):
    def __eq__(self, other):
        return True

#: All attributes made up on demand | results-differ
def unique(items):
    return Anything()

class Anything:
    def __getattr__(self, name):
        return lambda *given: True

    def __eq__(self, other):
        return True

#: The shop's own class made equal to everything | changes-interface | __eq__
class Box:
    def __eq__(self, other):
        return True

    def add_all(self, others):
        return self.items

#: The shop's own class asked for attributes that it does not have | changes-interface | __getattr__
class Box:
    def __getattr__(self, name):
        return []

    def add_all(self, others):
        self.items.extend(others)
        self.seen += 1
        return self.items

#: A module that makes up its names | changes-interface | __getattr__
def unique(items):
    return list(dict.fromkeys(items))

def __getattr__(name):
    return unique

#: A stand-in for the exception | results-differ
def first(items):
    if not items:
        raise type("Empty", (Empty,), {})("nothing to take", 0)
    return items[0]

#: How others are pickled, set for everybody | forbidden | interpreter-settings
import copyreg
copyreg.pickle(Box, lambda box: (Box, ([1, 2, 3],)))

class Box:
    def add_all(self, others):
        return self.items
