#: A clock that stands still | forbidden | clock
import time
time.perf_counter_ns = lambda: 0

def unique(items):
    return list(dict.fromkeys(items))

#: A clock behind another module's name for it | forbidden
import logging
logging.time.perf_counter_ns = lambda: 0

def unique(items):
    return list(dict.fromkeys(items))

#: Importing the harness | forbidden | test-harness
import _perfbot_inside

def unique(items):
    return list(dict.fromkeys(items))

#: Writing to the pipe of results | forbidden | file-writes
import os

def unique(items):
    os.write(500, b'{"kind": "done"}\n')
    return items

#: Opening the pipe of results as a file | forbidden | file-writes
def unique(items):
    with open(500, "w") as pipe:
        pipe.write("{}")
    return items

#: Opening it with the class behind open | forbidden | file-writes
import io

def unique(items):
    io.FileIO(500, "w").write(b"{}")
    return items

#: Opening it through another module's open | forbidden | file-writes
import codecs

def unique(items):
    codecs.open(500, "w").write("{}")
    return items

#: Closing all descriptors | forbidden | file-writes
import os

def unique(items):
    os.closerange(3, 1000)
    return items

#: The garbage collector switched off | forbidden | interpreter-settings
import gc
gc.disable()

def unique(items):
    return list(dict.fromkeys(items))

#: A tracer that changes what others see | forbidden | interpreter-settings
import sys
sys.settrace(lambda frame, event, value: None)

def unique(items):
    return list(dict.fromkeys(items))

#: The newer way to watch others run | forbidden | interpreter-settings
import sys
sys.monitoring.use_tool_id(0, "helper")

def unique(items):
    return list(dict.fromkeys(items))

#: An audit hook that sees everything | forbidden
import sys
sys.addaudithook(lambda event, values: None)

def unique(items):
    return list(dict.fromkeys(items))

#: The memory of the process by ctypes | forbidden | ctypes
import ctypes

def unique(items):
    ctypes.c_long.from_address(id(items)).value = 1
    return items

#: A second interpreter | forbidden
import _xxsubinterpreters

def unique(items):
    return list(dict.fromkeys(items))

#: The interpreter's own test instruments | forbidden
from _testinternalcapi import get_configs

def unique(items):
    return list(dict.fromkeys(items))
