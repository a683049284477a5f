"""The part of the shop that no tool likes: it forks, waits, recurses and hands out what it should not."""

import os
import socket
import sqlite3
import threading


def halved(number):
    steps = 0
    while number != 1:  # never, for zero
        number = number // 2 if number % 2 == 0 else number * 3 + 1
        steps += 1
    return steps


def deep(number):
    if number == 0:  # never, below zero
        return 0
    return 1 + deep(number - 1)


def forked(number):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return number + 1


def twice_returned(number):
    """Return in the parent and in the child, which then goes on as if it were the only one."""
    return number + 1 if os.fork() else -1


def connected(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return "closed"
    return "open"


def plug():
    return sqlite3.connect(":memory:")


def locked(name):
    return {"name": name, "lock": threading.Lock()}


def ring(length):
    first = []
    last = first
    for _ in range(length):
        last.append([])
        last = last[0]
    last.append(first)
    return first


def multiplier(number):
    return lambda other: other * number


def held(lock, number):
    with lock:
        return number + 1


def drained(numbers):
    total = 0
    for number in numbers:
        total = total + number
    return total


def first_line(stream):
    for line in stream:
        return line
    return ""


def received(connection):
    return connection.total_changes >= 0


def stubborn(number):
    """Catch everything, also what should end it."""
    while True:
        try:
            return sum(range(number % 1000))
        except BaseException:
            continue
