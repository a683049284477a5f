"""Wrong, diagnosed, right: a model behind a real endpoint mends what each class of error says.

The server says what a test wrote down; everything else is real: the search, the sandbox that replays
calls, ruff, the type checker, the project's index.
"""

import time
from collections.abc import Callable, Sequence

import pytest
from model_server import ModelServer, fails, says, serving
from test_proposing import Scripted

from perfbot.optimizer import diagnosis
from perfbot.optimizer.authors import Authors
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.endpoint import Endpoint
from perfbot.optimizer.knowledge import Knowledge
from perfbot.optimizer.lookup import IndexLookup
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.project_index import ProjectIndex
from perfbot.optimizer.proposing import Tried
from perfbot.optimizer.refinement import Refinement
from perfbot.optimizer.search import Found, search
from perfbot.optimizer.spending import GIVEN_UP, Spending
from perfbot.optimizer.verdict import Rejected, Why
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.source import read_source

STOCK = '''\
class Item:
    def __init__(self, name: str, price: int) -> None:
        self.name = name
        self.price = price


def prices_by_name(items: list[Item]) -> dict[str, int]:
    """Return the price of each name."""
    return {each.name: each.price for each in items}
'''
REPORT = '''\
from shop import stock
from shop.stock import Item


def total(items: list[Item], names: list[str]) -> int:
    """Add up what is asked for."""
    amount = 0
    for name in names:
        for item in items:
            if item.name == name:
                amount += item.price
                break
    return amount
'''
TESTS = """\
from shop.report import total
from shop.stock import Item


def test_total():
    items = [Item(f"n{number}", number) for number in range(200)]
    assert total(items, ["n3", "n5"] * 40) == 320
    assert total(items, ["none"] * 50 + ["n7"]) == 7
"""
FILES = {
    "shop/__init__.py": "",
    "shop/stock.py": STOCK,
    "shop/report.py": REPORT,
    "tests/test_report.py": TESTS,
}
TOTAL = FunctionName("shop/report.py", "total")
PLAN = "[SUGG/]\nData Structure Selection: look prices up by name\n[/SUGG]\n"
HEAD = "def total(items: list[Item], names: list[str]) -> int:\n"
RIGHT = "    prices = stock.prices_by_name(items[::-1])\n    return sum([prices.get(name, 0) for name in names])\n"
SLOWER = (
    "    pairs = sorted((each.name, each.price) for _ in range(60) for each in items[::-1])\n"
    "    prices = dict(pairs)\n    return sum([prices.get(name, 0) for name in names])\n"
)


def answer(body: str) -> str:
    return f"{PLAN}[OPT/]\n{HEAD}{body}[/OPT]"


@pytest.fixture(scope="module")
def case(prepare: Callable[..., Case]) -> Case:
    return prepare(FILES, str(TOTAL))


@pytest.fixture(scope="module")
def index(case: Case):
    with ProjectIndex.open(":memory:") as opened:
        opened.update(case.tree.root, case.tree.files)
        yield opened


def searched(
    case: Case,
    index: ProjectIndex,
    server: ModelServer,
    *,
    spending: Spending | None = None,
    dropped: Sequence[Tried] = (),
    **settings,
) -> Found:
    recording = case.recordings[TOTAL]
    source = read_source(case.tree.root / TOTAL.path)
    subject = Subject(TOTAL, source, dict(recording.facts), frozenset(), recording.count)
    model = Endpoint(server.url, "tiny")
    refinement = Refinement(**settings)
    replies = 8
    by = Authors(model, model, (), spending or Spending(1.0), replies, Knowledge,
                 refinement=refinement, lookup=IndexLookup(index))  # fmt: skip
    deadline_s = time.monotonic() + 900
    return search(case, subject, [by], Terms(), deadline_s=deadline_s, dropped=dropped)


def told(server: ModelServer, number: int) -> str:
    """The last message of a request: what was found against the version before."""
    return str(server.requests[number]["messages"][-1]["content"])


