#: Ending the process well at the import | forbidden | exit-handlers
import os
os._exit(0)

def unique(items):
    return list(dict.fromkeys(items))

#: Ending the interpreter at the import | forbidden | exit
import sys
sys.exit(0)

def unique(items):
    return list(dict.fromkeys(items))

#: Leaving by an exception that nobody reads for | crashed
raise SystemExit(0)

def unique(items):
    return list(dict.fromkeys(items))

#: Leaving by another name of quit | forbidden | exit
LEAVE = [quit]

def unique(items):
    LEAVE[0]()

#: Skipping the tests at the import | forbidden | test-harness
import pytest
pytest.skip("not today", allow_module_level=True)

def unique(items):
    return list(dict.fromkeys(items))

#: Skipping them by the way of unittest | forbidden | test-harness
from unittest import SkipTest
raise SkipTest

def unique(items):
    return list(dict.fromkeys(items))

#: Killing oneself before anything is written | forbidden | exit-handlers
import signal
signal.raise_signal(signal.SIGKILL)

def unique(items):
    return list(dict.fromkeys(items))

#: Something to do when the interpreter ends | forbidden | exit-handlers
import atexit
atexit.register(print)

def unique(items):
    return list(dict.fromkeys(items))

#: Something to do when an object ends, which is the end of all | forbidden | exit-handlers
import weakref

class Last:
    pass

weakref.finalize(Last, print)

def unique(items):
    return list(dict.fromkeys(items))
