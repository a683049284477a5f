from example import Example, NearMiss, sample

EXAMPLES = [
    Example(
        strategy="print per item to one print",
        function="f",
        before="def f(items):\n    # One a line.\n    for item in items:\n        print(item)\n",
        after="def f(items):\n    # One a line.\n    if items:\n"
        '        print("\\n".join(map(str, items)))\n',
        calls="[(list(range(100)),), ([],)]",
        near_misses=(
            NearMiss(
                "Whoever makes the text of an object may print, too.",
                "class Loud:\n    def __str__(self):\n        print('!')\n        return 'loud'\n\n"
                "def f(items):\n    for item in items:\n        print(item)\n",
                "[([Loud()],)]",
            ),
            NearMiss(
                "The lines end otherwise.",
                "def f(items):\n    for item in items:\n        print(item, end='')\n",
            ),
            NearMiss(
                "What was printed before an error counts.",
                "def f(items):\n    for item in items:\n        print(1 / (item + 1))\n",
            ),
            NearMiss(
                "A generator may print along the way.",
                "def f(items):\n    numbers = (item for item in items)\n    for item in numbers:\n"
                "        print(item)\n",
            ),
        ),
    ),
    sample(
        "record per unpack to iter_unpack",
        "[(bytes(range(256)) * 16,), (b'',)]",
        "import struct\n\ndef f(data):\n"
        "    return [struct.unpack('<i', data[i:i + 4])[0] for i in range(0, len(data), 4)]\n",
        "import struct\n\ndef f(data):\n"
        "    return [value for (value,) in struct.iter_unpack('<i', data)]\n",
        (
            "The steps are not those of a record.",
            "import struct\n\ndef f(data):\n"
            "    return [struct.unpack('<i', data[i:i + 4])[0] for i in range(0, len(data) - 7, 8)]\n",
            None,
        ),
        (
            "The pieces overlap.",
            "import struct\n\ndef f(data):\n"
            "    return [struct.unpack('<h', data[i:i + 2])[0] for i in range(0, len(data) - 1, 1)]\n",
            None,
        ),
    ),
]
