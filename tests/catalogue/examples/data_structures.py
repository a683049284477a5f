from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="list membership to set",
        function="without_banned",
        before="""\
def without_banned(words, banned):
    kept = []
    # Keeps the order of the words.
    for word in words:
        if word not in banned:  # the slow part
            kept.append(word)
    return kept
""",
        after="""\
def without_banned(words, banned):
    kept = []
    # Keeps the order of the words.
    banned_set = set(banned)
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
                "The list may change under another name.",
                """\
def without_banned(words, banned):
    also = banned
    kept = []
    for word in words:
        if word not in banned:
            also.append(word)
    return kept
""",
            ),
            NearMiss(
                "Both parameters may be the same list.",
                """\
def without_banned(words, banned):
    for word in ["a", "b"]:
        if word not in banned:
            words.append(word)
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
                "What is looked for is not hashable.",
                """\
def without_banned(words, banned):
    for word in words:
        if word in banned:
            return word
""",
                calls="[([[1], [2]], ['a'])]",
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
    Example(
        strategy="set beside a growing list",
        function="visit",
        before="""\
def visit(links, start):
    seen = [start]
    found = []
    todo = [start]
    while todo:
        page = todo.pop()
        if page in found:
            continue
        found.append(page)
        for target in links[page]:
            todo.append(target)
    return found
""",
        after="""\
def visit(links, start):
    seen = [start]
    found = []
    found_set = set()
    todo = [start]
    while todo:
        page = todo.pop()
        if page in found_set:
            continue
        found.append(page)
        found_set.add(page)
        for target in links[page]:
            todo.append(target)
    return found
""",
        calls="[({n: [(n * 7 + 1) % 400, (n + 1) % 400] for n in range(400)}, 0)]",
        near_misses=(
            NearMiss(
                "The list also shrinks.",
                """\
def visit(links, start):
    found = []
    for page in links:
        if page in found:
            found.pop()
        found.append(page)
    return found
""",
            ),
            NearMiss(
                "Another function may change the list.",
                """\
def visit(links, start):
    found = []
    for page in links:
        if page not in found:
            found.append(page)
            note(found)
    return found

def note(pages):
    pages.append(0)
""",
            ),
            NearMiss(
                "The list may change under another name.",
                """\
def visit(links, start):
    found = []
    alias = found
    for page in links:
        if page not in found:
            found.append(page)
            alias.clear()
    return found
""",
            ),
            NearMiss(
                "Lists are not hashable.",
                """\
def visit(links, start):
    found = []
    for page in links:
        if page not in found:
            found.append(page)
            page.append(1)
    return len(found)
""",
                calls="[([[1], [2]], 0)]",
            ),
        ),
    ),
    Example(
        strategy="membership without a copy",
        function="known",
        before="""\
def known(prices, names):
    total = 0
    for name in names:
        if name in list(prices.keys()):
            total += prices[name]
    return total
""",
        after="""\
def known(prices, names):
    total = 0
    for name in names:
        if name in prices:
            total += prices[name]
    return total
""",
        calls="[({str(n): n for n in range(300)}, [str(n) for n in range(0, 400, 3)])]",
        near_misses=(
            NearMiss(
                "The values of a dict are not its keys.",
                """\
def known(prices, names):
    return sum(name in list(prices.values()) for name in names)
""",
            ),
            NearMiss(
                "A list cannot be asked of a dict.",
                """\
def known(prices, names):
    return sum(name in list(prices.keys()) for name in names)
""",
                calls="[({'a': 1}, [['a'], ['b']])]",
            ),
            NearMiss(
                "Nothing is known of the object whose keys these are.",
                """\
def known(prices, names):
    return sum(name in prices.table.keys() for name in names)
""",
                calls="[]",
            ),
        ),
    ),
    Example(
        strategy="membership in a list built each time",
        function="orphans",
        before="""\
def orphans(orders, users):
    lost = []
    for order in orders:
        if order["user"] not in [user["id"] for user in users]:
            lost.append(order)
    return lost
""",
        after="""\
def orphans(orders, users):
    lost = []
    wanted = {user["id"] for user in users}
    for order in orders:
        if order["user"] not in wanted:
            lost.append(order)
    return lost
""",
        calls="[([{'user': n % 90} for n in range(200)], [{'id': n} for n in range(80)])]",
        near_misses=(
            NearMiss(
                "The list depends on the round.",
                """\
def orphans(orders, users):
    lost = []
    for order in orders:
        if order["user"] not in [user["id"] + order["user"] for user in users]:
            lost.append(order)
    return lost
""",
            ),
            NearMiss(
                "The users change inside the loop.",
                """\
def orphans(orders, users):
    lost = []
    for order in orders:
        if order["user"] not in [user["id"] for user in users]:
            users.append({"id": order["user"]})
    return lost
""",
            ),
            NearMiss(
                "The ids change inside the loop, under another name.",
                """\
def orphans(orders, users):
    lost = []
    for order in orders:
        if order["user"] not in [user["id"] for user in users]:
            first = users[0]
            first["id"] = order["user"]
    return lost
""",
            ),
            NearMiss(
                "The ids are lists.",
                """\
def orphans(orders, users):
    return [order for order in orders if order["user"] not in [user["id"] for user in users]]
""",
                calls="[([{'user': [1]}], [{'id': [1]}])]",
            ),
        ),
    ),
    Example(
        strategy="ordered dedupe by dict",
        function="distinct",
        before="""\
def distinct(names):
    out = []
    for name in names:
        if name not in out:
            out.append(name)
    return out
""",
        after="""\
def distinct(names):
    out = list(dict.fromkeys(names))
    return out
""",
        calls="[([str(n % 300) for n in range(600)],)]",
        near_misses=(
            NearMiss(
                "The list does not start empty.",
                """\
def distinct(names):
    out = ["first"]
    for name in names:
        if name not in out:
            out.append(name)
    return out
""",
            ),
            NearMiss(
                "The last name is used after the loop.",
                """\
def distinct(names):
    out = []
    for name in names:
        if name not in out:
            out.append(name)
    return out, name
""",
            ),
            NearMiss(
                "Lists are not hashable.",
                """\
def distinct(names):
    out = []
    for name in names:
        if name not in out:
            out.append(name)
    return out
""",
                calls="[([[1], [2]],)]",
            ),
        ),
    ),
]
