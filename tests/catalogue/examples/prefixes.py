from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="sums of slices to prefix sums",
        function="windows",
        before="""\
def windows(numbers):
    best = 0
    for i in range(len(numbers)):
        for j in range(i, len(numbers)):
            best = max(best, sum(numbers[i : j + 1]))
    return best
""",
        after="""\
from itertools import accumulate


def windows(numbers):
    best = 0
    sums = [0, *accumulate(numbers)]
    for i in range(len(numbers)):
        for j in range(i, len(numbers)):
            best = max(best, sums[j + 1] - sums[i])
    return best
""",
        calls="[([n * 7919 % 101 - 50 for n in range(150)],), ([],)]",
        near_misses=(
            NearMiss(
                "Differences of float sums round otherwise.",
                """\
def windows(numbers):
    return [sum(numbers[:i]) for i in range(len(numbers))]
""",
                calls="[([0.1, 0.2],)]",
            ),
            NearMiss(
                "The list changes inside the loop.",
                """\
def windows(numbers):
    for i in range(len(numbers)):
        numbers[i] = sum(numbers[:i])
    return numbers
""",
            ),
            NearMiss(
                "The bound may be negative and then counts from the end.",
                """\
def windows(numbers):
    return [sum(numbers[:i]) for i in range(-2, len(numbers))]
""",
            ),
            NearMiss(
                "The lower bound may be above the upper one.",
                """\
def windows(numbers):
    best = 0
    for i in range(len(numbers)):
        for j in range(len(numbers)):
            best = max(best, sum(numbers[i:j]))
    return best
""",
            ),
        ),
    ),
    Example(
        strategy="extremes of prefixes to a running value",
        function="drawdowns",
        before="""\
def drawdowns(prices):
    found = []
    for i in range(len(prices)):
        peak = max(prices[: i + 1])
        found.append(peak - prices[i])
    return found
""",
        after="""\
from itertools import accumulate


def drawdowns(prices):
    found = []
    highest = list(accumulate(prices, max))
    for i in range(len(prices)):
        peak = highest[i]
        found.append(peak - prices[i])
    return found
""",
        calls="[([n * 7919 % 101 for n in range(400)],), ([],)]",
        near_misses=(
            NearMiss(
                "The first part is empty and has no greatest item.",
                """\
def drawdowns(prices):
    return [max(prices[:i]) for i in range(1, len(prices))]
""",
            ),
            NearMiss(
                "The prices change inside the loop.",
                """\
def drawdowns(prices):
    for i in range(len(prices)):
        prices[i] = max(prices[: i + 1])
    return prices
""",
            ),
            NearMiss(
                "The part does not begin at the start.",
                """\
def drawdowns(prices):
    return [max(prices[1 : i + 1]) for i in range(1, len(prices))]
""",
            ),
        ),
    ),
    Example(
        strategy="sum of a growing list kept beside it",
        function="fill",
        before="""\
def fill(weights, limit):
    packed = []
    for weight in weights:
        if sum(packed) + weight <= limit:
            packed.append(weight)
    return packed
""",
        after="""\
def fill(weights, limit):
    packed = []
    packed_total = 0
    for weight in weights:
        if packed_total + weight <= limit:
            packed.append(weight)
            packed_total += packed[-1]
    return packed
""",
        calls="[([n % 7 for n in range(600)], 1500)]",
        near_misses=(
            NearMiss(
                "Items are taken out again.",
                """\
def fill(weights, limit):
    packed = []
    for weight in weights:
        packed.append(weight)
        if sum(packed) > limit:
            packed.pop(0)
    return packed
""",
            ),
            NearMiss(
                "Since Python 3.12, sum adds floats more exactly than a loop does.",
                """\
def fill(weights, limit):
    packed = []
    for weight in weights:
        if sum(packed) + weight <= limit:
            packed.append(weight)
    return packed
""",
                calls="[([0.5, 0.25], 1)]",
            ),
            NearMiss(
                "The list is handed to another function, which may change it.",
                """\
def fill(weights, limit):
    packed = []
    for weight in weights:
        if sum(packed) + weight <= limit:
            packed.append(weight)
            trim(packed)
    return packed


def trim(weights):
    del weights[5:]
""",
            ),
        ),
    ),
    Example(
        strategy="unchanged aggregate out of the loop",
        function="normalized",
        before="""\
def normalized(numbers):
    found = []
    for number in numbers:
        found.append(number * 100 // max(numbers))
    return found
""",
        after="""\
def normalized(numbers):
    found = []
    greatest = max(numbers, default=None)
    for number in numbers:
        found.append(number * 100 // greatest)
    return found
""",
        calls="[([n * 7919 % 101 for n in range(300)],), ([],)]",
        near_misses=(
            NearMiss(
                "The numbers change inside the loop.",
                """\
def normalized(numbers):
    for i in range(len(numbers)):
        numbers[i] -= min(numbers)
    return numbers
""",
            ),
            NearMiss(
                "The numbers may be empty, which the loop would not have met.",
                """\
def normalized(numbers, wanted=()):
    return [number - min(numbers) for number in wanted]
""",
            ),
            NearMiss(
                "Outside a loop it is computed once anyway.",
                """\
def normalized(numbers):
    return max(numbers) - min(numbers)
""",
            ),
            NearMiss(
                "Each round gets a copy of its own.",
                """\
def normalized(numbers):
    return [sorted(numbers) for number in numbers]
""",
            ),
        ),
    ),
]
