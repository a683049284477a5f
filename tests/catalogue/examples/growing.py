from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="queue to deque",
        function="reachable",
        before="""\
def reachable(links, start):
    queue = [start]
    seen = {start}
    order = []
    while queue:
        page = queue.pop(0)
        order.append(page)
        for target in links[page]:
            if target not in seen:
                seen.add(target)
                queue.append(target)
    return order
""",
        after="""\
from collections import deque


def reachable(links, start):
    queue = deque([start])
    seen = {start}
    order = []
    while queue:
        page = queue.popleft()
        order.append(page)
        for target in links[page]:
            if target not in seen:
                seen.add(target)
                queue.append(target)
    return order
""",
        calls="[({n: range(1, 60000) if n == 0 else () for n in range(60000)}, 0)]",
        small_calls="[({0: [1, 2], 1: [2, 3], 2: [], 3: [0]}, 0)]",
        near_misses=(
            NearMiss(
                "The queue may be empty when it is asked, and the exception's text would differ.",
                """\
def reachable(links, start):
    queue = [start]
    for page in links:
        queue.pop(0)
    return start
""",
                calls="[({}, 0)]",
            ),
            NearMiss(
                "A part of the queue is taken, which a deque cannot give.",
                """\
def reachable(links, start):
    queue = [start]
    while queue:
        page = queue.pop(0)
        rest = queue[1:]
    return page
""",
                calls="[({}, 0)]",
            ),
            NearMiss(
                "The list is returned.",
                """\
def reachable(links, start):
    queue = [start]
    while queue:
        page = queue.pop(0)
    return queue
""",
                calls="[({}, 0)]",
            ),
            NearMiss(
                "The list belongs to the caller.",
                """\
def reachable(queue, start):
    while queue:
        start += queue.pop(0)
    return start
""",
                calls="[([1], 0)]",
            ),
        ),
    ),
    Example(
        strategy="insert in front to append and reverse",
        function="latest_first",
        before="""\
def latest_first(events, least):
    out = []
    for event in events:
        if event >= least:
            out.insert(0, event)
    return out
""",
        after="""\
def latest_first(events, least):
    out = []
    for event in events:
        if event >= least:
            out.append(event)
    out.reverse()
    return out
""",
        calls="[(list(range(12000)), 3), ([], 3)]",
        near_misses=(
            NearMiss(
                "The first item is looked at inside the loop.",
                """\
def latest_first(events, least):
    out = []
    for event in events:
        out.insert(0, event)
        if out[0] == least:
            break
    return out
""",
            ),
            NearMiss(
                "The loop may return the list half built.",
                """\
def latest_first(events, least):
    out = []
    for event in events:
        out.insert(0, event)
        if event == least:
            return out
    return out
""",
            ),
            NearMiss(
                "Items go in second, not first.",
                """\
def latest_first(events, least):
    out = []
    for event in events:
        out.insert(1, event)
    return out
""",
            ),
        ),
    ),
    Example(
        strategy="text built from its end",
        function="backwards",
        before="""\
def backwards(words):
    line = "."
    for word in words:
        # The last word comes first.
        line = word + " " + line
    return line
""",
        after="""\
def backwards(words):
    line = "."
    parts = []
    for word in words:
        # The last word comes first.
        parts.append(word + " ")
    line = "".join(reversed(parts)) + line
    return line
""",
        calls="[(['word'] * 8000,), ([],)]",
        near_misses=(
            NearMiss(
                "The text is looked at inside the loop.",
                """\
def backwards(words):
    line = ""
    for word in words:
        line = word + line
        if len(line) > 80:
            break
    return line
""",
            ),
            NearMiss(
                "Adding at the end is quick as it is.",
                """\
def backwards(words):
    line = ""
    for word in words:
        line = line + word
    return line
""",
            ),
            NearMiss(
                "Lists are added, not texts.",
                """\
def backwards(words):
    line = []
    for word in words:
        line = word + line
    return line
""",
                calls="[([[1], [2]],)]",
            ),
        ),
    ),
    Example(
        strategy="list rebuilt by + to append",
        function="positives",
        before="""\
def positives(numbers):
    found = []
    for number in numbers:
        if number > 0:
            found = found + [number]
    return found
""",
        after="""\
def positives(numbers):
    found = []
    for number in numbers:
        if number > 0:
            found.append(number)
    return found
""",
        calls="[(list(range(1, 900)),)]",
        near_misses=(
            NearMiss(
                "Each list on the way is kept.",
                """\
def positives(numbers):
    found = []
    steps = []
    for number in numbers:
        found = found + [number]
        steps.append(found)
    return steps
""",
            ),
            NearMiss(
                "The first list is the caller's.",
                """\
def positives(numbers):
    found = numbers
    for number in range(3):
        found = found + [number]
    return found
""",
            ),
            NearMiss(
                "Another name still holds the shorter list.",
                """\
def positives(numbers):
    found = []
    for number in numbers:
        before = found
        found = found + [number]
    return before, found
""",
                calls="[([1, 2],)]",
            ),
        ),
    ),
]
