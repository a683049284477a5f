from example import sample

PROSE = "[('The quick brown fox jumps over the lazy dog. ' * 20,), ('',)]"

EXAMPLES = [
    sample(
        "count of characters",
        PROSE,
        "def f(text):\n    vowels = 'aeiouAEIOU'\n    return sum(c in vowels for c in text)\n",
        "def f(text):\n    vowels = 'aeiouAEIOU'\n"
        "    return sum([text.count(c) for c in set(text) if c in vowels])\n",
        (
            "The items of a list are not characters.",
            "def f(text):\n    return sum(c in 'ae' for c in text)\n",
            "[(['a', 'bc'] * 40,)]",
        ),
        (
            "Each item counts for what it is, not for one.",
            "def f(text):\n    return sum(ord(c) for c in text)\n",
            None,
        ),
        (
            "A call of an unknown function may have effects.",
            "def g(c):\n    print(end='')\n    return c == 'a'\n\n"
            "def f(text):\n    return sum(1 for c in text if g(c))\n",
            None,
        ),
        (
            "For a short text the distinct characters do not pay.",
            "def f(text):\n    return sum(c in 'aeiou' for c in text)\n",
            "[('short',)]",
        ),
    ),
    sample(
        "loop over distinct characters",
        "[(7 ** 400,), (-12,)]",
        "def f(number):\n    even = odd = 0\n    for digit in str(abs(number)):\n"
        "        # Zero is even.\n        if int(digit) % 2 == 0:\n            even += 1\n"
        "        else:\n            odd += 1\n    return even, odd\n",
        "def f(number):\n    even = odd = 0\n    text = str(abs(number))\n"
        "    for digit in dict.fromkeys(text):\n"
        "        # Zero is even.\n        if int(digit) % 2 == 0:\n"
        "            even += text.count(digit)\n"
        "        else:\n            odd += text.count(digit)\n    return even, odd\n",
        (
            "The last digit is used after the loop.",
            "def f(number):\n    even = 0\n    for digit in str(abs(number)):\n"
            "        if digit in '02468':\n            even += 1\n    return even, digit\n",
            None,
        ),
        (
            "What is asked depends on what was counted before.",
            "def f(number):\n    even = 0\n    for digit in str(abs(number)):\n"
            "        if digit in '02468' and even < 5:\n            even += 1\n    return even\n",
            None,
        ),
        (
            "Sums of floats depend on the order.",
            "def f(number):\n    share = 0.1\n    for digit in str(abs(number)):\n"
            "        if digit in '02468':\n            share += 1\n    return share\n",
            None,
        ),
        (
            "The loop may end early.",
            "def f(number):\n    even = 0\n    for digit in str(abs(number)):\n"
            "        if digit == '7':\n            break\n        even += 1\n    return even\n",
            None,
        ),
    ),
    sample(
        "characters filtered by translate",
        "[('The quick brown fox. ' * 200, 'aeiou'), ('', '')]",
        "def f(text, banned):\n    return ''.join([c for c in text if c not in banned])\n",
        "def f(text, banned):\n"
        "    return text.translate({ord(c): None for c in dict.fromkeys(text) if c in banned})\n",
        (
            "The items of a list are not characters.",
            "def f(text, banned):\n    return ''.join([c for c in text if c not in banned])\n",
            "[(['a', 'bc'] * 40, 'b')]",
        ),
        (
            "Something stands between the characters.",
            "def f(text, banned):\n    return ' '.join([c for c in text if c not in banned])\n",
            None,
        ),
        (
            "The test has an effect.",
            "def f(text, banned):\n    kept = []\n"
            "    return ''.join([c for c in text if not kept.append(c)])\n",
            None,
        ),
    ),
    sample(
        "characters mapped by translate",
        "[('The quick brown fox jumps. ' * 30, 3), ('', 1)]",
        "def f(text, shift):\n"
        "    return ''.join(chr((ord(c) - 97 + shift) % 26 + 97) for c in text)\n",
        "def f(text, shift):\n    return text.translate("
        "{ord(c): chr((ord(c) - 97 + shift) % 26 + 97) for c in dict.fromkeys(text)})\n",
        (
            "Numbers would be taken for characters by `translate`.",
            "def f(text, shift):\n    table = {c: ord(c) for c in text}\n"
            "    return ''.join(table[c] for c in text) if shift < 0 else ''\n",
            None,
        ),
        (
            "Each call gives another character.",
            "def f(text, shift):\n    source = iter(text)\n"
            "    return ''.join(next(source) for c in text)\n",
            None,
        ),
        (
            "For a short text the table does not pay.",
            "def f(text, shift):\n    return ''.join(chr(ord(c) + shift) for c in text)\n",
            "[('short', 1)]",
        ),
    ),
    sample(
        "joined reversal to slice",
        PROSE,
        "def f(text):\n    return ''.join(reversed(text))\n",
        "def f(text):\n    return text[::-1]\n",
        (
            "The items of a list are joined.",
            "def f(text):\n    return ''.join(reversed(text))\n",
            "[(['ab', 'c'],)]",
        ),
        (
            "Something stands between the characters.",
            "def f(text):\n    return '-'.join(reversed(text))\n",
            None,
        ),
    ),
    sample(
        "split for its length to count",
        PROSE,
        "def f(text):\n    return len(text.split(' ')) - 1\n",
        "def f(text):\n    return (text.count(' ') + 1) - 1\n",
        (
            "Without a separator, runs of white space count once.",
            "def f(text):\n    return len(text.split())\n",
            None,
        ),
        (
            "From the right, overlapping separators are found elsewhere.",
            "def f(text):\n    return len(text.rsplit('aa'))\n",
            None,
        ),
        (
            "An empty separator is an error.",
            "def f(text):\n    return len(text.split('')) if text is None else 0\n",
            None,
        ),
    ),
    sample(
        "split only as far as needed",
        "[('GET,/index.html,200,123,-,-,Mozilla,en,de,fr',), ('',)]",
        "def f(line):\n    return line.split(',')[0], line.split(',')[-1]\n",
        "def f(line):\n    return line.split(',', 1)[0], line.rsplit(',', 1)[-1]\n",
        (
            "The parts are used again.",
            "def f(line):\n    parts = line.split(',')\n    return parts[0], len(parts)\n",
            None,
        ),
        (
            "From the right, overlapping separators are found elsewhere.",
            "def f(line):\n    return line.split(',,')[-1]\n",
            None,
        ),
        (
            "Some class of its own.",
            "class Line:\n    def split(self, separator):\n        return [1]\n\n"
            "def f(line):\n    return line.split(',')[0]\n",
            "[(Line(),)]",
        ),
    ),
]
