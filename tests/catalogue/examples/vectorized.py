from example import Example, NearMiss


def sample(
    strategy: str, calls: str, before: str, after: str, *near: tuple[str, str, str | None]
) -> Example:
    """An example whose function is ``f``, in a project that depends on NumPy, imported as ``np``."""
    head = "import numpy as np\n\n"
    misses = tuple(NearMiss(why, source, at) for why, source, at in near)
    used = frozenset({"numpy"})
    return Example(strategy, "f", head + before, head + after, calls, misses, dependencies=used)


ARRAY = "[(np.arange(2000.0),), (np.array([]),)]"

EXAMPLES = [
    sample(
        "array count by NumPy",
        ARRAY,
        "def f(values, limit=3):\n    return sum(1 for value in values if value > limit)\n",
        "def f(values, limit=3):\n    return int(np.count_nonzero(values > limit))\n",
        (
            "A sum of conditions is one of NumPy's numbers.",
            "import numpy as np\n\ndef f(values, limit=3):\n"
            "    return sum(value > limit for value in values)\n",
            None,
        ),
        (
            "A list is no array.",
            "import numpy as np\n\ndef f(values, limit=3):\n"
            "    return sum(1 for value in values if value > limit)\n",
            "[([1, 2],)]",
        ),
        (
            "Each element has its own limit.",
            "import numpy as np\n\ndef f(values):\n    limits = iter(range(9999))\n"
            "    return sum(1 for value in values if value > next(limits))\n",
            None,
        ),
    ),
    sample(
        "array test by NumPy",
        "[(np.zeros(2000),), (np.array([]),)]",
        "def f(values):\n    return any(value > 3 for value in values)\n",
        "def f(values):\n    return bool((values > 3).any())\n",
        (
            "The elements themselves are asked.",
            "import numpy as np\n\ndef f(values):\n    return any(value for value in values)\n",
            None,
        ),
        (
            "A list is no array.",
            "import numpy as np\n\ndef f(values):\n    return any(value > 3 for value in values)\n",
            "[([1, 2],)]",
        ),
    ),
    sample(
        "array arithmetic by NumPy",
        ARRAY,
        "def f(values, scale=2.5):\n"
        "    return np.array([value * scale + 1 for value in values]).tolist()\n",
        "def f(values, scale=2.5):\n    return (values * scale + 1).tolist()\n",
        (
            "A power of an array may be rounded otherwise.",
            "import numpy as np\n\ndef f(values):\n"
            "    return np.array([value ** 3 for value in values]).tolist()\n",
            None,
        ),
        (
            "The list stays a list.",
            "import numpy as np\n\ndef f(values):\n    return [value * 2 for value in values]\n",
            None,
        ),
    ),
    sample(
        "array grown by append to list",
        "[(list(range(300)),), ([],)]",
        "def f(items):\n    roots = np.array([])\n    for item in items:\n        if item % 3:\n"
        "            roots = np.append(roots, item * 2)\n    return roots.tolist()\n",
        "def f(items):\n    roots_items = []\n    for item in items:\n        if item % 3:\n"
        "            roots_items.append(item * 2)\n"
        "    roots = np.array(roots_items, dtype=float)\n    return roots.tolist()\n",
        (
            "The array is read while it grows.",
            "import numpy as np\n\ndef f(items):\n    roots = np.array([])\n    for item in items:\n"
            "        roots = np.append(roots, item + len(roots))\n    return roots.tolist()\n",
            None,
        ),
        (
            "Arrays are joined, not numbers.",
            "import numpy as np\n\ndef f(items):\n    roots = np.array([])\n    for item in items:\n"
            "        roots = np.append(roots, [item, item])\n    return roots.tolist()\n",
            None,
        ),
        (
            "It starts with something else than an empty array.",
            "import numpy as np\n\ndef f(items):\n    roots = np.array([1])\n    for item in items:\n"
            "        roots = np.append(roots, item)\n    return roots.tolist()\n",
            None,
        ),
    ),
]
