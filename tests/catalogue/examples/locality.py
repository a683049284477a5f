from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="attribute total kept in a local",
        function="Account.load",
        before="""\
class Account:
    def load(self, amounts):
        self.total = 0
        for amount in amounts:
            if amount > 0:
                self.total += amount
        return self.total


account = Account()
""",
        after="""\
class Account:
    def load(self, amounts):
        total = 0
        for amount in amounts:
            if amount > 0:
                total += amount
        self.total = total
        return self.total


account = Account()
""",
        calls="[(Account(), list(range(1000)))]",
        small_calls="[(type('Account', (Account,), {'__repr__': lambda self: 'A'})(), [1, 2, -3])]",
        near_misses=(
            NearMiss(
                "An error on the way leaves the total so far in the object.",
                """\
class Account:
    def load(self, amounts):
        self.total = 0
        for amount in amounts:
            self.total += 100 // amount
        return self.total
""",
                calls="[(Account(), [1, 2])]",
            ),
            NearMiss(
                "A property is told about every change.",
                """\
class Account:
    @property
    def total(self):
        return self._total

    @total.setter
    def total(self, value):
        self._total = value

    def load(self, amounts):
        self.total = 0
        for amount in amounts:
            self.total += amount
        return self.total
""",
            ),
            NearMiss(
                "Another method looks at the total on the way.",
                """\
class Account:
    def note(self):
        print(self.total)

    def load(self, amounts):
        self.total = 0
        for amount in amounts:
            self.total += amount
            self.note()
        return self.total
""",
                calls="[(Account(), [1, 2])]",
            ),
        ),
    ),
    Example(
        strategy="item total kept in a local",
        function="product",
        before="""\
def product(left, right, size):
    out = [[0] * size for _ in range(size)]
    for i in range(size):
        for j in range(size):
            for k in range(size):
                out[i][j] += left[i][k] * right[k][j]
    return out
""",
        after="""\
def product(left, right, size):
    out = [[0] * size for _ in range(size)]
    for i in range(size):
        for j in range(size):
            total = out[i][j]
            for k in range(size):
                total += left[i][k] * right[k][j]
            out[i][j] = total
    return out
""",
        calls="[([[n] * 25 for n in range(25)], [[n] * 25 for n in range(25)], 25)]",
        near_misses=(
            NearMiss(
                "The table is the caller's and may be one of the others.",
                """\
def product(left, right, out):
    for i in range(len(left)):
        out[i] = 0
        for k in range(len(right)):
            out[i] += left[i] * right[k]
    return out
""",
                calls="[([1, 2], [3, 4], [0, 0])]",
            ),
            NearMiss(
                "The item moves with the loop.",
                """\
def product(left, right, size):
    out = [0] * size
    for i in range(size):
        for j in range(size):
            out[j] += left[i][j]
    return out
""",
            ),
            NearMiss(
                "Without a pass of the loop, a missing item is no error.",
                """\
def product(left, right, size):
    out = {}
    for k in range(size):
        for row in left:
            out[k] += row[k]
    return out
""",
                calls="[([], [], 2)]",
            ),
        ),
    ),
    Example(
        strategy="row look-up out of the inner loop",
        function="spread",
        before="""\
def spread(grid, width):
    total = 0
    for y in range(len(grid)):
        for x in range(1, width):
            total += abs(grid[y][x] - grid[y][x - 1])
    return total
""",
        after="""\
def spread(grid, width):
    total = 0
    for y in range(len(grid)):
        row = grid[y]
        for x in range(1, width):
            total += abs(row[x] - row[x - 1])
    return total
""",
        calls="[([list(range(100)) for _ in range(100)], 100)]",
        near_misses=(
            NearMiss(
                "The row is exchanged on the way.",
                """\
def spread(grid, width):
    total = 0
    for y in range(len(grid)):
        for x in range(1, width):
            total += grid[y][x]
            grid[y] = grid[y - 1]
    return total
""",
            ),
            NearMiss(
                "The row may be missing, which nobody notices if the width is none.",
                """\
def spread(grid, width):
    total = 0
    for y in range(width):
        for x in range(1, width):
            total += grid[y][x]
    return total
""",
            ),
            NearMiss(
                "The table may be changed by the function that is called.",
                """\
def spread(grid, width):
    total = 0
    for y in range(len(grid)):
        for x in range(1, width):
            total += weighted(grid[y][x])
    return total


def weighted(cell):
    return cell
""",
            ),
        ),
    ),
    Example(
        strategy="attribute container kept in a local",
        function="Log.add_all",
        before="""\
class Log:
    def __init__(self):
        self.seen = set()
        self.lines = []

    def add_all(self, lines):
        for line in lines:
            if line not in self.seen:
                self.seen.add(line)
        return len(self.seen)


log = Log()
""",
        after="""\
class Log:
    def __init__(self):
        self.seen = set()
        self.lines = []

    def add_all(self, lines):
        seen = self.seen
        for line in lines:
            if line not in seen:
                seen.add(line)
        return len(self.seen)


log = Log()
""",
        calls="[(Log(), list(range(1000)))]",
        small_calls="[(type('Log', (Log,), {'__repr__': lambda self: 'L'})(), [1, 2, -3])]",
        near_misses=(
            NearMiss(
                "Another method makes the container anew.",
                """\
class Log:
    def __init__(self):
        self.seen = set()

    def clear(self):
        self.seen = set()

    def add_all(self, lines):
        for line in lines:
            if line not in self.seen:
                self.seen.add(line)
""",
            ),
            NearMiss(
                "The attribute need not be there: nothing makes it.",
                """\
class Log:
    def add_all(self, lines):
        for line in lines:
            if line not in self.seen:
                self.seen.add(line)
""",
                calls="[(Log(), [])]",
            ),
            NearMiss(
                "The base class may turn the attribute into a property.",
                """\
class Base:
    pass


class Log(Base):
    def __init__(self):
        self.seen = set()

    def add_all(self, lines):
        for line in lines:
            if line not in self.seen:
                self.seen.add(line)
""",
            ),
        ),
    ),
]