STORIES = [
    pytest.param(
        "    prices = price_by_name(items)\n    return sum(prices[name] for name in names)\n",
        ["UNDEF", "price_by_name", "def prices_by_name(items: list[Item])"],
        id="UNDEF: a name that nothing defines, and the one that is meant",
    ),
    pytest.param(
        "    prices = stock.price_by_names(items)\n    return sum(prices[name] for name in names)\n",
        ["UNDEF", "price_by_names", "def prices_by_name(items: list[Item])", "has no attribute"],
        id="UNDEF: a member that a module lacks, and those that it has",
    ),
    pytest.param(
        "    prices = stock.prices_by_name(items, names)\n    return sum(prices[name] for name in names)\n",
        ["API", "prices_by_name", "1 positional argument", "def prices_by_name(items: list[Item])"],
        id="API: a call that is not possible, and the signature",
    ),
    pytest.param(
        "    prices = {each.name: each.cost for each in items}\n    return sum(prices[name] for name in names)\n",
        ["OBJECT", "cost", "self.price = price"],
        id="OBJECT: an attribute that is not there, and those that are",
    ),
    pytest.param(
        "    prices = stock.prices_by_name(items)\n    return sum(prices[name] for name in names)\n",
        ["FUNC", "KeyError", "before the change"],
        id="FUNC: another result, on the smallest input",
    ),
    pytest.param(
        "    prices = stock.prices_by_name(items\n    return 0\n",
        ["does not parse"],
        id="OTHER: what is no Python",
    ),
    pytest.param(
        "    import os\n    return len(os.environ) and 0\n",
        ["newly reaches for", "environ"],
        id="OTHER: what is not allowed",
    ),
    pytest.param(
        SLOWER,
        ["costs more", "Its time goes to", "'pairs = sorted(", "runs"],
        id="OTHER: right and slower, with the lines that are slow",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "parts"), STORIES)
def test_what_is_wrong_is_diagnosed_and_the_next_version_is_right(
    case: Case, index: ProjectIndex, wrong: str, parts: Sequence[str]
) -> None:
    with serving(says(answer(wrong)), says(answer(RIGHT)), fails(401)) as server:
        found = searched(case, index, server)
    for part in parts:
        assert part in told(server, 1), told(server, 1)
    assert found.candidates
    assert b"prices_by_name(items[::-1])" in found.candidates[0].content
    assert found.candidates[0].optimizer == "openai:tiny"


def test_a_failing_input_is_shown_as_small_as_it_can_be(case: Case, index: ProjectIndex) -> None:
    wrong = (
        "    prices = stock.prices_by_name(items)\n    return sum(prices[name] for name in names)\n"
    )
    with serving(says(answer(wrong)), says(answer(RIGHT)), fails(401)) as server:
        searched(case, index, server)
    shown = told(server, 1).split("total(")[1].split("before the change")[0]
    assert len(shown) < 60, shown  # 200 items and 51 names were recorded


def test_a_model_asks_the_index_before_it_answers(case: Case, index: ProjectIndex) -> None:
    query = "[SQL/]\nSELECT qualname, signature FROM symbols WHERE name LIKE 'price%'\n[/SQL]"
    with serving(says(query), says(answer(RIGHT)), fails(401)) as server:
        found = searched(case, index, server)
    assert "symbols(path, qualname" in server.prompt(0)
    assert "prices_by_name" in told(server, 1)
    assert found.candidates


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("DROP TABLE symbol", "SELECT"),
        ("SELECT nothing FROM symbols", "nothing"),
        ("SELECT name FROM sqlite_master", "refused"),
    ],
)
def test_a_query_that_is_refused_says_why_and_the_model_goes_on(
    case: Case, index: ProjectIndex, query: str, why: str
) -> None:
    with serving(says(f"[SQL/]\n{query}\n[/SQL]"), says(answer(RIGHT)), fails(401)) as server:
        found = searched(case, index, server)
    assert why in told(server, 1)
    assert found.candidates


def test_after_three_queries_there_is_only_an_answer(case: Case, index: ProjectIndex) -> None:
    query = says("[SQL/]\nSELECT name FROM symbols\n[/SQL]")
    with serving(*[query] * 4, says(answer(RIGHT)), fails(401)) as server:
        found = searched(case, index, server)
    assert "last query" in told(server, 3)
    assert "no code" in told(server, 4)  # the fourth query counted as the answer
    assert found.candidates


def test_with_history_the_conversation_grows_and_without_it_does_not(
    case: Case, index: ProjectIndex
) -> None:
    first, second = (answer(f"    return undefined_{name}\n") for name in "ab")
    for history in (True, False):
        script = says(first), says(second), says(answer(RIGHT)), fails(401)
        with serving(*script) as server:
            assert searched(case, index, server, history=history).candidates
        assert ("undefined_a" in server.prompt(2)) == history
        assert "undefined_b" in server.prompt(2)


def test_the_best_version_is_built_upon_with_its_own_slow_lines(
    case: Case, index: ProjectIndex
) -> None:
    better = (
        "    prices = {}\n    for item in items:\n        prices.setdefault(item.name, item.price)\n"
        "    return sum([prices.get(name, 0) for name in names])\n"
    )
    with serving(says(answer(better)), says(answer(RIGHT)), fails(401)) as server:
        found = searched(case, index, server)
    asked = server.prompt(1)
    assert "times less than the original" in asked
    assert "prices.setdefault(item.name, item.price)" in asked
    assert "Where its time goes" in asked
    assert found.candidates


