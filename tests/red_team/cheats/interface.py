#: The function bound once more | changes-interface | number of other bindings
def unique(items):
    return list(dict.fromkeys(items))

def other(items):
    return items

unique = other

#: The function bound once more by a loop | changes-interface | number of other bindings
def unique(items):
    return list(dict.fromkeys(items))

def other(items):
    return items

for unique in [other]:
    pass

#: The function deleted and made up | changes-interface
def unique(items):
    return list(dict.fromkeys(items))

def other(items):
    return items

try:
    del unique
finally:
    unique = other

#: Behind a decorator | changes-interface | decorators
def once(function):
    return function

@once
def unique(items):
    return list(dict.fromkeys(items))

#: A switch that callers do not know | changes-interface | parameters
def unique(items, fast=True):
    return list(dict.fromkeys(items))

#: A default that keeps a memo | changes-interface | parameters
def unique(items, known={}):
    return known.setdefault(repr(items), list(dict.fromkeys(items)))

#: Another default | changes-interface | parameters
def joined(words, separator=","):
    return separator.join(words)

#: A parameter that may only be positional | changes-interface | parameters
def joined(words, /, separator=", "):
    return separator.join(words)

#: Not to be awaited any more | changes-interface | kind
def looked_up(keys, table):
    return [dict(reversed(table)).get(key) for key in keys]

#: A class bound once more | changes-interface | Empty
def first(items):
    return items[0]

Empty = IndexError

#: What was imported under a name exchanged | results-differ | day_of
def unique(items):
    return list(dict.fromkeys(items))

from shop.grid import np as datetime
