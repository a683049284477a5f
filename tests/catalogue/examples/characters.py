from example import sample

EXAMPLES = [
    sample(
        "character loop to translate",
        "[('The quick brown fox jumps over the lazy dog. ' * 60,), ('',)]",
        "def f(text):\n    letters = 'abcdefghijklmnopqrstuvwxyz'\n    out = ''\n"
        "    # Four letters on.\n    for c in text:\n        if c in letters:\n"
        "            out += letters[(letters.index(c) + 4) % 26]\n        elif c != '.':\n"
        "            out += c\n    return out\n",
        "def f(text):\n    letters = 'abcdefghijklmnopqrstuvwxyz'\n    # Four letters on.\n"
        "    out = text.translate({ord(c): letters[(letters.index(c) + 4) % 26] if (c in letters) "
        "else (c if (c != '.') else '') for c in dict.fromkeys(text)})\n    return out\n",
        (
            "What a character becomes depends on what came before.",
            "def f(text):\n    out = ''\n    for c in text:\n        if not out.endswith(c):\n"
            "            out += c\n    return out\n",
            None,
        ),
        (
            "The characters are counted, too.",
            "def f(text):\n    out = ''\n    count = 0\n    for c in text:\n        out += c.upper()\n"
            "        count += 1\n    return out, count\n",
            None,
        ),
        (
            "The last character is used after the loop.",
            "def f(text):\n    out = c = ''\n    for c in text:\n        out += c.upper()\n"
            "    return out, c\n",
            None,
        ),
        (
            "The loop may end early.",
            "def f(text):\n    out = ''\n    for c in text:\n        if c == '.':\n            break\n"
            "        out += c.upper()\n    return out\n",
            None,
        ),
    ),
]
