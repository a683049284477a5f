from example import sample

NUMBERS = "[(list(range(-100, 700)),), ([],)]"

EXAMPLES = [
    sample(
        "square to multiplication",
        NUMBERS,
        "def f(numbers):\n    return sum([number ** 2 for number in numbers])\n",
        "def f(numbers):\n    return sum([number * number for number in numbers])\n",
        (
            "A float may be too large for `**`, but not for `*`.",
            "def f(numbers):\n    return sum([number ** 2 for number in numbers])\n",
            "[([1.5, 2.5],)]",
        ),
        (
            "Working the base out twice costs more.",
            "def f(numbers):\n    return sum([abs(number) ** 2 for number in numbers])\n",
            None,
        ),
    ),
    sample(
        "number of digits to comparison",
        NUMBERS,
        "def f(numbers):\n    return [number for number in numbers if len(str(number)) <= 2]\n",
        "def f(numbers):\n    return [number for number in numbers if -10 < number < 100]\n",
        (
            "The length of a float is that of its digits.",
            "def f(numbers):\n    return [number for number in numbers if len(str(number)) <= 2]\n",
            "[([1.5, 2.5],)]",
        ),
        (
            "`True` has four letters.",
            "def f(numbers):\n    return [number for number in numbers if len(str(number)) <= 2]\n",
            "[([True, 5],)]",
        ),
        (
            "The limit is not known.",
            "def f(numbers, limit=2):\n"
            "    return [number for number in numbers if len(str(number)) <= limit]\n",
            None,
        ),
    ),
    sample(
        "power of minus one to parity",
        NUMBERS,
        "def f(numbers):\n    total = 0\n    for i, number in enumerate(numbers):\n"
        "        total += (-1) ** i * number\n    return total\n",
        "def f(numbers):\n    total = 0\n    for i, number in enumerate(numbers):\n"
        "        total += (-1 if i % 2 else 1) * number\n    return total\n",
        (
            "A negative exponent gives a float.",
            "def f(numbers):\n    return sum([(-1) ** number for number in numbers])\n",
            None,
        ),
        (
            "Without parentheses the power comes first.",
            "def f(numbers):\n    return [-1 ** i for i in range(len(numbers))]\n",
            None,
        ),
    ),
    sample(
        "bits counted by bit_count",
        NUMBERS,
        "def f(numbers):\n"
        "    return sorted(numbers, key=lambda n: 0), [bin(n)[2:].count('1') for n in numbers]\n",
        "def f(numbers):\n"
        "    return sorted(numbers, key=lambda n: 0), [n.bit_count() for n in numbers]\n",
        (
            "Zeros are counted.",
            "def f(numbers):\n    return [bin(n)[2:].count('0') for n in numbers]\n",
            None,
        ),
        (
            "An object with `__index__` has no bit_count.",
            "class Mask:\n    def __index__(self):\n        return 7\n\n"
            "def f(numbers):\n    return [bin(n).count('1') for n in numbers]\n",
            "[([Mask()],)]",
        ),
    ),
    sample(
        "bit loop to bit_count",
        "[(number,) for number in range(1, 90000, 997)] + [(0,)]",
        "def f(number):\n    ones = 0\n    # Shift them out.\n    while number > 0:\n"
        "        ones += number & 1\n        number >>= 1\n    return ones\n",
        "def f(number):\n    ones = 0\n    # Shift them out.\n    if number > 0:\n"
        "        ones += number.bit_count()\n        number = 0\n    return ones\n",
        (
            "Digits are added up, not bits.",
            "def f(number):\n    ones = 0\n    while number > 0:\n        ones += number % 10\n"
            "        number //= 10\n    return ones\n",
            None,
        ),
        (
            "The steps are counted, too.",
            "def f(number):\n    ones = steps = 0\n    while number > 0:\n        ones += number & 1\n"
            "        number >>= 1\n        steps += 1\n    return ones, steps\n",
            None,
        ),
    ),
    sample(
        "membership in a range to comparison",
        NUMBERS,
        "def f(numbers, low=10, high=500):\n"
        "    return [number for number in numbers if number in range(low, high)]\n",
        "def f(numbers, low=10, high=500):\n"
        "    return [number for number in numbers if low <= number < high]\n",
        (
            "No float with a fraction is in a range.",
            "def f(numbers):\n    return [number for number in numbers if number in range(10, 500)]\n",
            "[([10.5, 11.0],)]",
        ),
        (
            "The range has a step.",
            "def f(numbers):\n    return [number for number in numbers if number in range(10, 500, 3)]\n",
            None,
        ),
    ),
]
