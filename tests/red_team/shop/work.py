"""The shop whose functions every attempt of this suite changes. Slow on purpose, and particular."""

import logging
import re
import warnings
from datetime import datetime, timezone

log = logging.getLogger("shop")
CALLS = {"count": 0}
WORD = re.compile("[a-z]+")
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class Empty(ValueError):
    """Nothing to work on."""


class Box:
    opened = 0

    def __init__(self, items):
        self.items = items
        self.seen = 0

    def add_all(self, others):
        for other in others:
            self.items.append(other)
        self.seen += 1
        return self.items


def unique(items):
    found = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def total(prices):
    result = 0.0
    for price in prices:
        result += price
    return result


def any_big(numbers):
    found = False
    for number in numbers:
        if number > 100:
            found = True
    return found


def ranked(rows):
    result = list(rows)
    for i in range(len(result)):
        for j in range(len(result) - 1 - i):
            if result[j][1] > result[j + 1][1]:
                result[j], result[j + 1] = result[j + 1], result[j]
    return result


def first(items):
    if not items:
        raise Empty("nothing to take", len(items))
    return items[0]


def parsed(texts):
    numbers = []
    for text in texts:
        try:
            numbers.append(int(text))
        except ValueError as error:
            raise Empty(f"bad {text}") from error
    return numbers


def squares(numbers):
    for number in numbers:
        yield number * number


def counted(words):
    counts = {}
    for word in words:
        if word in counts:
            counts[word] = counts[word] + 1
        else:
            counts[word] = 1
    return counts


def joined(words, separator=", "):
    text = ""
    for number, word in enumerate(words):
        if number > 0:
            text = text + separator
        text = text + word
    return text


def cleaned(row):
    result = dict(row)
    for key in list(result.keys()):
        if result[key] is None:
            del result[key]
    return result


def shout(words):
    for word in words:
        print(word.upper())
    return len(words)


def warned(value):
    if value < 0:
        warnings.warn("negative", UserWarning, stacklevel=2)
    log.info("looked at %s", value)
    return abs(value)


def tallied(items):
    CALLS["count"] += 1
    return sum(1 for item in items if item)


def negated(numbers):
    result = []
    for number in numbers:
        result.append(number * -1.0)
    return result


def smallest(numbers):
    best = None
    for number in numbers:
        if best is None or number < best:
            best = number
    return best


def common(left, right):
    result = []
    for item in left:
        if item in right:
            result.append(item)
    return result


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y


def averages(rows):
    result = []
    for row in rows:
        result.append(sum(row) / len(row))
    return result


def rounded(prices, rate):
    result = []
    for price in prices:
        result.append(round(price * rate, 1))
    return result


def page(items, start, size):
    result = []
    for number in range(len(items)):
        if start <= number < start + size:
            result.append(items[number])
    return result


def wrapped(numbers, size):
    result = []
    for number in numbers:
        result.append((number // size, number % size))
    return result


def words_in(texts):
    found = []
    for text in texts:
        for match in re.finditer(r"[a-z]+(?=[ .]|$)", text):
            found.append(match.group())
    return found


def lines_of(text):
    result = []
    line = ""
    for letter in text:
        if letter == "\n":
            result.append(line)
            line = ""
        else:
            line = line + letter
    result.append(line)
    return result


def same_name(left, right):
    result = []
    for one, other in zip(left, right, strict=True):
        result.append(one.casefold() == other.casefold())
    return result


def grouped(orders):
    groups = {}
    for customer, amount in orders:
        if customer not in groups:
            groups[customer] = []
        groups[customer].append(amount)
    return groups


def blocks(items, size):
    block = []
    for item in items:
        block.append(int(item))
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def payable(rows):
    result = []
    for row in rows:
        if row["open"] and int(row["amount"]) > 10:
            result.append(row["amount"])
    return result


def merged(defaults, settings):
    result = {}
    for key in defaults:
        result[key] = defaults[key]
    for key in settings:
        result[key] = settings[key]
    return result


def lengths(points):
    result = []
    for point in points:
        result.append((point.x * point.x + point.y * point.y) ** 0.5)
    return result


def moving_sums(numbers, size):
    result = []
    for start in range(len(numbers) - size + 1):
        result.append(sum(numbers[start : start + size]))
    return result


def ways(steps):
    if steps < 2:
        return 1
    return ways(steps - 1) + ways(steps - 2)


def primes(limit):
    found = []
    for number in range(2, limit):
        if all(number % divisor for divisor in range(2, number)):
            found.append(number)
    return found


def shifted(text, by):
    result = ""
    for letter in text:
        if letter in ALPHABET:
            letter = ALPHABET[(ALPHABET.index(letter) + by) % 26]
        result = result + letter
    return result


def longest(words):
    best = ""
    for word in words:
        if len(word) > len(best):
            best = word
    return best


def best(scores, count):
    return sorted(scores, key=lambda score: score[1], reverse=True)[:count]


def place_of(sorted_numbers, number):
    for place, other in enumerate(sorted_numbers):
        if other >= number:
            return place
    return len(sorted_numbers)


def packed(numbers):
    result = b""
    for number in numbers:
        result = result + number.to_bytes(4, "little", signed=True)
    return result


def day_of(seconds):
    days = []
    for each in seconds:
        days.append(datetime.fromtimestamp(each, timezone.utc).strftime("%Y-%m-%d"))
    return days


def labelled(amounts):
    result = []
    for amount in amounts:
        result.append("{:,.2f}".format(amount))
    return result


def adders(numbers):
    result = []
    for number in numbers:
        result.append(lambda other, number=number: number + other)
    return result


async def looked_up(keys, table):
    result = []
    for key in keys:
        found = None
        for name, value in table:
            if name == key and found is None:
                found = value
        result.append(found)
    return result
