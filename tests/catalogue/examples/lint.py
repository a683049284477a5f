from example import sample

NUMBERS = "[(list(range(800)),)]"
WORDS = "[(['gopher:', 'http://a', 'mailto:b'] * 200,)]"

EXAMPLES = [
    sample(
        "getattr of a constant to attribute",
        "[(list(range(800)),)]",
        "def f(items):\n    return [getattr(item, 'real') for item in items]\n",
        "def f(items):\n    return [item.real for item in items]\n",
        (
            "A default may be needed.",
            "def f(items):\n    return [getattr(item, 'real', 0) for item in items]\n",
            None,
        ),
        (
            "The name is not known.",
            "def f(items, name='real'):\n    return [getattr(item, name) for item in items]\n",
            None,
        ),
    ),
    sample(
        "list of a generator to comprehension",
        NUMBERS,
        "def f(items):\n    return list(item + 1 for item in items)\n",
        "def f(items):\n    return [item + 1 for item in items]\n",
        (
            "`list` is something else here.",
            "list = tuple\n\ndef f(items):\n    return list(item + 1 for item in items)\n",
            None,
        ),
        ("There is no generator.", "def f(items):\n    return list(items)\n", None),
    ),
    sample(
        "set of a generator to comprehension",
        NUMBERS,
        "def f(items):\n    return set(item % 9 for item in items)\n",
        "def f(items):\n    return {item % 9 for item in items}\n",
        (
            "`set` is something else here.",
            "def f(items, set=list):\n    return set(item % 9 for item in items)\n",
            None,
        ),
        (
            "A frozen set has no comprehension.",
            "def f(items):\n    return frozenset(item % 9 for item in items)\n",
            None,
        ),
    ),
    sample(
        "dict of a generator to comprehension",
        NUMBERS,
        "def f(items):\n    return dict((item, str(item)) for item in items)\n",
        "def f(items):\n    return {item: str(item) for item in items}\n",
        (
            "The pairs are made elsewhere.",
            "def f(items):\n    return dict(divmod(item, 7) for item in items)\n",
            None,
        ),
        (
            "Further entries follow.",
            "def f(items):\n    return dict(((str(item), item) for item in items), a=1)\n",
            None,
        ),
    ),
    sample(
        "set of a list comprehension to set comprehension",
        NUMBERS,
        "def f(items):\n    return set([item % 50 for item in items])\n",
        "def f(items):\n    return {item % 50 for item in items}\n",
        (
            "A frozen set has no comprehension.",
            "def f(items):\n    return frozenset([item % 50 for item in items])\n",
            None,
        ),
        (
            "The list is used again.",
            "def f(items):\n    rest = [item % 50 for item in items]\n    return set(rest), rest\n",
            None,
        ),
    ),
    sample(
        "dict of a list comprehension to dict comprehension",
        NUMBERS,
        "def f(items):\n    return dict([(item, item * 2) for item in items])\n",
        "def f(items):\n    return {item: item * 2 for item in items}\n",
        (
            "The pairs are made elsewhere.",
            "def f(items):\n    return dict([divmod(item, 7) for item in items])\n",
            None,
        ),
        (
            "Another class than dict.",
            "from collections import OrderedDict\n\ndef f(items):\n"
            "    return OrderedDict([(item, item * 2) for item in items])\n",
            None,
        ),
    ),
    sample(
        "set call to literal",
        NUMBERS,
        "def f(items):\n    return [len(set([item, 1, 2])) for item in items]\n",
        "def f(items):\n    return [len({item, 1, 2}) for item in items]\n",
        (
            "A string is no display.",
            "def f(items):\n    return [len(set('abc')) for item in items]\n",
            None,
        ),
        (
            "`set` is something else here.",
            "def f(items, set=list):\n    return [len(set([item, 1, 2])) for item in items]\n",
            None,
        ),
    ),
    sample(
        "tuple call to literal",
        NUMBERS,
        "def f(items):\n    return [tuple([item, 1]) for item in items]\n",
        "def f(items):\n    return [(item, 1) for item in items]\n",
        (
            "The list has a name.",
            "def f(items):\n    pair = [1, 2]\n    return [tuple(pair) for item in items]\n",
            None,
        ),
        (
            "`tuple` is something else here.",
            "def f(items, tuple=list):\n    return [tuple([item, 1]) for item in items]\n",
            None,
        ),
    ),
    sample(
        "list around sorted dropped",
        NUMBERS,
        "def f(items):\n    return list(sorted(items))\n",
        "def f(items):\n    return sorted(items)\n",
        (
            "`reversed` puts equal items the other way round than `reverse=True`.",
            "def f(items):\n    return list(reversed(sorted(items)))\n",
            None,
        ),
        ("A tuple is wanted.", "def f(items):\n    return tuple(sorted(items))\n", None),
    ),
    sample(
        "copy inside a conversion dropped",
        "[(['stone', 'paper', 'to', 'a'] * 100,)]",
        "def f(words):\n    return [sorted(list(word)) for word in words]\n",
        "def f(words):\n    return [sorted(word) for word in words]\n",
        (
            "Of equal items the last one would come first.",
            "def f(words):\n    return [sorted(reversed(word)) for word in words]\n",
            None,
        ),
        (
            "A set drops items, it does not only copy.",
            "def f(words):\n    return [sorted(set(word)) for word in words]\n",
            None,
        ),
    ),
    sample(
        "copying comprehension to constructor",
        NUMBERS,
        "def f(items):\n    return [item for item in items]\n",
        "def f(items):\n    return list(items)\n",
        (
            "Some items are left out.",
            "def f(items):\n    return [item for item in items if item]\n",
            None,
        ),
        (
            "The items are changed.",
            "def f(items):\n    return [item + 1 for item in items]\n",
            None,
        ),
    ),
    sample(
        "map of a lambda to comprehension",
        NUMBERS,
        "def f(items):\n    return list(map(lambda item: item * 2 + 1, items))\n",
        "def f(items):\n    return [item * 2 + 1 for item in items]\n",
        (
            "Somebody may keep the map object.",
            "def f(items):\n    return list(zip(map(lambda item: item + 1, items)))\n",
            None,
        ),
        (
            "The function has a name.",
            "def f(items):\n    return list(map(str, items))\n",
            None,
        ),
    ),
    sample(
        "lambda to operator function",
        "[([(i * 7919 % 1009, i) for i in range(500)],)]",
        "def f(pairs):\n    return sorted(pairs, key=lambda pair: pair[0])\n",
        "import operator\n\n\ndef f(pairs):\n    return sorted(pairs, key=operator.itemgetter(0))\n",
        (
            "The place may change until the function is called.",
            "def f(pairs, place=0):\n    return sorted(pairs, key=lambda pair: pair[place])\n",
            None,
        ),
        (
            "Two arguments are needed for a lambda with a default.",
            "def f(pairs):\n    return sorted(pairs, key=lambda pair, place=0: pair[place])\n",
            None,
        ),
    ),
    sample(
        "loop of set.add to set.update",
        NUMBERS,
        "def f(items):\n    seen = set()\n    for item in items:\n        seen.add(item)\n    return seen\n",
        "def f(items):\n    seen = set()\n    seen.update(items)\n    return seen\n",
        (
            "The last item is used after the loop.",
            "def f(items):\n    seen = set()\n    for item in items:\n        seen.add(item)\n"
            "    return seen, item\n",
            None,
        ),
        (
            "What is read is what grows.",
            "def f(items):\n    seen = set()\n    for item in sorted(seen):\n        seen.add(item)\n"
            "    return seen\n",
            None,
        ),
    ),
    sample(
        "enumerate without its number dropped",
        NUMBERS,
        "def f(items):\n    total = 0\n    for number, item in enumerate(items):\n"
        "        total += item\n    return total\n",
        "def f(items):\n    total = 0\n    for item in items:\n        total += item\n    return total\n",
        (
            "The number is used.",
            "def f(items):\n    total = 0\n    for number, item in enumerate(items):\n"
            "        total += item * number\n    return total\n",
            None,
        ),
        (
            "The list grows while only its numbers are read.",
            "def f(items):\n    total = 0\n    for number, item in enumerate(items):\n"
            "        if number < 5:\n            items.append(number)\n        total += number\n"
            "    return total\n",
            None,
        ),
    ),
    sample(
        "isinstance of NoneType to is None",
        "[([None, 1, 2] * 200,)]",
        "def f(items):\n    return [isinstance(item, type(None)) for item in items]\n",
        "def f(items):\n    return [(item is None) for item in items]\n",
        (
            "Another type.",
            "def f(items):\n    return [item for item in items if not isinstance(item, type(1))]\n",
            None,
        ),
        (
            "`type` is something else here.",
            "def f(items, type=lambda _: int):\n"
            "    return [item for item in items if not isinstance(item, type(None))]\n",
            None,
        ),
    ),
    sample(
        "affix test and slice to removeprefix",
        "[(['http://a', 'ftp'] * 200,)]",
        "def f(items):\n    names = []\n    for item in items:\n        if item.startswith('http://'):\n"
        "            item = item[7:]\n        names.append(item)\n    return names\n",
        "def f(items):\n    names = []\n    for item in items:\n"
        "        item = item.removeprefix('http://')\n        names.append(item)\n    return names\n",
        (
            "Another number of characters is cut off.",
            "def f(items):\n    names = []\n    for item in items:\n"
            "        if item.startswith('http://'):\n            item = item[4:]\n"
            "        names.append(item)\n    return names\n",
            None,
        ),
        (
            "Something else than text, which has no removeprefix.",
            "class Path(list):\n    def startswith(self, start):\n        return True\n\n"
            "def f(item):\n    if item.startswith('a'):\n        item = item[1:]\n    return item\n",
            "[(Path('ab'),)]",
        ),
    ),
    sample(
        "items of which one half is used",
        "[({number: number for number in range(800)},)]",
        "def f(table):\n    total = 0\n    for key, value in table.items():\n        total += value\n"
        "    return total\n",
        "def f(table):\n    total = 0\n    for value in table.values():\n        total += value\n"
        "    return total\n",
        (
            "Both halves are used.",
            "def f(table):\n    total = 0\n    for key, value in table.items():\n"
            "        total += key * value\n    return total\n",
            None,
        ),
        (
            "The key is used after the loop.",
            "def f(table):\n    total = 0\n    for key, value in table.items():\n"
            "        total += value\n    return total, key\n",
            None,
        ),
    ),
    sample(
        "several affix tests to one",
        WORDS,
        "def f(links):\n    return [link for link in links\n"
        "            if link.startswith('ftp') or link.startswith('news') or link.startswith('http')]\n",
        "def f(links):\n    return [link for link in links\n"
        "            if link.startswith(('ftp', 'news', 'http'))]\n",
        (
            "The second candidate is worked out only if the first does not fit.",
            "def f(links):\n    return [link for link in links\n"
            "            if link.startswith('ftp') or link.startswith(next(iter(links)))]\n",
            None,
        ),
        (
            "Both must fit.",
            "def f(links):\n    return [link for link in links\n"
            "            if link.startswith('h') and link.startswith('ht')]\n",
            None,
        ),
    ),
    sample(
        "chain of equalities to membership",
        WORDS,
        "def f(words):\n    return [w for w in words if w == 'a' or w == 'b' or w == 'c']\n",
        "def f(words):\n    return [w for w in words if w in {'a', 'b', 'c'}]\n",
        (
            "Lists cannot be hashed.",
            "def f(words):\n    return words == 1 or words == 2 or words == 3\n",
            "[([1, 2],)]",
        ),
        (
            "What it is compared with may be anything.",
            "def f(words, a='a', b='b'):\n    return [w for w in words if w == a or w == b]\n",
            None,
        ),
    ),
    sample(
        "dict item looked up again",
        "[({str(number): number for number in range(800)},)]",
        "def f(table):\n    total = 0\n    for key, value in table.items():\n"
        "        total += table[key] + len(key)\n    return total\n",
        "def f(table):\n    total = 0\n    for key, value in table.items():\n"
        "        total += value + len(key)\n    return total\n",
        (
            "The value may have changed.",
            "def f(table):\n    total = 0\n    for key, value in table.items():\n"
            "        table.update({key: 1})\n        total += table[key] + len(key)\n    return total\n",
            None,
        ),
        (
            "Another dictionary.",
            "def f(table):\n    total = 0\n    other = dict(table)\n"
            "    for key, value in table.items():\n        total += other[key] + len(key)\n"
            "    return total\n",
            None,
        ),
    ),
    sample(
        "membership in a literal sequence to set",
        WORDS,
        "def f(words):\n    return [w for w in words if w in ('am', 'an', 'as', 'at', 'if', 'in')]\n",
        "def f(words):\n    return [w for w in words if w in {'am', 'an', 'as', 'at', 'if', 'in'}]\n",
        (
            "Lists cannot be hashed.",
            "def f(words):\n    return words in ('am', 'an', 'as', 'at', 'if', 'in')\n",
            "[([1, 2],)]",
        ),
        (
            "Neither can the lists in a list.",
            "def f(words):\n    return [w for w in words if w in ('am', 'an', 'as', 'at', 'if', 'in')]\n",
            "[([[1], [2]],)]",
        ),
        (
            "What it is compared with may be anything.",
            "def f(words, a='a', b='b'):\n    return [w for w in words if w in (a, b)]\n",
            None,
        ),
    ),
    sample(
        "lambda that only calls dropped",
        WORDS,
        "def f(words):\n    return sorted(words, key=lambda word: len(word))\n",
        "def f(words):\n    return sorted(words, key=len)\n",
        (
            "A further argument is given.",
            "def f(words):\n    return sorted(words, key=lambda word: word.count('a'))\n",
            None,
        ),
        (
            "The function is not known before the call.",
            "def f(words):\n    keys = [len]\n    return sorted(words, key=lambda word: keys[0](word))\n",
            None,
        ),
    ),
    sample(
        "list concatenation to one display",
        "[([1, 2, 3], list(range(200)))]",
        "def f(rest, items):\n    return [[item] + rest + [item] for item in items]\n",
        "def f(rest, items):\n    return [[item, *rest, item] for item in items]\n",
        (
            "A class of its own may add differently.",
            "class Rows(list):\n    def __radd__(self, other):\n        return 1\n\n"
            "def f(rest, items):\n    return [[item] + rest + [item] for item in items]\n",
            "[(Rows([1]), [])]",
        ),
        (
            "Nothing is known of one part.",
            "def f(rest, items):\n    return [[item] + item.parts for item in items]\n",
            "[([], [])]",
        ),
    ),
    sample(
        "whole list for its first item",
        "[({str(number): number for number in range(500)},)]",
        "def f(table):\n    return list(table)[0]\n",
        "def f(table):\n    return next(iter(table))\n",
        (
            "A generator would not be used up any more.",
            "def f(table):\n    rest = (key for key in table)\n    return list(rest)[0], list(rest)\n",
            None,
        ),
        (
            "Somebody waits for the IndexError.",
            "def f(table):\n    try:\n        return list(table)[0]\n    except IndexError:\n"
            "        return None\n",
            None,
        ),
    ),
    sample(
        "quadratic sum of lists",
        "[([[1, 2, 3]] * 300,)]",
        "def f(rows):\n    return sum(rows, [])\n",
        "import functools\nimport operator\n\n\ndef f(rows):\n"
        "    return functools.reduce(operator.iadd, rows, [])\n",
        (
            "A tuple cannot be added to a list, but would be taken by `+=`.",
            "def f(rows):\n    try:\n        return sum(rows, [])\n    except TypeError:\n        return None\n",
            "[([(1, 2)],)]",
        ),
        ("Numbers are added.", "def f(rows):\n    return sum(map(len, rows), 0)\n", None),
    ),
    sample(
        "regular expression to string method",
        "[(['ab cab', 'none'] * 150,)]",
        "import re\n\ndef f(words):\n    return [re.sub('ab', '-', word) for word in words]\n",
        "import re\n\ndef f(words):\n    return [word.replace('ab', '-') for word in words]\n",
        (
            "A dot stands for any character.",
            "import re\n\ndef f(words):\n    return [re.sub('a.', '-', word) for word in words]\n",
            None,
        ),
        (
            "The match object is used.",
            "import re\n\ndef f(words):\n    return [re.match('ab', word) for word in words][:0]\n",
            None,
        ),
    ),
    sample(
        "membership in keys to dict",
        "[({number: 1 for number in range(0, 900, 2)}, list(range(900)))]",
        "def f(table, items):\n    return [item for item in items if item in table.keys()]\n",
        "def f(table, items):\n    return [item for item in items if item in table]\n",
        (
            "Another class may mean something else by `in`.",
            "class Row:\n    def keys(self):\n        return [1]\n\n"
            "def f(table, items):\n    return [item for item in items if item in table.keys()]\n",
            "[(Row(), [1])]",
        ),
        (
            "The values are asked.",
            "def f(table, items):\n    return [item for item in items[:9] if item in table.values()]\n",
            None,
        ),
    ),
    sample(
        "format call to f-string",
        WORDS,
        "def f(items):\n    return ['{}/{}/{}'.format(item, item, item) for item in items]\n",
        "def f(items):\n    return [f'{item}/{item}/{item}' for item in items]\n",
        (
            "The template is not known.",
            "def f(items, template='{}'):\n    return [template.format(item) for item in items]\n",
            None,
        ),
        (
            "The arguments are unpacked.",
            "def f(items):\n    return ['{}-{}'.format(*divmod(item, 7)) for item in items]\n",
            None,
        ),
    ),
]
