from example import Example, NearMiss, sample

EXAMPLES = [
    Example(
        strategy="any or all to loop",
        function="in_order",
        before="""\
def in_order(pairs):
    return all(low <= high for low, high in pairs)
""",
        after="""\
def in_order(pairs):
    for low, high in pairs:
        if not (low <= high):
            return False
    return True
""",
        calls="[([(n, n + 1) for n in range(1000)],)]",
        near_misses=(
            NearMiss(
                "The loop's variable would overwrite one of the function.",
                """\
def in_order(pairs):
    low = len(pairs)
    if low:
        return all(low <= high for low, high in pairs)
    return low
""",
            ),
            NearMiss(
                "The answer is only a part of what is returned.",
                """\
def in_order(pairs):
    return 1 + all(low <= high for low, high in pairs)
""",
            ),
        ),
    ),
    sample(
        "any or all to loop",
        "[([(n, 'even' if n % 2 == 0 else 'odd') for n in range(4)], n) for n in range(100)]",
        """\
def f(rules, value):
    if rules:
        if any(value == number for number, name in rules):
            return True
    return value is None
""",
        """\
def f(rules, value):
    if rules:
        for number, name in rules:
            if value == number:
                return True
    return value is None
""",
        (
            "The loop around would be left too late.",
            """\
def f(rules, value):
    while value:
        value -= 1
        if any(value == number for number, name in rules):
            break
    return value
""",
            None,
        ),
        (
            "The test comes first, and what it says decides whether the generator is asked.",
            """\
def f(rules, value):
    if any(value == number for number, name in rules) or value:
        return True
    return value is None
""",
            None,
        ),
    ),
    sample(
        "any or all to loop",
        "[([3, 5, 7, 8], n % 10) for n in range(100)]",
        """\
def f(numbers, least):
    # small ones are left out
    if least > 4 and not all(number > least for number in numbers):
        numbers = [number for number in numbers]
        least = 0
    return least, len(numbers)
""".replace("[number for number in numbers]", "list(numbers)"),
        """\
def f(numbers, least):
    # small ones are left out
    if least > 4:
        for number in numbers:
            if not (number > least):
                numbers = list(numbers)
                least = 0
                break
    return least, len(numbers)
""",
        (
            "The else belongs to both tests.",
            """\
def f(numbers, least):
    if least > 4 and not all(number > least for number in numbers):
        least = 0
    else:
        least = 1
    return least
""",
            None,
        ),
        (
            "The variable of the generator is one of the function.",
            """\
def f(numbers, least):
    number = 1
    if not all(number > least for number in numbers):
        least = 0
    return least, number
""",
            None,
        ),
    ),
    sample(
        "any or all to loop",
        "[([3, 5, 7, 8], n % 10) for n in range(100)]",
        """\
def f(numbers, least):
    if all(number > least for number in numbers):
        least += 1
    else:
        least = 0
    return least
""",
        """\
def f(numbers, least):
    for number in numbers:
        if not (number > least):
            least = 0
            break
    else:
        least += 1
    return least
""",
        (
            "Two generators, one inside the other.",
            """\
def f(numbers, least):
    if all(number > low for number in numbers for low in range(least)):
        least += 1
    return least
""",
            None,
        ),
        (
            "The continue is that of the loop around.",
            """\
def f(numbers, least):
    for _ in numbers:
        if any(number > least for number in numbers):
            continue
        least += 1
    return least
""",
            None,
        ),
    ),
    sample(
        "any or all to loop",
        "[([3, 5, 7, 8], n % 10) for n in range(100)]",
        """\
def f(numbers, least):
    known = any(number == least for number in numbers)
    return known, least
""",
        """\
def f(numbers, least):
    known = False
    for number in numbers:
        if number == least:
            known = True
            break
    return known, least
""",
        (
            "An annotation would be lost.",
            """\
def f(numbers, least):
    known: bool = any(number == least for number in numbers)
    return known
""",
            None,
        ),
        (
            "The old value of the variable is asked for.",
            """\
def f(numbers, least):
    least = any(number == least for number in numbers)
    return least
""",
            None,
        ),
        (
            "What an error leaves behind is seen.",
            """\
def f(numbers, least):
    known = None
    try:
        known = any(number == least for number in numbers)
    except TypeError:
        pass
    return known
""",
            None,
        ),
    ),
    sample(
        "next of a generator to loop",
        "[([('a', 1), ('b', 2), ('c', 3)], 'abcd'[n % 4]) for n in range(100)]",
        """\
def f(pairs, wanted):
    value = next((number for name, number in pairs if name == wanted), None)
    return value, wanted
""",
        """\
def f(pairs, wanted):
    for name, number in pairs:
        if name == wanted:
            value = number
            break
    else:
        value = None
    return value, wanted
""",
        (
            "Without a default a missing item is an error.",
            """\
def f(pairs, wanted):
    value = next(number for name, number in pairs if name == wanted)
    return value, wanted
""",
            "[([('a', 1)], 'a')]",
        ),
        (
            "The default is worked out even where it is not needed.",
            """\
def f(pairs, wanted):
    value = next((number for name, number in pairs if name == wanted), wanted.upper())
    return value, wanted
""",
            None,
        ),
        (
            "The first item of all needs no search.",
            """\
def f(pairs, wanted):
    value = next((number for name, number in pairs), None)
    return value, wanted
""",
            None,
        ),
    ),
    sample(
        "next of a generator to loop",
        "[([('a', 1), ('b', 2), ('c', 3)], 'abcd'[n % 4]) for n in range(100)]",
        """\
def f(pairs, wanted):
    return next((number for name, number in pairs if name == wanted), -1)
""",
        """\
def f(pairs, wanted):
    for name, number in pairs:
        if name == wanted:
            return number
    return -1
""",
        (
            "The iterator is kept.",
            """\
def f(pairs, wanted):
    found = (number for name, number in pairs if name == wanted)
    return next(found, None), next(found, None)
""",
            None,
        ),
        (
            "A variable of the generator is a parameter.",
            """\
def f(pairs, wanted):
    return next((wanted for name, wanted in pairs if name == wanted), 1), wanted
""",
            None,
        ),
    ),
]
