from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="first of sorted to min or max",
        function="longest",
        before="""\
def longest(words):
    return sorted(words, key=lambda word: (-len(set(word)), word))[0]
""",
        after="""\
def longest(words):
    return min(words, key=lambda word: (-len(set(word)), word))
""",
        calls="[([str(n * 7919 % 10007) for n in range(3000)],)]",
        near_misses=(
            NearMiss(
                "Of equal keys, max gives the first item and sorted the last.",
                """\
def longest(words):
    return sorted(words, key=len)[-1]
""",
            ),
            NearMiss(
                "With a NaN among floats, sorted and min differ.",
                """\
def longest(words):
    return sorted(words)[0]
""",
                calls="[([1.5, 0.5],)]",
            ),
            NearMiss(
                "For an empty list, the exception that is caught here would be another.",
                """\
def longest(words):
    try:
        return sorted(words)[0]
    except IndexError:
        return None
""",
            ),
            NearMiss(
                "The second item is no extreme.",
                """\
def longest(words):
    return sorted(words)[1]
""",
            ),
        ),
    ),
    Example(
        strategy="few of sorted by heap",
        function="podium",
        before="""\
def podium(scores):
    return sorted(scores, reverse=True)[:3]
""",
        after="""\
import heapq


def podium(scores):
    return heapq.nlargest(3, scores)
""",
        calls="[([n * 7919 % 100003 for n in range(20000)],), ([2, 1],), ([],)]",
        near_misses=(
            NearMiss(
                "How many are wanted is not known: it may be negative.",
                """\
def podium(scores, count=3):
    return sorted(scores, reverse=True)[:count]
""",
            ),
            NearMiss(
                "All but the best are wanted.",
                """\
def podium(scores):
    return sorted(scores, reverse=True)[3:]
""",
            ),
            NearMiss(
                "With a NaN among floats, the two differ.",
                """\
def podium(scores):
    return sorted(scores, reverse=True)[:3]
""",
                calls="[([1.5, 0.5],)]",
            ),
        ),
    ),
    Example(
        strategy="sort after append to insort",
        function="medians",
        before="""\
def medians(numbers):
    ordered = []
    found = []
    for number in numbers:
        ordered.append(number)
        ordered.sort()
        found.append(ordered[len(ordered) // 2])
    return found
""",
        after="""\
import bisect


def medians(numbers):
    ordered = []
    found = []
    for number in numbers:
        bisect.insort(ordered, number)
        found.append(ordered[len(ordered) // 2])
    return found
""",
        calls="[([n * 7919 % 100003 for n in range(2000)],)]",
        near_misses=(
            NearMiss(
                "The list is not sorted at first.",
                """\
def medians(numbers):
    ordered = [3, 1, 2]
    for number in numbers:
        ordered.append(number)
        ordered.sort()
    return ordered
""",
            ),
            NearMiss(
                "Another line puts items at the end.",
                """\
def medians(numbers):
    ordered = []
    for number in numbers:
        ordered.append(number)
        ordered.sort()
        ordered.append(0)
    return ordered
""",
            ),
            NearMiss(
                "The order is another than insort's.",
                """\
def medians(numbers):
    ordered = []
    for number in numbers:
        ordered.append(number)
        ordered.sort(reverse=True)
    return ordered
""",
            ),
        ),
    ),
    Example(
        strategy="min and max of a shrinking list",
        function="by_turns",
        before="""\
def by_turns(numbers):
    found, low = [], True
    while numbers:
        found.append(min(numbers) if low else max(numbers))
        numbers.remove(found[-1])
        low = not low
    return found
""",
        after="""\
def by_turns(numbers):
    found, low = [], True
    numbers.sort()
    while numbers:
        found.append(numbers[0] if low else numbers[-1])
        numbers.remove(found[-1])
        low = not low
    return found
""",
        calls="[([n * 7919 % 100003 for n in range(400)],), ([],), ([2, 1, 2],)]",
        near_misses=(
            NearMiss(
                "The list may be left half empty, in its own order.",
                """\
def by_turns(numbers):
    found = []
    while numbers:
        found.append(min(numbers))
        numbers.remove(found[-1])
        if found[-1] > 100:
            break
    return found
""",
            ),
            NearMiss(
                "The first item matters too.",
                """\
def by_turns(numbers):
    found = []
    while numbers:
        found.append(min(numbers) + numbers[0])
        numbers.remove(min(numbers))
    return found
""",
            ),
            NearMiss(
                "New items come in unsorted.",
                """\
def by_turns(numbers):
    found = []
    while numbers:
        found.append(min(numbers))
        numbers.remove(found[-1])
        if len(found) < 5:
            numbers.append(7)
    return found
""",
            ),
        ),
    ),
    Example(
        strategy="bubble sort to sort",
        function="ranked",
        before="""\
def ranked(scores):
    n = len(scores)
    for i in range(n):
        for j in range(0, n - i - 1):
            if scores[j] > scores[j + 1]:
                scores[j], scores[j + 1] = scores[j + 1], scores[j]
    return scores
""",
        after="""\
def ranked(scores):
    n = len(scores)
    scores.sort()
    return scores
""",
        calls="[([n * 7919 % 100003 for n in range(150)],), ([],), ([1],)]",
        near_misses=(
            NearMiss(
                "One pass does not sort.",
                """\
def ranked(scores):
    n = len(scores)
    for i in range(1):
        for j in range(0, n - i - 1):
            if scores[j] > scores[j + 1]:
                scores[j], scores[j + 1] = scores[j + 1], scores[j]
    return scores
""",
            ),
            NearMiss(
                "Swaps are counted as well.",
                """\
def ranked(scores):
    n = len(scores)
    swaps = 0
    for i in range(n):
        for j in range(0, n - i - 1):
            if scores[j] > scores[j + 1]:
                scores[j], scores[j + 1] = scores[j + 1], scores[j]
                swaps += 1
    return swaps
""",
            ),
            NearMiss(
                "With a NaN among floats, the two differ.",
                """\
def ranked(scores):
    n = len(scores)
    for i in range(n):
        for j in range(0, n - i - 1):
            if scores[j] > scores[j + 1]:
                scores[j], scores[j + 1] = scores[j + 1], scores[j]
    return scores
""",
                calls="[([1.5, 0.5],)]",
            ),
        ),
    ),
]
