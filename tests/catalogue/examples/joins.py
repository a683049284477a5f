from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="nested loop join to index",
        function="with_names",
        before="""\
def with_names(orders, users):
    rows = []
    for order in orders:
        for user in users:
            if user["id"] == order["user"]:
                order["name"] = user["name"]
                rows.append((order["item"], user["name"]))
    return rows
""",
        after="""\
def with_names(orders, users):
    rows = []
    by_key = {}
    for user in users:
        by_key.setdefault(user["id"], []).append(user)
    for order in orders:
        for user in by_key.get(order["user"], ()):
            order["name"] = user["name"]
            rows.append((order["item"], user["name"]))
    return rows
""",
        calls=(
            "[([{'user': n % 90, 'item': n} for n in range(200)], "
            "[{'id': n % 80, 'name': n} for n in range(150)])]"
        ),
        near_misses=(
            NearMiss(
                "A match changes the keys.",
                """\
def with_names(orders, users):
    rows = []
    for order in orders:
        for user in users:
            if user["id"] == order["user"]:
                user["id"] = -1
                rows.append(order)
    return rows
""",
            ),
            NearMiss(
                "A user may change under another name.",
                """\
def with_names(orders, users):
    rows = []
    for order in orders:
        for user in users:
            if user["id"] == order["user"]:
                rows.append(user)
        last = users[-1]
        last["id"] = order["user"]
    return rows
""",
            ),
            NearMiss(
                "The users change in the outer loop.",
                """\
def with_names(orders, users):
    rows = []
    for order in orders:
        for user in users:
            if user["id"] == order["user"]:
                rows.append(user["name"])
        users.append({"id": order["user"], "name": "?"})
    return rows
""",
            ),
            NearMiss(
                "The last user is used after the inner loop.",
                """\
def with_names(orders, users):
    rows = []
    for order in orders:
        for user in users:
            if user["id"] == order["user"]:
                rows.append(order)
        rows.append(user)
    return rows
""",
            ),
            NearMiss(
                "NaN is found in a dict, though it equals nothing.",
                """\
def with_names(orders, users):
    rows = []
    for order in orders:
        for user in users:
            if user == order:
                rows.append((order, user))
    return rows
""",
                calls="[([1.0], [1.0])]",
            ),
            NearMiss(
                "There is no outer loop that would repeat the search.",
                """\
def with_names(orders, users):
    rows = []
    for user in users:
        if user["id"] == 3:
            rows.append(user)
    return rows
""",
            ),
        ),
    ),
    Example(
        strategy="filter per key to index",
        function="by_team",
        before="""\
def by_team(teams, people):
    result = {}
    for team in teams:
        result[team] = [name for name, member_of in people if member_of == team]
    return result
""",
        after="""\
def by_team(teams, people):
    result = {}
    by_key = {}
    for name, member_of in people:
        by_key.setdefault(member_of, []).append((name, member_of))
    for team in teams:
        result[team] = [name for name, member_of in by_key.get(team, ())]
    return result
""",
        calls=(
            "[([str(n) for n in range(60)], [(str(n), str(n % 70)) for n in range(300)])]"
        ),
        near_misses=(
            NearMiss(
                "Smaller is not equal.",
                """\
def by_team(teams, people):
    result = {}
    for team in teams:
        result[team] = [name for name, member_of in people if member_of < team]
    return result
""",
            ),
            NearMiss(
                "People leave inside the loop.",
                """\
def by_team(teams, people):
    result = {}
    for team in teams:
        result[team] = [name for name, member_of in people if member_of == team]
        people.pop()
    return result
""",
            ),
            NearMiss(
                "Teams are lists, which no dict can hold.",
                """\
def by_team(teams, people):
    result = []
    for team in teams:
        result.append([person for person in people if person == team])
    return result
""",
                calls="[([[1]], [[1], [2]])]",
            ),
        ),
    ),
    Example(
        strategy="pair search by lookup",
        function="two_sum",
        before="""\
def two_sum(numbers, target):
    for i in range(len(numbers)):
        for j in range(i + 1, len(numbers)):
            if numbers[i] + numbers[j] == target:
                return [i, j]
    return None
""",
        after="""\
def two_sum(numbers, target):
    last_place = {value: place for place, value in enumerate(numbers)}
    for i in range(len(numbers)):
        if last_place.get(target - numbers[i], -1) >= i + 1:
            for j in range(i + 1, len(numbers)):
                if numbers[i] + numbers[j] == target:
                    return [i, j]
    return None
""",
        calls="[(list(range(0, 400, 2)), 601), (list(range(200)), 396)]",
        near_misses=(
            NearMiss(
                "Floats round, so t - a may differ from the b with a + b == t.",
                """\
def two_sum(numbers, target):
    for i in range(len(numbers)):
        for j in range(i + 1, len(numbers)):
            if numbers[i] + numbers[j] == target:
                return [i, j]
    return None
""",
                calls="[([0.1, 0.2], 0.3)]",
            ),
            NearMiss(
                "The numbers change in the outer loop.",
                """\
def two_sum(numbers, target):
    for i in range(len(numbers)):
        numbers[i] += 1
        for j in range(i + 1, len(numbers)):
            if numbers[i] + numbers[j] == target:
                return [i, j]
    return None
""",
            ),
            NearMiss(
                "The outer loop may go beyond the end, where the inner loop never looks.",
                """\
def two_sum(numbers, target):
    for i in range(1000):
        for j in range(i + 1, len(numbers)):
            if numbers[i] + numbers[j] == target:
                return [i, j]
    return None
""",
            ),
        ),
    ),
]
