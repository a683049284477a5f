"""What the project's index tells of a function: what it uses in other files, and who calls it."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfbot.optimizer.excerpts import Excerpt
from perfbot.optimizer.project_index import ProjectIndex
from perfbot.optimizer.surroundings import callers, related, used_elsewhere
from perfbot.profiling.functions import FunctionName

LONG = "\n".join(f"    x += {number}" for number in range(30))
FILES = {
    "shop/money.py": f'''\
RATE = 1.2
TABLE = {{
{chr(10).join(f"    {number}: {number}," for number in range(40))}
}}
UNUSED = 3


def euro(x):
    """Say euros.

    More.
    """
    return x * RATE


def long(x: int) -> int:
    """Do much.

    More.
    """
{LONG}
    return x


class Purse:
    """Holds coins.

    More.
    """

    size: int = 3

    def put(self, coin):
        """Put one in."""
        self.coin = coin
''',
    "shop/basket.py": """\
from shop.money import RATE, TABLE, Purse, euro
from shop import money


def local(x):
    return x


class Basket:
    def total(self):
        result = local(euro(1)) * RATE
        result += money.long(2) + TABLE[3]
        purse = Purse()
        return result + purse.size
""",
    "shop/page.py": """\
from shop.basket import Basket


class Page:
    def show(self, kind):
        basket = Basket()
        if kind:
            return basket.total()
        return None


print(Basket().total())
""",
    "tests/test_basket.py": """\
from shop.basket import Basket


def test_total():
    assert Basket().total()
""",
}
TOTAL = FunctionName("shop/basket.py", "Basket.total")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[ProjectIndex]:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    with ProjectIndex.open(":memory:") as opened:
        opened.update(tmp_path, FILES)
        yield opened


def by_first_line(excerpts: tuple[Excerpt, ...]) -> dict[str, str]:
    return {each.text.split("\n")[0]: each.text for each in excerpts}


def test_what_it_uses_of_other_files_is_shown_in_the_order_of_use(index: ProjectIndex) -> None:
    found = used_elsewhere(index, TOTAL)
    assert {each.path for each in found} == {"shop/money.py"}
    assert [each.text.split("\n")[0] for each in found] == [
        "RATE = 1.2", "def euro(x):", "TABLE = {", "def long(x: int) -> int:", "class Purse:",
    ]  # fmt: skip


def test_short_functions_are_whole_and_long_ones_and_classes_and_tables_are_cut(index) -> None:
    found = by_first_line(used_elsewhere(index, TOTAL))
    assert "return x * RATE" in found["def euro(x):"]
    assert found["def long(x: int) -> int:"] == 'def long(x: int) -> int:\n    """Do much."""'
    assert found["class Purse:"] == textwrap.dedent(
        '''\
        class Purse:
            """Holds coins."""
            size: int = 3
            def put(self, coin):'''
    )
    assert len(found["TABLE = {"].split("\n")) == 12


def test_callers_are_shown_with_the_lines_that_call_and_tests_are_left_out(index) -> None:
    found = callers(index, TOTAL)
    assert {each.path for each in found} == {"shop/page.py"}
    texts = [each.text for each in found]
    assert "# in Page\ndef show(self, kind):\n    …\n            return basket.total()" in texts
    assert "print(Basket().total())" in texts


def test_what_sounds_like_the_function_is_shown_and_what_it_uses_is_not_shown_again(
    index: ProjectIndex, tmp_path: Path
) -> None:
    (tmp_path / "shop/tests").mkdir()
    more = {
        "shop/sums.py": 'def total_of(prices):\n    """Add prices up."""\n    return sum(prices)\n',
        "shop/tests/test_sums.py": "def total():\n    return 3\n",
        "shop/page.py": FILES["shop/page.py"],
    }
    for path, text in more.items():
        (tmp_path / path).write_text(text)
    index.update(tmp_path, {**FILES, **more})
    found = related(index, TOTAL)
    assert ("shop/sums.py", "def total_of(prices):") in {
        (each.path, each.text.split("\n")[0]) for each in found
    }
    assert not any("def euro" in each.text for each in found)
    assert not any(each.path.startswith("shop/tests") for each in found)


def test_of_what_is_not_in_the_index_nothing_is_known(index: ProjectIndex) -> None:
    assert used_elsewhere(index, FunctionName("shop/none.py", "f")) == ()
    assert callers(index, FunctionName("shop/none.py", "f")) == ()
    assert related(index, FunctionName("shop/none.py", "f")) == ()
