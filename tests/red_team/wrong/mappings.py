#: The argument itself | results-differ
def cleaned(row):
    if None not in row.values():
        return row
    return {key: value for key, value in row.items() if value is not None}

#: Everything falsy for nothing | results-differ
def cleaned(row):
    return {key: value for key, value in row.items() if value}

#: Everything equal to nothing | results-differ
def cleaned(row):
    return {key: value for key, value in row.items() if value not in (None, 0)}

#: The argument changed | results-differ
def cleaned(row):
    for key in [key for key, value in row.items() if value is None]:
        del row[key]
    return dict(row)

#: A Counter for a dictionary | results-differ
from collections import Counter

def counted(words):
    return Counter(words)

#: Another order of keys | results-differ
def counted(words):
    return {word: words.count(word) for word in sorted(set(words))}

#: A dictionary that answers what it does not hold | results-differ
from collections import defaultdict

def grouped(orders):
    groups = defaultdict(list)
    for customer, amount in orders:
        groups[customer].append(amount)
    return groups

#: One list for all | results-differ
def grouped(orders):
    groups = dict.fromkeys([customer for customer, _ in orders], [])
    for customer, amount in orders:
        groups[customer].append(amount)
    return groups

#: Groups that need a sorted input | results-differ
from itertools import groupby

def grouped(orders):
    return {key: [amount for _, amount in rows] for key, rows in groupby(orders, lambda row: row[0])}

#: The defaults win | results-differ
def merged(defaults, settings):
    return settings | defaults

#: Changed in place | results-differ
def merged(defaults, settings):
    defaults.update(settings)
    return defaults

#: The settings' keys first | results-differ
def merged(defaults, settings):
    return {**settings, **defaults, **settings}

#: The last of namesakes for the first | results-differ
async def looked_up(keys, table):
    found = dict(table)
    return [found.get(key) for key in keys]

#: Found, but nothing | results-differ
async def looked_up(keys, table):
    found = {}
    for name, value in table:
        found.setdefault(name, value)
    return [found[key] if key in found else "" for key in keys]
