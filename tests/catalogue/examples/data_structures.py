from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="list membership to set",
        function="without_banned",
        before="""\
def without_banned(words, banned):
    # Keeps the order of the words.
    kept = []
    for word in words:
        if word not in banned:  # the slow part
            kept.append(word)
    return kept
""",
        after="""\
def without_banned(words, banned):
    banned_set = set(banned)
    # Keeps the order of the words.
    kept = []
    for word in words:
        if word not in banned_set:  # the slow part
            kept.append(word)
    return kept
""",
        calls="[([str(n) for n in range(500)], [str(n) for n in range(0, 500, 3)])]",
        near_misses=(
            NearMiss(
                "The list grows while it is searched, so a set built before would miss items.",
                """\
def without_banned(words, banned):
    kept = []
    for word in words:
        if word not in banned:
            kept.append(word)
            banned.append(word)
    return kept
""",
            ),
            NearMiss(
                "Lists are not hashable.",
                """\
def without_banned(words, banned):
    return [word for word in words if word not in banned]
""",
                calls="[([[1], [2]], [[2]])]",
            ),
            NearMiss(
                "A single test does not pay for building a set.",
                """\
def without_banned(words, banned):
    return words not in banned
""",
                calls="[('a', ['b'])]",
            ),
        ),
    ),
]
