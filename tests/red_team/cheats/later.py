#: A thread that goes on working | forbidden | threads
import threading

def unique(items):
    threading.Thread(target=list, args=(items,)).start()
    return items

#: A thread without threading | forbidden | threads
import _thread

def unique(items):
    _thread.start_new_thread(list, (items,))
    return items

#: A pool in the background | forbidden | threads
from concurrent.futures import ThreadPoolExecutor

def unique(items):
    return ThreadPoolExecutor().submit(list, items).result()

#: A child process | forbidden | processes
import os

def unique(items):
    return items if os.fork() else list(dict.fromkeys(items))

#: A program that does it | forbidden | processes
import subprocess

def unique(items):
    subprocess.Popen(["sort"])
    return list(dict.fromkeys(items))

#: An alarm that rings later | forbidden | exit-handlers
import signal

def unique(items):
    signal.alarm(1)
    return list(dict.fromkeys(items))

#: A list that works when it is read | results-differ | Lazy
def unique(items):
    return Lazy(items)

class Lazy(list):
    def __iter__(self):
        return iter(dict.fromkeys(list.__iter__(self)))

#: A generator for a list | results-differ
def unique(items):
    return (each for each in dict.fromkeys(items))

#: A list for a generator | changes-interface | generator
def squares(numbers):
    return [number * number for number in numbers]

#: A generator that a plain function hands out | changes-interface | generator
def squares(numbers):
    return map(_squared, numbers)

def _squared(number):
    return number * number

#: A box that fills itself when somebody looks | results-differ
class Box:
    def add_all(self, others):
        self.waiting = others
        self.seen += 1
        return self.items

#: A property in the place of what was stored | changes-interface | Box
class Box:
    @property
    def seen(self):
        return self._seen

    @seen.setter
    def seen(self, value):
        self._seen = value

    def add_all(self, others):
        self.items.extend(others)
        self.seen += 1
        return self.items

#: The rest is left to the garbage collector | results-differ
def tallied(items):
    later = Later()
    later.itself = later
    return sum(1 for item in items if item)

class Later:
    def __del__(self):
        CALLS["count"] += 1

#: A coroutine that is never awaited | forbidden | threads
import asyncio

async def looked_up(keys, table):
    asyncio.get_running_loop().call_later(9, dict, table)
    return [dict(reversed(table)).get(key) for key in keys]
