from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="palindrome loop to reversed slice",
        function="is_palindrome",
        before="""\
def is_palindrome(text):
    for i in range(len(text)):
        if text[i] != text[len(text) - 1 - i]:
            return False
    return True
""",
        after="""\
def is_palindrome(text):
    if text != text[::-1]:
        return False
    return True
""",
        calls="[('abcdefgfedcba' * 21,), ('',), ('ab',)]",
        near_misses=(
            NearMiss(
                "Neighbours are compared, not mirrored places.",
                """\
def is_palindrome(text):
    for i in range(len(text) - 1):
        if text[i] != text[i + 1]:
            return False
    return True
""",
            ),
            NearMiss(
                "Differences are counted.",
                """\
def is_palindrome(text):
    changes = 0
    for i in range(len(text)):
        if text[i] != text[len(text) - 1 - i]:
            changes += 1
    return changes
""",
            ),
            NearMiss(
                "Where it differs is the result.",
                """\
def is_palindrome(text):
    for i in range(len(text)):
        if text[i] != text[len(text) - 1 - i]:
            return i
    return -1
""",
            ),
        ),
    ),
    Example(
        strategy="reversal loop to reversed slice",
        function="backwards",
        before="""\
def backwards(text):
    out = ""
    for letter in text:
        out = letter + out
    return out
""",
        after="""\
def backwards(text):
    out = text[::-1]
    return out
""",
        calls="[('abcdefg' * 100,), ('',)]",
        near_misses=(
            NearMiss(
                "Each letter is changed too.",
                """\
def backwards(text):
    out = ""
    for letter in text:
        out = letter.upper() + out
    return out
""",
            ),
            NearMiss(
                "The text is not empty at first.",
                """\
def backwards(text):
    out = "."
    for letter in text:
        out = letter + out
    return out
""",
            ),
            NearMiss(
                "A list of texts is joined, not a text reversed.",
                """\
def backwards(text):
    out = ""
    for letter in text:
        out = letter + out
    return out
""",
                calls="[(['ab', 'c'],)]",
            ),
        ),
    ),
    Example(
        strategy="repeated remove to one pass",
        function="without",
        before="""\
def without(numbers, unwanted):
    while unwanted in numbers:
        numbers.remove(unwanted)
    return numbers
""",
        after="""\
def without(numbers, unwanted):
    numbers[:] = [item for item in numbers if item != unwanted]
    return numbers
""",
        calls="[([n % 3 for n in range(900)], 1), ([], 1)]",
        near_misses=(
            NearMiss(
                "NaN is in a list, though it equals nothing.",
                """\
def without(numbers, unwanted):
    while unwanted in numbers:
        numbers.remove(unwanted)
    return numbers
""",
                calls="[([1.0], 1.0)]",
            ),
            NearMiss(
                "Removals are counted.",
                """\
def without(numbers, unwanted):
    count = 0
    while unwanted in numbers:
        numbers.remove(unwanted)
        count += 1
    return count
""",
            ),
            NearMiss(
                "Only one is removed.",
                """\
def without(numbers, unwanted):
    if unwanted in numbers:
        numbers.remove(unwanted)
    return numbers
""",
            ),
        ),
    ),
    Example(
        strategy="list consumed by slices to a loop",
        function="total",
        before="""\
def total(numbers):
    result = 0
    while numbers:
        number = numbers[0]
        numbers = numbers[1:]
        result = result * 3 + number
    return result
""",
        after="""\
def total(numbers):
    result = 0
    for number in numbers:
        result = result * 3 + number
    return result
""",
        calls="[([1] * 700,), ([],)]",
        near_misses=(
            NearMiss(
                "How many are left is asked inside the loop.",
                """\
def total(numbers):
    result = 0
    while numbers:
        number = numbers[0]
        numbers = numbers[1:]
        result += number * len(numbers)
    return result
""",
            ),
            NearMiss(
                "What is left is returned.",
                """\
def total(numbers):
    while numbers:
        number = numbers[0]
        numbers = numbers[1:]
        if number > 5:
            break
    return numbers
""",
            ),
            NearMiss(
                "Every second item is passed over.",
                """\
def total(numbers):
    result = 0
    while numbers:
        number = numbers[0]
        numbers = numbers[2:]
        result += number
    return result
""",
            ),
        ),
    ),
    Example(
        strategy="close pair by sorting",
        function="has_close",
        before="""\
def has_close(numbers, limit):
    for i, one in enumerate(numbers):
        for j, other in enumerate(numbers):
            if i != j:
                distance = abs(one - other)
                if distance < limit:
                    return True
    return False
""",
        after="""\
def has_close(numbers, limit):
    ordered = sorted(low for low in numbers if low == low)
    for low, high in zip(ordered, ordered[1:]):
        if high - low < limit:
            return True
    return False
""",
        calls="[([n * 1.5 for n in range(150)], 1.0), ([], 1.0), ([1.0], 1.0), ([3.0, 1.0, 2.5], 1.0)]",
        near_misses=(
            NearMiss(
                "Which pair it is matters.",
                """\
def has_close(numbers, limit):
    for i, one in enumerate(numbers):
        for j, other in enumerate(numbers):
            if i != j:
                distance = abs(one - other)
                if distance < limit:
                    return (i, j)
    return None
""",
            ),
            NearMiss(
                "Far pairs are asked for, not close ones.",
                """\
def has_close(numbers, limit):
    for i, one in enumerate(numbers):
        for j, other in enumerate(numbers):
            if i != j:
                distance = abs(one - other)
                if distance > limit:
                    return True
    return False
""",
            ),
            NearMiss(
                "Each number also meets itself.",
                """\
def has_close(numbers, limit):
    for i, one in enumerate(numbers):
        for j, other in enumerate(numbers):
            if abs(one - other) < limit:
                return True
    return False
""",
            ),
            NearMiss(
                "Whole numbers and floats together round otherwise.",
                """\
def has_close(numbers, limit):
    for i in range(len(numbers)):
        for j in range(i + 1, len(numbers)):
            if abs(numbers[i] - numbers[j]) < limit:
                return True
    return False
""",
                calls="[([1, 2.5], 1.0)]",
            ),
        ),
    ),
]
