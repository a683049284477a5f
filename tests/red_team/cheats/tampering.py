#: A builtin exchanged | forbidden | builtins
import builtins
builtins.len = lambda items: 3

def unique(items):
    return list(dict.fromkeys(items))

#: A module put in another's place | forbidden | builtins
import sys
sys.modules["json"] = None

def unique(items):
    return list(dict.fromkeys(items))

#: A hook at every import | forbidden | builtins
import sys
sys.meta_path.insert(0, None)

def unique(items):
    return list(dict.fromkeys(items))

#: Another module's function exchanged | forbidden | builtins
from shop import grid
grid.scaled = lambda values, factor: values

def unique(items):
    return list(dict.fromkeys(items))

#: A function of the library exchanged by another name for it | results-differ | logging.getLevelName
import logging
for each in [logging]:
    each.getLevelName = lambda level: "?"

def unique(items):
    return list(dict.fromkeys(items))

#: A method of a library's class exchanged | forbidden | builtins
from fractions import Fraction
Fraction.__eq__ = lambda self, other: True

def unique(items):
    return list(dict.fromkeys(items))

#: A method exchanged by the class of all classes | forbidden | reflection
from fractions import Fraction
type.__setattr__(Fraction, "limit", 3)

def unique(items):
    return list(dict.fromkeys(items))

#: Attributes set by their names | forbidden | reflection
def unique(items):
    setattr(total, "seen", items)
    return list(dict.fromkeys(items))

#: Warnings silenced for everybody | forbidden | interpreter-settings
warnings.simplefilter("ignore")

def warned(value):
    log.info("looked at %s", value)
    return abs(value)

#: Logs silenced for everybody | forbidden | interpreter-settings
logging.disable()

def warned(value):
    if value < 0:
        warnings.warn("negative", UserWarning, stacklevel=2)
    return abs(value)

#: A logger silenced after its first line | results-differ
def warned(value):
    if value < 0:
        warnings.warn("negative", UserWarning, stacklevel=2)
    log.info("looked at %s", value)
    log.disabled = True
    return abs(value)

#: A handler that swallows every record | forbidden | interpreter-settings
logging.setLoggerClass(logging.Logger)

def warned(value):
    return abs(value)

#: Random numbers that are known beforehand | forbidden | interpreter-settings
import random
random.seed(4)

def unique(items):
    return list(dict.fromkeys(items))

#: Another precision for everybody | forbidden
import decimal
decimal.getcontext().prec = 3

def unique(items):
    return list(dict.fromkeys(items))

#: A deeper stack for everybody | forbidden | interpreter-settings
import sys
sys.setrecursionlimit(100_000)

def ways(steps):
    return 1 if steps < 2 else ways(steps - 1) + ways(steps - 2)

#: A new dependency | forbidden | fastunique
import fastunique

def unique(items):
    return fastunique.unique(items)
