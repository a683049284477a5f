from example import Example, NearMiss

SOURCE = """\
class Source:
    def __init__(self, text):
        self.text = text
        self.place = 0

    def at_end(self):
        return self.place >= len(self.text)

    def step(self):
        self.place += 1

    @property
    def current(self):
        return self.text[self.place]


"""
PARSER = """\
class Parser:
    def __init__(self, text):
        self._source = Source(text)

    def at_end(self):
        \"\"\"Say whether all is read.\"\"\"
        return self._source.at_end()

    def step(self):
        self._source.step()

    @property
    def current(self):
        return self._source.current

"""
BEFORE = """\
    def count(self, wanted):
        found = 0
        # up to the end
        while not self.at_end():
            if self.current == wanted:
                found += 1
            self.step()
        return found
"""
AFTER = """\
    def count(self, wanted):
        found = 0
        # up to the end
        while not self._source.at_end():
            if self._source.current == wanted:
                found += 1
            self._source.step()
        return found
"""
REPR = """
    def __repr__(self):
        return f"Parser at {self._source.place}"
"""

EXAMPLES = [
    Example(
        strategy="forwarding member asked directly",
        function="Parser.count",
        before=SOURCE + PARSER + BEFORE + REPR,
        after=SOURCE + PARSER + AFTER + REPR,
        calls="[(Parser('some text that is read'), letter) for letter in 'aeiou']",
        near_misses=(
            NearMiss(
                "A class of the module says something else there.",
                SOURCE
                + PARSER
                + """\
    def count(self, wanted):
        return self.current == wanted


class Wrapped(Parser):
    @property
    def current(self):
        return "x"
""",
            ),
            NearMiss(
                "An object of another class was seen, which may answer in its own way.",
                SOURCE
                + PARSER
                + """\
    def count(self, wanted):
        return self.current == wanted


class Other:
    current = "x"
""",
                "[(Parser('text'), 'a'), (Other(), 'x')]",
            ),
            NearMiss(
                "The module replaces the method of an object.",
                SOURCE
                + PARSER
                + """\
    def count(self, wanted):
        self.step()
        return wanted


def without_steps(parser):
    parser.step = int
""",
            ),
            NearMiss(
                "The method does more than pass on.",
                """\
class Parser:
    def __init__(self, text):
        self.text = text

    def size(self):
        return len(self.text.strip())

    def count(self, wanted):
        return self.size() + len(wanted)
""",
            ),
            NearMiss(
                "What is called returns something, and the method does not.",
                SOURCE
                + """\
class Parser:
    def __init__(self, text):
        self._source = Source(text)

    def check(self):
        self._source.at_end()

    def count(self, wanted):
        return self.check(), wanted
""",
            ),
        ),
    ),
]
