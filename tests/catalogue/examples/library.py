from example import sample

EXAMPLES = [
    sample(
        "counting loop to Counter",
        "[(['stone', 'paper', 'scissors'] * 200,), ([],)]",
        "def f(words):\n    # How often is each used?\n    counts = {}\n    for word in words:\n"
        "        if word not in counts:\n            counts[word] = 0\n        counts[word] += 1\n"
        "    return counts\n",
        "from collections import Counter\n\n\n"
        "def f(words):\n    # How often is each used?\n    counts = dict(Counter(words))\n"
        "    return counts\n",
        (
            "A mapping would be taken for finished counts.",
            "def f(words):\n    counts = {}\n    for word in words:\n"
            "        counts[word] = counts.get(word, 0) + 1\n    return counts\n",
            "[({'a': 5},)]",
        ),
        (
            "Counting starts at one.",
            "def f(words):\n    counts = {}\n    for word in words:\n"
            "        counts[word] = counts.get(word, 1) + 1\n    return counts\n",
            None,
        ),
        (
            "Something is counted already.",
            "def f(words):\n    counts = {'a': 1}\n    for word in words:\n"
            "        counts[word] = counts.get(word, 0) + 1\n    return counts\n",
            None,
        ),
        (
            "The last word is used after the loop.",
            "def f(words):\n    word = None\n    counts = {}\n    for word in words:\n"
            "        counts[word] = counts.get(word, 0) + 1\n    return counts, word\n",
            None,
        ),
    ),
    sample(
        "loop of items to dict.update",
        "[({number: number for number in range(900)},), ({},)]",
        "def f(settings):\n    merged = {'a': 1}\n    for key, value in settings.items():\n"
        "        merged[key] = value\n    return merged\n",
        "def f(settings):\n    merged = {'a': 1}\n    merged.update(settings)\n    return merged\n",
        (
            "The entries are turned round.",
            "def f(settings):\n    merged = {}\n    for key, value in settings.items():\n"
            "        merged[value] = key\n    return merged\n",
            None,
        ),
        (
            "A class of its own may do more when an entry is set.",
            "class Log(dict):\n    def __setitem__(self, key, value):\n"
            "        super().__setitem__(key, 0)\n\ndef f(settings):\n    merged = Log()\n"
            "    for key, value in settings.items():\n        merged[key] = value\n    return merged\n",
            None,
        ),
    ),
    sample(
        "running total to accumulate",
        "[(list(range(900)),), ([],), ([0.1, 0.2, -0.0],)]",
        "def f(items):\n    sums = [0]\n    for item in items:\n"
        "        sums.append(sums[-1] + item)\n    return sums\n",
        "from itertools import accumulate\n\n\n"
        "def f(items):\n    sums = list(accumulate(items, initial=0))\n    return sums\n",
        (
            "It does not start with zero alone.",
            "def f(items):\n    sums = [0, 1]\n    for item in items:\n"
            "        sums.append(sums[-1] + item)\n    return sums\n",
            None,
        ),
        (
            "What is added depends on the list.",
            "def f(items):\n    sums = [0]\n    for item in items:\n"
            "        sums.append(sums[-1] + item * len(sums))\n    return sums\n",
            None,
        ),
        (
            "A handler may see how far it came.",
            "def f(items):\n    sums = []\n    try:\n        sums = [0]\n        for item in items:\n"
            "            sums.append(sums[-1] + item)\n    except TypeError:\n        pass\n"
            "    return sums\n",
            None,
        ),
    ),
    sample(
        "two indices to combinations",
        "[(list(range(40)), 31), ([], 0), ([1], 2)]",
        "def f(items, wanted):\n    found = 0\n    for i in range(len(items)):\n"
        "        for j in range(i + 1, len(items)):\n"
        "            if items[i] + items[j] == wanted:\n                found += 1\n    return found\n",
        "from itertools import combinations\n\n\n"
        "def f(items, wanted):\n    found = 0\n"
        "    for items_i, items_j in combinations(items, 2):\n"
        "        if items_i + items_j == wanted:\n            found += 1\n    return found\n",
        (
            "The numbers themselves are used.",
            "def f(items, wanted):\n    found = 0\n    for i in range(len(items)):\n"
            "        for j in range(i + 1, len(items)):\n"
            "            if items[i] + items[j] == wanted:\n                found += j\n"
            "    return found\n",
            None,
        ),
        (
            "Each pair is met both ways round.",
            "def f(items, wanted):\n    found = 0\n    for i in range(len(items)):\n"
            "        for j in range(len(items)):\n"
            "            if items[i] + items[j] == wanted:\n                found += 1\n"
            "    return found\n",
            None,
        ),
        (
            "The inner loop is left early.",
            "def f(items, wanted):\n    found = 0\n    for i in range(len(items)):\n"
            "        for j in range(i + 1, len(items)):\n"
            "            if items[i] + items[j] == wanted:\n                found += 1\n"
            "                break\n    return found\n",
            None,
        ),
        (
            "The items are exchanged along the way.",
            "def f(items, wanted):\n    for i in range(len(items)):\n"
            "        for j in range(i + 1, len(items)):\n"
            "            if items[i] > items[j]:\n"
            "                items[i], items[j] = items[j], items[i]\n    return items\n",
            None,
        ),
    ),
    sample(
        "enumerate remainder to slice",
        "[(list(range(900)),), ([],)]",
        "def f(items):\n"
        "    return sum([x for i, x in enumerate(items) if i % 2 == 1 and x % 3 == 1])\n",
        "def f(items):\n    return sum([x for x in items[1::2] if x % 3 == 1])\n",
        (
            "The number is used again.",
            "def f(items):\n    return sum([x * i for i, x in enumerate(items) if i % 2 == 1])\n",
            None,
        ),
        (
            "Counting starts elsewhere.",
            "def f(items):\n    return sum([x for i, x in enumerate(items, 1) if i % 2 == 1])\n",
            None,
        ),
        (
            "A set cannot be sliced.",
            "def f(items):\n    return sum([x for i, x in enumerate(items) if i % 2 == 1])\n",
            "[({1, 2},)]",
        ),
    ),
]
