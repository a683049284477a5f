from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="index loop to direct iteration",
        function="net_total",
        before="""\
def net_total(prices):
    total = 0
    for i in range(len(prices)):
        if prices[i] > 0:
            total += prices[i]
    return total
""",
        after="""\
def net_total(prices):
    total = 0
    for price in prices:
        if price > 0:
            total += price
    return total
""",
        calls="[(list(range(-100, 1000)),)]",
        near_misses=(
            NearMiss(
                "The index itself is used too.",
                """\
def net_total(prices):
    total = 0
    for i in range(len(prices)):
        total += prices[i] * i
    return total
""",
            ),
            NearMiss(
                "The list grows while it is read; the length was fixed before.",
                """\
def net_total(prices):
    for i in range(len(prices)):
        prices.append(prices[i])
    return prices
""",
            ),
            NearMiss(
                "An unknown function may change the list.",
                """\
def net_total(prices):
    total = 0
    for i in range(len(prices)):
        total += on_price(prices[i])
    return total


def on_price(price):
    return price
""",
            ),
            NearMiss(
                "The function's own list grows while it is read.",
                """\
def net_total(prices):
    own = [price for price in prices]
    for i in range(len(own)):
        own.append(own[i])
    return own
""",
            ),
            NearMiss(
                "The function's own list is exchanged item by item.",
                """\
def net_total(prices):
    own = [price for price in prices]
    for i in range(len(own)):
        own[-1], last = on_price(own[i]), i
    return own


def on_price(price):
    return price
""",
            ),
            NearMiss(
                "The index is returned after the loop.",
                """\
def net_total(prices):
    for i in range(len(prices)):
        if prices[i] > 7:
            break
    return i
""",
            ),
            NearMiss(
                "The items are stored to.",
                """\
def net_total(prices):
    for i in range(len(prices)):
        prices[i] += 1
    return prices
""",
            ),
        ),
    ),
    Example(
        strategy="parallel indices to zip",
        function="distance",
        before="""\
def distance(ours, theirs):
    different = 0
    for i in range(min(len(ours), len(theirs))):
        if ours[i] != theirs[i]:
            different += 1
    return different
""",
        after="""\
def distance(ours, theirs):
    different = 0
    for our, their in zip(ours, theirs):
        if our != their:
            different += 1
    return different
""",
        calls="[('abcdefghij' * 100, 'abcdefghij' * 120)]",
        near_misses=(
            NearMiss(
                "A second list that is too short is an error, which zip would hide.",
                """\
def distance(rates, weights):
    total = 0.0
    for i in range(len(rates)):
        total += rates[i] * weights[i]
    return total
""",
            ),
            NearMiss(
                "The index is used for more than the two look-ups.",
                """\
def distance(rates, weights):
    total = 0.0
    for i in range(min(len(rates), len(weights))):
        total += rates[i] * weights[i] * i
    return total
""",
            ),
        ),
    ),
    Example(
        strategy="counting while to range",
        function="alternating",
        before="""\
def alternating(values):
    total = 0
    i = 0
    while i < len(values):
        total += values[i] if i % 2 else -values[i]
        i += 1
    return total
""",
        after="""\
def alternating(values):
    total = 0
    for i in range(len(values)):
        total += values[i] if i % 2 else -values[i]
    return total
""",
        calls="[(list(range(1000)),)]",
        near_misses=(
            NearMiss(
                "The counter is read after the loop, where range leaves one less.",
                """\
def alternating(values):
    i = 0
    while i < len(values):
        if values[i] > 10:
            break
        i += 1
    return i
""",
            ),
            NearMiss(
                "The list gets longer on the way, and the loop with it.",
                """\
def alternating(values):
    i = 0
    while i < len(values):
        if values[i] > 3000:
            values.append(values[i] - 2000)
        i += 1
    return values
""",
            ),
            NearMiss(
                "A continue skips the step.",
                """\
def alternating(values):
    total = 0
    i = 0
    while i < len(values):
        if i in total_of(values):
            continue
        total += i
        i += 1
    return total


def total_of(values):
    return ()
""",
            ),
            NearMiss(
                "The counter also moves inside.",
                """\
def alternating(values):
    total = 0
    i = 0
    while i < len(values):
        if values[i] > 3:
            i += 1
        total += 1
        i += 1
    return total
""",
            ),
        ),
    ),
    Example(
        strategy="copying loop to extend",
        function="flat",
        before="""\
def flat(rows):
    found = []
    for row in rows:
        for cell in row:
            found.append(cell)
    return found
""",
        after="""\
def flat(rows):
    found = []
    for row in rows:
        found.extend(row)
    return found
""",
        calls="[([list(range(20)) for _ in range(200)],)]",
        near_misses=(
            NearMiss(
                "A generator may look at the list that is being filled.",
                """\
def flat(rows):
    found = []
    for cell in rows:
        found.append(cell)
    return found
""",
                calls="[(iter([1, 2]),)]",
            ),
            NearMiss(
                "The last item is used afterwards.",
                """\
def flat(rows):
    found = []
    cell = None
    for cell in rows:
        found.append(cell)
    return found, cell
""",
            ),
            NearMiss(
                "The receiver is no list.",
                """\
class Log:
    def __init__(self):
        self.lines = []

    def append(self, line):
        self.lines.insert(0, line)


def flat(rows):
    log = Log()
    for row in rows:
        log.append(row)
    return log.lines
""",
            ),
        ),
    ),
    Example(
        strategy="append loop to comprehension",
        function="filled",
        before="""\
def filled(words):
    # Only what is worth a line.
    kept = []
    for word in words:
        if word:
            kept.append(word)
    return kept
""",
        after="""\
def filled(words):
    # Only what is worth a line.
    kept = [word for word in words if word]
    return kept
""",
        calls="[([n % 10 for n in range(2000)],)]",
        near_misses=(
            NearMiss(
                "The list is looked at while it grows.",
                """\
def filled(words, least=1):
    kept = []
    for word in words:
        if word not in kept:
            kept.append(word)
    return kept
""",
            ),
            NearMiss(
                "What was found before the error is returned.",
                """\
def filled(words, least=1):
    kept = []
    try:
        for word in words:
            kept.append(word / least)
    except ZeroDivisionError:
        pass
    return kept
""",
            ),
            NearMiss(
                "A nested function sees the list while it grows.",
                """\
def filled(words, least=1):
    kept = []

    def size():
        return len(kept)

    for word in words:
        kept.append(word + size())
    return kept
""",
            ),
            NearMiss(
                "The loop's variable is used afterwards.",
                """\
def filled(words, least=1):
    kept = []
    for word in words:
        kept.append(word + least)
    return kept, word
""",
            ),
            NearMiss(
                "The value has a name that is used once more.",
                """\
def filled(words, least=1):
    kept = []
    for word in words:
        longer = word + least
        kept.append(longer)
    return kept, longer
""",
            ),
            NearMiss(
                "Another name holds the same list.",
                """\
def filled(words, least=1):
    kept = []
    same = kept
    for word in words:
        kept.append(word + len(same))
    return kept
""",
            ),
        ),
    ),
]
