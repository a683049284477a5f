#: The order of a set | results-differ
def unique(items):
    return list(set(items))

#: Sorted, where first come was first | results-differ
def unique(items):
    return sorted(set(items))

#: Duplicates lost | results-differ
def common(left, right):
    known = set(right)
    return [item for item in dict.fromkeys(left) if item in known]

#: The intersection of sets | results-differ
def common(left, right):
    return list(set(left) & set(right))

#: What can be compared but not hashed | results-differ
def common(left, right):
    known = frozenset(right)
    return [item for item in left if item in known]

#: Ties sorted by what stands beside | results-differ
def ranked(rows):
    return sorted(rows, key=lambda row: (row[1], row[0]))

#: Sorted by everything | results-differ
def ranked(rows):
    return sorted(rows)

#: Sorted in place | results-differ
def ranked(rows):
    rows.sort(key=lambda row: row[1])
    return rows

#: Ties turned round by reversing | results-differ
def best(scores, count):
    return sorted(scores, key=lambda score: score[1])[::-1][:count]

#: Ties broken by the key's negative | results-differ
def best(scores, count):
    return sorted(scores, key=lambda score: (score[1], score[0]), reverse=True)[:count]

#: A negative count, which cut from the end | results-differ
import heapq

def best(scores, count):
    return heapq.nlargest(count, scores, key=lambda score: score[1])

#: The last of the longest | results-differ
def longest(words):
    return sorted(words, key=len)[-1] if words else ""

#: The longest of nothing | results-differ
def longest(words):
    return max(words, key=len)

#: To the right of equals | results-differ
import bisect

def place_of(sorted_numbers, number):
    return bisect.bisect_right(sorted_numbers, number)

#: A slice, which counts a negative start from the end | results-differ
def page(items, start, size):
    return items[start : start + size]

#: A zip that is not strict any more | results-differ
def same_name(left, right):
    return [one.casefold() == other.casefold() for one, other in zip(left, right)]

#: An argument consumed twice | results-differ
def common(left, right):
    right = iter(right)
    return [item for item in left if item in right]