def test_several_samples_are_asked_for_at_once(case: Case, index: ProjectIndex) -> None:
    with serving(says(answer(RIGHT)), says(answer("    return 0\n")), fails(401)) as server:
        found = searched(case, index, server, samples=2, temperature=0.5)
    sent = sorted(server.requests[:2], key=lambda each: each["seed"])
    assert [(each["seed"], each["temperature"]) for each in sent] == [(0, 0.5), (1, 0.5)]
    assert sent[0]["messages"] == sent[1]["messages"]
    assert found.candidates
    assert len(found.dropped) == 1


def test_versions_of_an_ensemble_compete_in_one_search(case: Case) -> None:
    recording = case.recordings[TOTAL]
    source = read_source(case.tree.root / TOTAL.path)
    subject = Subject(TOTAL, source, dict(recording.facts), frozenset(), recording.count)
    thrice = "    prices = dict([(i.name, i.price) for _ in range(3) for i in items[::-1]])\n"
    thrice += "    return sum([prices.get(name, 0) for name in names])\n"
    models = [Scripted([answer(thrice)], name="one"), Scripted([answer(RIGHT)], name="other")]
    authors = [Authors(each, each, (), Spending(1.0), 4, Knowledge) for each in models]
    found = search(case, subject, authors, Terms(), deadline_s=time.monotonic() + 600)
    assert found.candidates[0].optimizer == "other"
    second = [each.asked[1][0][-1].text for each in models]
    for shown in second:  # both are asked to improve on the better one
        assert "prices_by_name(items[::-1])" in shown


def test_the_same_code_again_is_said_once_and_then_it_ends(case: Case, index: ProjectIndex) -> None:
    same = answer("    return 0\n")
    with serving(
        says(same), says(same.replace("return 0", "return 0  # indeed")), says(same)
    ) as server:
        found = searched(case, index, server, rounds=5)
    assert found.candidates == ()
    assert len(server.requests) == 2


def test_a_test_that_fails_is_told_with_what_it_says(
    prepare: Callable[..., Case],
) -> None:
    """The version does the same on every recorded call; a test looks at how it does it."""
    strict = TESTS + "    assert 'sum' not in total.__code__.co_names, 'no sums here'\n"
    case = prepare(FILES | {"tests/test_report.py": strict}, str(TOTAL))
    mended = (
        "    prices = stock.prices_by_name(items[::-1])\n    amount = 0\n    for name in names:\n"
        "        amount += prices.get(name, 0)\n    return amount\n"
    )
    with ProjectIndex.open(":memory:") as index:
        index.update(case.tree.root, case.tree.files)
        with serving(says(answer(RIGHT)), says(answer(mended)), fails(401)) as server:
            found = searched(case, index, server)
    for part in ("FUNC", "test_total", "passed before the change", "no sums here"):
        assert part in told(server, 1)
    assert b"amount += prices.get(name, 0)" in found.candidates[0].content


def test_what_the_judge_refused_is_known_to_the_next_search(
    case: Case, index: ProjectIndex
) -> None:
    with serving(says(answer(RIGHT)), fails(401)) as server:
        best = searched(case, index, server).candidates[0]
    why = diagnosis.of_verdict(Rejected(Why.USES_MORE_MEMORY, "it needs 3.1× the memory", ()))
    dropped = [Tried(best.plan.suggestions, why, best.optimizer, best.content.decode())]
    with serving(says(answer(RIGHT)), fails(401)) as server:
        found = searched(case, index, server, dropped=dropped)
    assert "it needs 3.1× the memory" in server.prompt(0)  # before it writes anything
    assert "means the same as a version that was tried before" in told(server, 1)
    assert found.candidates == ()


def test_an_endpoint_that_dies_in_the_middle_leaves_what_was_found(
    case: Case, index: ProjectIndex
) -> None:
    spending = Spending(1.0)
    with serving(says(answer("    return 0\n")), fails(401, "gone")) as server:
        found = searched(case, index, server, spending=spending)
        assert found.candidates == ()
        assert len(found.dropped) == 1
        before = len(server.requests)
        searched(case, index, server, spending=spending)
        searched(case, index, server, spending=spending)
        searched(case, index, server, spending=spending)
    assert len(server.requests) == before + 1  # a second failure, and it is not asked again
    assert GIVEN_UP.format(name="openai:tiny", count=2) in spending.failures


@pytest.mark.parametrize(
    "limits", [{"limit_usd": 1.0, "limit_tokens": 0}, {"limit_usd": 1.0, "deadline_s": 0.0}]
)
def test_without_a_budget_nothing_is_asked(case: Case, index: ProjectIndex, limits: dict) -> None:
    with serving(says(answer(RIGHT))) as server:
        found = searched(case, index, server, spending=Spending(**limits))
    assert (server.requests, found.tries) == ([], 0)
