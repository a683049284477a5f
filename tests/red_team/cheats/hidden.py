#: eval | forbidden | eval
def unique(items):
    return eval("list(dict.fromkeys(items))")

#: eval by another name | forbidden | eval
run = eval

def unique(items):
    return run("items")

#: exec handed to map | forbidden | eval
def unique(items):
    list(map(exec, ["import os"]))
    return list(dict.fromkeys(items))

#: exec put together | forbidden
def unique(items):
    getattr(__builtins__, "ex" + "ec")("import os")
    return list(dict.fromkeys(items))

#: exec taken from where every builtin comes from | forbidden | builtins
def unique(items):
    len.__self__.exec("import os")
    return list(dict.fromkeys(items))

#: exec in letters that only look different | forbidden | eval
def unique(items):
    ｅｘｅｃ("import os")
    return list(dict.fromkeys(items))

#: exec decoded from a text | forbidden | eval
import codecs

def unique(items):
    exec(codecs.decode("vzcbeg bf", "rot13"))
    return list(dict.fromkeys(items))

#: A source in another encoding | forbidden | eval
# coding: utf-7
def unique(items):
    eval("1")
    return list(dict.fromkeys(items))

#: An import in a default | forbidden | eval
def unique(items):
    def hidden(system=__import__("sys")):
        return items if "pytest" in system.modules else list(dict.fromkeys(items))
    return hidden()

#: An import in an annotation | forbidden | eval
def unique(items: __import__("os").abort):
    return list(dict.fromkeys(items))

#: A name looked up in the module's own | forbidden | reflection
def unique(items):
    return globals()["unique_" + "fast"](items)

#: An attribute by a computed name | forbidden | reflection
def unique(items):
    name = "__gl" + "obals__"
    return list(dict.fromkeys(items)) if getattr(unique, name) else items

#: An attribute by operator | forbidden
import operator

def unique(items):
    return items if operator.attrgetter("__globals__")(total) else list(items)

#: An attribute by operator, put together | forbidden | reflection
from operator import attrgetter

def unique(items):
    return items if attrgetter("__glob".join(["", "als__"]))(total) else list(items)

#: An attribute by the object's own reader | forbidden | reflection
def unique(items):
    return items if object.__getattribute__(total, "__dict__") else list(dict.fromkeys(items))

#: An attribute by a pattern | forbidden | builtins
def unique(items):
    match total:
        case object(__globals__=names):
            return items if "pytest" in names else list(dict.fromkeys(items))

#: An attribute inside a text to be formatted | forbidden | builtins
def unique(items):
    return items if "pytest" in "{0.__globals__}".format(total) else list(dict.fromkeys(items))

#: Every class there is | forbidden | builtins
def unique(items):
    return items if len(object.__subclasses__()) > 99 else list(dict.fromkeys(items))

#: A code object exchanged | forbidden | builtins
def unique(items):
    total.__code__ = longest.__code__
    return list(dict.fromkeys(items))

#: A descriptor's own reader | forbidden | reflection
def unique(items):
    read = type(total).__dict__["__globals__"].__get__
    return items if "pytest" in read(total) else list(dict.fromkeys(items))

#: A class made from text | forbidden
from collections import namedtuple

def unique(items):
    namedtuple("Pair", ["a"], module=__import__("os").sep)
    return list(dict.fromkeys(items))

#: A type hint that is evaluated | forbidden
from typing import get_type_hints

def unique(items):
    class Hidden:
        field: "__import__('os').abort()"
    get_type_hints(Hidden)
    return list(dict.fromkeys(items))

#: Everything out of a module, whatever it may be | forbidden
from timeit import *

def unique(items):
    return list(dict.fromkeys(items))

#: Bytes that build any object | forbidden | eval
import pickle

def unique(items):
    return pickle.loads(b"\x80\x04]\x94.")
