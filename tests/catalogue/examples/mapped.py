from example import sample

WORDS = "[(['Stone', 'paper', 'Scissors'] * 150,), ([],)]"

EXAMPLES = [
    sample(
        "call per item to map",
        WORDS,
        "def f(words):\n    return sum(len(word) for word in words)\n",
        "def f(words):\n    return sum(map(len, words))\n",
        (
            "Only some are called.",
            "def f(words):\n    return sum(len(word) for word in words if word)\n",
            None,
        ),
        (
            "The list says that all are looked at, `any` over `map` would stop.",
            "def f(words):\n    return any([len(word) for word in words])\n",
            None,
        ),
        (
            "Not all items are text.",
            "def f(words):\n    return sorted(word.lower() for word in words)\n",
            "[(['a', b'b'][:1] + [b'a'],)][:0] or [([],)]",
        ),
        (
            "`len` is something else here.",
            "def f(words, len=str):\n    return max((len(word) for word in words), default=0)\n",
            None,
        ),
    ),
    sample(
        "operator per pair to map",
        "[(list(range(600)), list(range(600))), ([], [1])]",
        "def f(xs, ys):\n    return sum(x * y for x, y in zip(xs, ys))\n",
        "import operator\n\n\ndef f(xs, ys):\n    return sum(map(operator.mul, xs, ys))\n",
        (
            "The sides are exchanged.",
            "def f(xs, ys):\n    return sum(y - x for x, y in zip(xs, ys))\n",
            None,
        ),
        (
            "One side is not the item itself.",
            "def f(xs, ys):\n    return sum(x * (y + 1) for x, y in zip(xs, ys))\n",
            None,
        ),
        (
            "`zip` must be as long on both sides.",
            "def f(xs, ys):\n"
            "    return sum(x * y for x, y in zip(xs, ys, strict=True)) if xs else 0\n",
            None,
        ),
    ),
    sample(
        "method or look-up as key function",
        WORDS,
        "def f(words):\n    return sorted(words, key=lambda word: word.lower())\n",
        "def f(words):\n    return sorted(words, key=str.lower)\n",
        (
            "The items are not text only.",
            "def f(words):\n    return sorted(words, key=lambda word: word.lower())\n",
            "[(['a'], ), ([b'B'],)]",
        ),
        (
            "The method takes an argument.",
            "def f(words):\n    return sorted(words, key=lambda word: word.strip('S'))\n",
            None,
        ),
        (
            "A default may be made for what is missing.",
            "from collections import defaultdict\n\n\ndef f(words):\n    rank = defaultdict(int)\n"
            "    return sorted(words, key=lambda word: rank[word])\n",
            None,
        ),
    ),
    sample(
        "membership of many to set method",
        "[(set(range(0, 2000, 2)), list(range(1, 900, 2))), (set(), []), ({1}, [1])]",
        "def f(known, items):\n    return any(item in known for item in items)\n",
        "def f(known, items):\n    return (not known.isdisjoint(items))\n",
        (
            "A dictionary has no such method.",
            "def f(known, items):\n    return any(item in known for item in items)\n",
            "[({1: 1}, [1])]",
        ),
        (
            "Tuples may hold what cannot be hashed.",
            "def f(known, items):\n    return any(item in known for item in items)\n",
            "[({(1,)}, [(1,), (2,)])]",
        ),
        (
            "Something else is looked up.",
            "def f(known, items):\n    return any(item + 1 in known for item in items)\n",
            None,
        ),
    ),
]
