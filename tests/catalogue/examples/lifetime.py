from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="pattern compiled once",
        function="numbered",
        before="""\
import re


def numbered(lines):
    return [line for line in lines if re.match(r"\\d+\\.", line, flags=re.ASCII)]
""",
        after="""\
import re


_NUMBERED_PATTERN = re.compile(r"\\d+\\.", re.ASCII)


def numbered(lines):
    return [line for line in lines if _NUMBERED_PATTERN.match(line)]
""",
        calls="[([f'{n}. line' for n in range(500)] + ['none'] * 500,)]",
        near_misses=(
            NearMiss(
                "The pattern is not the same each time.",
                """\
import re


def numbered(lines, mark="."):
    return [line for line in lines if re.match(r"\\d+" + mark, line)]
""",
            ),
            NearMiss(
                "A pattern that does not compile must fail when it is used, not when the module is loaded.",
                """\
import re


def numbered(lines):
    return [line for line in lines if line.startswith("[") and re.match("[", line)]
""",
            ),
            NearMiss(
                "The module is called re, but is another.",
                """\
import json as re


def numbered(lines):
    return [line for line in lines if not line and re.match("a", line)]
""",
            ),
            NearMiss(
                "The module is imported below, too late for the constant.",
                """\
def numbered(lines):
    return [line for line in lines if re.match("a", line)]


import re
""",
            ),
        ),
    ),
    Example(
        strategy="function made before the loop",
        function="ranked",
        before="""\
def ranked(teams):
    result = []
    for team in teams:
        result.append(sorted(team, key=lambda player: player[1]))
    return result
""",
        after="""\
def ranked(teams):
    result = []
    def sort_key(player):
        return player[1]
    for team in teams:
        result.append(sorted(team, key=sort_key))
    return result
""",
        calls="[([[(1, 2), (0, 1)] for _ in range(300)],)]",
        near_misses=(
            NearMiss(
                "Each function is kept, and is told apart from the others.",
                """\
def ranked(teams):
    result = []
    for team in teams:
        def key(player):
            return player[1]
        result.append(key)
    return len(set(result))
""",
            ),
            NearMiss(
                "The default holds the value of its own pass.",
                """\
def ranked(teams):
    result = []
    for team in teams:
        result.append(sorted(team, key=lambda player, size=len(team): player[1] % size))
    return result
""",
            ),
            NearMiss(
                "The inner variable of the comprehension does not exist before the loop.",
                """\
def ranked(teams):
    result = []
    for team in teams:
        result.append([sorted([1, 2], key=lambda one: one * sign) for sign in (1, -1)])
    return result
""",
            ),
        ),
    ),
    Example(
        strategy="constant table made once",
        function="roman",
        before="""\
def roman(letters):
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    total = 0
    for letter in letters:
        total += values[letter]
    return total
""",
        after="""\
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman(letters):
    total = 0
    for letter in letters:
        total += _VALUES[letter]
    return total
""",
        calls="[('XVI',)] * 100",
        near_misses=(
            NearMiss(
                "The table is given away, and somebody may write to it.",
                """\
def roman(letters):
    values = {"I": 1, "V": 5, "X": 10}
    return values
""",
            ),
            NearMiss(
                "The table is written to.",
                """\
def roman(letters):
    values = {"I": 1, "V": 5, "X": 10}
    for letter in letters:
        values[letter] += 1
    return sum(values.values())
""",
            ),
            NearMiss(
                "The entries are not the same each time.",
                """\
def roman(letters):
    values = {"I": 1, "V": len(letters), "X": 10}
    return [values[letter] for letter in letters]
""",
            ),
            NearMiss(
                "A list inside could be changed by whoever reads it.",
                """\
def roman(letters):
    values = {"I": [1], "V": [5], "X": [10]}
    return [values[letter] for letter in letters]
""",
            ),
        ),
    ),
    Example(
        strategy="import out of the function",
        function="cells",
        before="""\
def cells(width):
    from math import floor

    return floor(width * 1.5)
""",
        after="""\
from math import floor


def cells(width):
    return floor(width * 1.5)
""",
        calls="[(n / 7,) for n in range(100)]",
        near_misses=(
            NearMiss(
                "Elsewhere in the module the name means the builtin.",
                """\
def cells(width):
    from math import pow

    return pow(width, 2)


def power(base):
    return pow(base, 2, 7)
""",
            ),
            NearMiss(
                "The module may be missing, which the function knows how to handle.",
                """\
def cells(width):
    try:
        from math import floor
    except ImportError:
        floor = int
    return floor(width)
""",
            ),
            NearMiss(
                "A module of the project may do anything when it is imported.",
                """\
def cells(width):
    if width < -100:
        from shop.geometry import floor

        return floor(width)
    return 0
""",
            ),
        ),
    ),
    Example(
        strategy="deep copy of flat data to copy",
        function="moved",
        before="""\
import copy


def moved(board, y):
    board = copy.deepcopy(board)
    board[y][0] = 1
    return board
""",
        after="""\
import copy


def moved(board, y):
    board = ([row.copy() for row in board] if len(set(map(id, board))) == len(board) else copy.deepcopy(board))
    board[y][0] = 1
    return board
""",
        calls="[([[0] * 20 for _ in range(20)], 3), ([[0]] * 2, 0)]",
        near_misses=(
            NearMiss(
                "The rows hold lists.",
                """\
import copy


def moved(board, y):
    return copy.deepcopy(board)
""",
                calls="[([[[1]]], 3)]",
            ),
            NearMiss(
                "The dict holds objects.",
                """\
import copy


def moved(board, y):
    return copy.deepcopy(board)
""",
                calls="[({1: object()}, 3)]",
            ),
            NearMiss(
                "Something else was put into the list before.",
                """\
import copy


def moved(board, y):
    board.append([y])
    return copy.deepcopy(board)
""",
                calls="[([1], 3)]",
            ),
        ),
    ),
]
