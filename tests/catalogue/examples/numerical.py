from example import sample

NUMBERS = "[(list(range(-100, 700)),), ([],)]"
FLOATS = "[([0.1, 0.2, 0.3] * 9,)]"

EXAMPLES = [
    sample(
        "sum taken out of a loop",
        NUMBERS,
        "def f(items):\n    total = 0\n    largest = 0\n    for item in items:\n"
        "        total += item\n        if item > largest:\n            largest = item\n"
        "    return total, largest\n",
        "def f(items):\n    total = 0\n    largest = 0\n    total += sum(items)\n"
        "    for item in items:\n        if item > largest:\n            largest = item\n"
        "    return total, largest\n",
        (
            "A sum of floats depends on the order and on the rounding.",
            "def f(items):\n    total = largest = 0\n    for item in items:\n        total += item\n"
            "        largest = max(item, largest)\n    return total, largest\n",
            FLOATS,
        ),
        (
            "The loop may stop early.",
            "def f(items):\n    total = 0\n    for item in items:\n        total += item\n"
            "        if item > 3:\n            break\n    return total\n",
            None,
        ),
        (
            "The total is read while it grows.",
            "def f(items):\n    total = 0\n    sums = []\n    for item in items:\n"
            "        total += item\n        sums.append(total)\n    return sums\n",
            None,
        ),
        (
            "The list loses items along the way.",
            "def f(items):\n    total = 0\n    for item in items:\n        total += item\n"
            "        items.pop()\n    return total\n",
            None,
        ),
    ),
    sample(
        "multiplying loop to product",
        "[(list(range(1, 20)),)] * 60 + [([],)]",
        "def f(items):\n    product = 1\n    for item in items:  # all of them\n"
        "        product *= item\n    return product\n",
        "import math\n\n\ndef f(items):\n    product = math.prod(items)\n    return product\n",
        (
            "Floats.",
            "def f(items):\n    product = 1\n    for item in items:\n        product *= item\n"
            "    return product\n",
            FLOATS,
        ),
        (
            "The product is used along the way.",
            "def f(items):\n    product = total = 1\n    for i in items:\n"
            "        product *= i\n        total *= product\n    return total\n",
            None,
        ),
        (
            "`math` is something else here.",
            "math = 3\n\ndef f(items):\n    product = math\n    for i in items:\n"
            "        product *= i\n    return product\n",
            None,
        ),
    ),
    sample(
        "remainder test to stride",
        "[(2000,), (0,)]",
        "def f(n):\n    return sum([i for i in range(1, n) if i % 7 == 0])\n",
        "def f(n):\n    return sum([i for i in range(7, n, 7)])\n",
        (
            "The remainder is not a constant.",
            "def f(n, k=7):\n    return sum([i for i in range(1, n) if i % k == 0])\n",
            None,
        ),
        (
            "The last number is used after the loop.",
            "def f(n):\n    total = i = 0\n    for i in range(n):\n        if i % 7 == 0:\n"
            "            total += i\n    return total, i\n",
            None,
        ),
        (
            "The others count, too.",
            "def f(n):\n    total = 0\n    for i in range(n):\n        if i % 7 == 0:\n"
            "            total += i\n        else:\n            total -= 1\n    return total\n",
            None,
        ),
    ),
]
