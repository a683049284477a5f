from example import Example, NearMiss

EXAMPLES = [
    Example(
        strategy="invariant expression out of the loop",
        function="matches",
        before="""\
def matches(names, wanted):
    found = 0
    # Upper and lower case are the same.
    for name in names:
        if name == wanted.lower():
            found += 1
    return found
""",
        after="""\
def matches(names, wanted):
    found = 0
    # Upper and lower case are the same.
    wanted_lower = wanted.lower()
    for name in names:
        if name == wanted_lower:
            found += 1
    return found
""",
        calls="[([str(n) for n in range(1000)], 'Abc')]",
        near_misses=(
            NearMiss(
                "The text changes on the way.",
                """\
def matches(names, wanted):
    found = 0
    for name in names:
        if name == wanted.lower():
            found += 1
            wanted = "b"
    return found
""",
            ),
            NearMiss(
                "A method of an unknown class may do anything.",
                """\
def matches(names, wanted):
    found = 0
    for name in names:
        if name == wanted.lower():
            found += 1
    return found


class Wanted:
    def lower(self):
        return "b"
""",
                calls="[(['b'], Wanted())]",
            ),
            NearMiss(
                "The list that is measured grows under another name.",
                """\
def matches(names, wanted):
    found = 0
    for name in names:
        if len(wanted) > found:
            names.append(name)
        found += 1
    return found
""",
                calls="[(['b'], [])]",
            ),
            NearMiss(
                "Before the loop, the division may fail for nothing.",
                """\
def matches(names, wanted):
    found = 0
    for name in names:
        found += 100 // wanted
    return found
""",
                calls="[(['b'], 3)]",
            ),
            NearMiss(
                "The function that is called may change the list that is measured.",
                """\
def matches(names, wanted):
    found = 0
    for name in names:
        found += len(wanted) + checked(name)
    return found


def checked(name):
    return 0
""",
                calls="[(['b'], [])]",
            ),
        ),
    ),
    Example(
        strategy="repeated call kept in a local",
        function="answers",
        before="""\
def answers(lines):
    yes = no = 0
    for line in lines:
        if line.strip() == "yes" or line.strip() == "y":
            yes += 1
        elif line.strip() == "no":
            no += 1
    return yes, no
""",
        after="""\
def answers(lines):
    yes = no = 0
    for line in lines:
        line_strip = line.strip()
        if line_strip == "yes" or line_strip == "y":
            yes += 1
        elif line_strip == "no":
            no += 1
    return yes, no
""",
        calls="[([' yes', 'no ', 'perhaps'] * 300,)]",
        near_misses=(
            NearMiss(
                "The line is another one the second time.",
                """\
def answers(lines):
    yes = 0
    for line in lines:
        if line.strip() == "yes":
            line = line[1:]
            yes += line.strip() == "es"
    return yes
""",
            ),
            NearMiss(
                "Each call takes an item away.",
                """\
def answers(lines):
    taken = []
    for line in lines:
        taken.append(line.pop())
        taken.append(line.pop())
    return taken
""",
                calls="[([[1, 2], [3, 4]],)]",
            ),
            NearMiss(
                "Nothing is known of what the lines are.",
                """\
def answers(lines):
    yes = 0
    for line in lines:
        if line.strip() == "yes" or line.strip() == "y":
            yes += 1
    return yes
""",
                calls="[(iter(['y']),)]",
            ),
        ),
    ),
]
