#: Another exception | results-differ
def first(items):
    return items[0]

#: Other arguments of the exception | results-differ
def first(items):
    if not items:
        raise Empty("nothing to take")
    return items[0]

#: A lost cause | results-differ
def parsed(texts):
    try:
        return [int(text) for text in texts]
    except ValueError:
        raise Empty(f"bad {texts[-1]}") from None

#: A swallowed exception | results-differ
def parsed(texts):
    return [int(text) for text in texts if text.lstrip("-").isdigit()]

#: The second condition first | results-differ
def payable(rows):
    return [row["amount"] for row in rows if int(row["amount"]) > 10 and row["open"]]

#: Both conditions asked | results-differ
def payable(rows):
    return [row["amount"] for row in rows if row["open"] & (int(row["amount"]) > 10)]

#: A print forgotten | results-differ
def shout(words):
    return len(words)

#: One line for all | results-differ
def shout(words):
    print(" ".join(words).upper())
    return len(words)

#: An empty line for nothing | results-differ
def shout(words):
    print("\n".join(words).upper())
    return len(words)

#: Printed on the other stream | results-differ
import sys

def shout(words):
    for word in words:
        print(word.upper(), file=sys.stderr)
    return len(words)

#: A warning forgotten | results-differ
def warned(value):
    log.info("looked at %s", value)
    return abs(value)

#: A warning of another kind | results-differ
def warned(value):
    if value < 0:
        warnings.warn("negative", RuntimeWarning, stacklevel=2)
    log.info("looked at %s", value)
    return abs(value)

#: A line of the log forgotten | results-differ
def warned(value):
    if value < 0:
        warnings.warn("negative", UserWarning, stacklevel=2)
    return abs(value)

#: A counter not kept | results-differ | CALLS
def tallied(items):
    return sum(1 for item in items if item)

#: A copy for the thing itself | results-differ
class Box:
    def add_all(self, others):
        self.items = [*self.items, *others]
        self.seen += 1
        return list(self.items)

#: A variable that was left alone | results-differ
class Box:
    def add_all(self, others):
        self.items += others
        return self.items

#: An attribute too many | results-differ
class Box:
    def add_all(self, others):
        self.items.extend(others)
        self.seen += 1
        self.last = others
        return self.items

#: A count kept for all boxes | results-differ
class Box:
    def add_all(self, others):
        self.items.extend(others)
        self.seen += 1
        Box.opened += 1
        return self.items

#: One block for all blocks | results-differ
def blocks(items, size):
    block = []
    for item in items:
        block.append(int(item))
        if len(block) == size:
            yield block
            block.clear()
    if block:
        yield block

#: All or nothing, where there was something before the error | results-differ
def blocks(items, size):
    numbers = [int(item) for item in items]
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]

#: A value for who asks at the end | results-differ
def squares(numbers):
    count = 0
    for number in numbers:
        count += 1
        yield number * number
    return count

#: All of them add the last | results-differ
def adders(numbers):
    return [lambda other: number + other for number in numbers]

#: Bound methods for functions | results-differ
def adders(numbers):
    return [number.__add__ for number in numbers]

#: An endless loop | timed-out
def first(items):
    while not items:
        pass
    return items[0]

#: An endless recursion | results-differ
def first(items):
    return items[0] if items else first(items)
