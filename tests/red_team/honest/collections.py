#: dict.fromkeys
def unique(items):
    return list(dict.fromkeys(items))

#: A set beside the list
def unique(items):
    seen = set()
    add = seen.add
    return [item for item in items if not (item in seen or add(item))]

#: A stable sort
def ranked(rows):
    return sorted(rows, key=lambda row: row[1])

#: A stable sort by itemgetter
from operator import itemgetter

def ranked(rows):
    return sorted(rows, key=itemgetter(1))

#: A key made once for the module
import operator
_SECOND = operator.itemgetter(1)

def best(scores, count):
    return sorted(scores, key=_SECOND, reverse=True)[:count]

#: A heap where a few of many are wanted
from heapq import nlargest

def best(scores, count):
    if 0 <= count < len(scores):
        return nlargest(count, scores, key=lambda score: score[1])
    return sorted(scores, key=lambda score: score[1], reverse=True)[:count]

#: A set for looking up
def common(left, right):
    try:
        known = set(right)
        return [item for item in left if item in known]
    except TypeError:
        return [item for item in left if item in right]

#: max with a key
def longest(words):
    return max(words, key=len, default="")

#: A dictionary comprehension
def cleaned(row):
    return {key: value for key, value in row.items() if value is not None}

#: get with a default
def counted(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts

#: A Counter made a plain dictionary
from collections import Counter

def counted(words):
    return dict(Counter(words))

#: setdefault
def grouped(orders):
    groups = {}
    for customer, amount in orders:
        groups.setdefault(customer, []).append(amount)
    return groups

#: A defaultdict made a plain dictionary, imported where it is used
def grouped(orders):
    from collections import defaultdict
    groups = defaultdict(list)
    for customer, amount in orders:
        groups[customer].append(amount)
    return dict(groups)

#: Unpacking
def merged(defaults, settings):
    return {**defaults, **settings}

#: A slice with its ends looked after
def page(items, start, size):
    return list(items[max(start, 0) : max(start + size, 0)])

#: An index built once per call
async def looked_up(keys, table):
    first = {}
    for name, value in table:
        if first.get(name) is None:
            first[name] = value
    return [first.get(key) for key in keys]

#: A comprehension with a guard
def payable(rows):
    return [row["amount"] for row in rows if row["open"] and int(row["amount"]) > 10]

#: A binary search, where comparing is what it was
from bisect import bisect_left

def place_of(sorted_numbers, number):
    place = bisect_left(sorted_numbers, number)
    if all(map(operator_le, sorted_numbers, sorted_numbers[1:])):
        return place
    return next((at for at, other in enumerate(sorted_numbers) if other >= number), len(sorted_numbers))

def operator_le(one, other):
    return one <= other
