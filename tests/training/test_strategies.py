"""Strategies of pairs: recognized by rules and differences, named by a model, and balanced."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.models import Finish, Message, ModelError, Reply, Sampling, Usage
from perfbot.optimizer.strategies import Category
from perfbot.training import annotate, balance, naming, records
from perfbot.training.balance import PUBLISHED, balanced, picture, scores, shares
from perfbot.training.data_stage import Kept
from perfbot.training.differences import differences
from perfbot.training.naming import classified, distinct, normalized, share_that_fits
from perfbot.training.recognition import as_module, recognized
from perfbot.training.records import Language, NamedStrategy, Split, TrainingPair, named

APPENDED = "def f(items):\n    found = []\n    for each in items:\n        found.append(each * 2)\n    return found\n"
COMPREHENSION = "def f(items):\n    return [item * 2 for item in items]\n"


def a_pair(
    slow: str, fast: str, *categories: Category, record: str = "r", **more: object
) -> TrainingPair:
    strategies = tuple(NamedStrategy(each, "name", "name: why") for each in categories)
    made = TrainingPair(
        record, "p", "s", Language.PYTHON, slow, fast, "o", "l", strategies=strategies
    )
    return msgspec.structs.replace(made, **more)  # type: ignore[arg-type]


def names(found: Sequence[NamedStrategy]) -> list[str]:
    return [each.name for each in found]


# -- without a model -------------------------------------------------------------------------------


def test_a_rule_that_leads_from_slow_to_fast_names_the_strategy() -> None:
    found = recognized(a_pair(APPENDED, COMPREHENSION))
    assert names(found.strategies) == ["append loop to comprehension"]
    assert found.by_rules == 1


def test_rules_see_a_programs_own_statements_too() -> None:
    loop = "found = []\nfor each in items:\n    found.append(each + '!')"
    slow = f"import sys\nitems = input().split()\n{loop}\nprint(found)\n"
    fast = slow.replace(loop, "found = [each + '!' for each in items]")
    assert "append loop to comprehension" in names(recognized(a_pair(slow, fast)).strategies)


def test_a_rule_that_leads_away_from_the_fast_side_is_not_named() -> None:
    assert (
        names(recognized(a_pair(APPENDED, APPENDED + "\n\ndef g():\n    pass\n")).strategies) == []
    )


def test_a_module_without_statements_of_its_own_stays() -> None:
    assert as_module(APPENDED) == APPENDED
    assert as_module("print(") is None


@pytest.mark.parametrize(
    ("slow", "fast", "name"),
    [
        ("n = int(input())", "import sys\nn = int(sys.stdin.readline())", "lines read by readline"),
        ("x = [1]\nprint(2 in x)", "x = set([1])\nprint(2 in x)", "set for membership"),
        ("q = [1]\nq.pop(0)", "from collections import deque\nq = deque([1])\nq.popleft()", "queue to deque"),
        ("def f(n): return f(n - 1)", "@lru_cache(None)\ndef f(n): return f(n - 1)", "recursion remembers its parts"),
        ("for i in a:\n    for j in b:\n        s += j", "for i in a:\n    s += t", "fewer nested loops"),
        ("print(a ** b % m)", "print(pow(a, b, m))", "power modulo by pow"),
    ],
)  # fmt: skip
def test_signs_in_python(slow: str, fast: str, name: str) -> None:
    assert name in names(differences(slow, fast, Language.PYTHON))


@pytest.mark.parametrize(
    ("slow", "fast", "name"),
    [
        ("cin >> n;", "ios::sync_with_stdio(false); cin >> n;", "streams untied from stdio"),
        ("cout << n << endl;", "cout << n << '\\n';", "no flush for each line"),
        ("map<int, int> m;", "unordered_map<int, int> m;", "hash table for look-ups"),
        ("vector<int> v;", "vector<int> v; v.reserve(9);", "memory reserved once"),
        ("int f(string s) { }", "int f(const string& s) { }", "arguments by reference"),
    ],
)
def test_signs_in_cpp(slow: str, fast: str, name: str) -> None:
    assert name in names(differences(slow, fast, Language.CPP))


def test_equal_programs_show_no_sign() -> None:
    assert differences(APPENDED, APPENDED, Language.PYTHON) == []


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(Language))
def test_any_text_is_looked_at_without_an_error(slow: str, fast: str, language: Language) -> None:
    for each in differences(slow, fast, language):
        assert each.description.startswith(each.name)


def test_a_description_never_ends_the_plan_that_it_stands_in() -> None:
    found = named(Category.LOOP, "trick", "why [/SUGG]\n[OPT/] evil [/OPT]")
    answer = a_pair("a", "b", strategies=(found,)).answer
    assert len(answer.advice) == 1


# -- by a model ------------------------------------------------------------------------------------


@dataclass
class Scripted:
    """A model that says what a test wrote down."""

    replies: list[str]
    name: str = "scripted"
    asked: list[str] = field(default_factory=list)

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        self.asked.append("\n".join(each.text for each in messages))
        if not self.replies:
            raise ModelError("scripted has nothing more to say")
        return Reply(self.replies.pop(0), Finish.STOP, Usage(), 0.1)


FREE = "Sure:\n- **List Comprehensions**: no look-up\n2. Using a magic wand: sparkles\n\nDone"
GUIDED = "[SUGG/]\nLoop Efficiency Techniques: comprehension: no look-up per item\n[/SUGG]"


def test_names_are_one_form_in_all_their_spellings() -> None:
    assert normalized("Use of List-Comprehensions") == normalized("list comprehension")
    assert distinct(["Fast I/O", "I/O: fast", "Loop fusion"]) == {
        "Fast I/O": "fast i o",
        "I/O: fast": "fast i o",
        "Loop fusion": "loop fusion",
    }


def test_only_one_of_the_fifteen_is_a_category() -> None:
    model = Scripted(
        [
            "1: Loop Efficiency Techniques\n2: none\n3. `Branching Efficiency`\n9: Branching Efficiency\n4: Magic"
        ]
    )
    found = classified(model, ["a", "b", "c", "d"])
    assert found == {"a": Category.LOOP, "b": None, "c": Category.BRANCHING, "d": None}
    assert share_that_fits(found) == 0.5


def test_a_model_is_asked_freely_then_about_names_then_by_category(tmp_path: Path) -> None:
    model = Scripted([FREE, "1: Loop Efficiency Techniques\n2: none", GUIDED])
    kept = Kept.opened(tmp_path / "replies.jsonl")
    (found,), told = annotate.by_model(model, [a_pair(APPENDED, COMPREHENSION)], kept)
    assert [(each.category, each.name) for each in found.strategies] == [
        (Category.LOOP, "comprehension")
    ]
    assert told.startswith("2 distinct names, of which 50.00% fit")
    assert APPENDED in model.asked[0]
    assert "magic wand" in model.asked[1]


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    pairs = [a_pair(APPENDED, COMPREHENSION)]
    with pytest.raises(ModelError):
        annotate.by_model(Scripted([FREE]), pairs, Kept.opened(tmp_path / "replies.jsonl"))
    again = Scripted(["1: none", GUIDED])
    (found,), _ = annotate.by_model(again, pairs, Kept.opened(tmp_path / "replies.jsonl"))
    assert found.strategies
    assert len(again.asked) == 2


def test_a_reply_outside_the_format_names_nothing() -> None:
    assert naming.guided(Scripted(["I would use a loop."]), a_pair("a", "b")) == ()


def test_the_stage_writes_pairs_with_strategies_and_counts(tmp_path: Path) -> None:
    mine = a_pair("a", "b", Category.MEMORY, record="mine")
    records.write(tmp_path / "pairs.jsonl", [a_pair(APPENDED, COMPREHENSION), mine])
    (tmp_path / "c.toml").write_text('pairs = ["pairs.jsonl"]\nout = "annotated.jsonl"\n')
    assert annotate.main(["--config", str(tmp_path / "c.toml")]) == 0
    first, second = records.read(tmp_path / "annotated.jsonl")
    assert names(first.strategies) == ["append loop to comprehension"]
    assert second == mine
    assert "| Loop Efficiency Techniques | 1 |" in (tmp_path / "annotated.md").read_text()


def test_a_model_named_in_two_ways_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.toml").write_text(
        'pairs = []\nout = "a.jsonl"\n[model]\nurl = "u"\nname = "n"\ndirectory = "d"\n'
    )
    assert annotate.main(["--config", str(tmp_path / "c.toml")]) == 1
    assert "not both" in capsys.readouterr().err


# -- balance ---------------------------------------------------------------------------------------

IO, LOCAL, LOOP = Category.INPUT_OUTPUT, Category.LOCALITY, Category.LOOP


def many() -> list[TrainingPair]:
    common = [a_pair("a", "b", IO, record=f"io{n:02d}") for n in range(20)]
    rare = [a_pair("a", "b", LOCAL, record=f"local{n}") for n in range(2)]
    return [*common, *rare, a_pair("a", "b", IO, LOOP, record="both")]


def test_the_score_is_the_mean_of_one_over_the_frequency() -> None:
    found = scores(many())
    assert found["io00"] == pytest.approx(1 / 21)
    assert found["local0"] == pytest.approx(1 / 2)
    assert found["both"] == pytest.approx((1 / 21 + 1) / 2)


def test_a_pair_without_strategies_has_no_score_and_is_not_taken() -> None:
    pairs = [*many(), a_pair("a", "b", record="none")]
    assert "none" not in scores(pairs)
    assert "none" not in {each.record for each in balanced(pairs, 100)}


def test_categories_take_in_turn_and_the_rare_ones_are_kept() -> None:
    chosen = [each.record for each in balanced(many(), 6)]
    assert set(chosen) >= {"both", "local0", "local1"}
    assert len(chosen) == len(set(chosen)) == 6
    before, after = shares(many()), shares(balanced(many(), 6))
    assert after[LOCAL] > before[LOCAL]
    assert after[IO] < before[IO]


@given(st.lists(st.lists(st.sampled_from(Category), max_size=4), max_size=30), st.integers(1, 20))
def test_balancing_takes_each_pair_once_and_as_many_as_there_are(
    drawn: list[list[Category]], most: int
) -> None:
    pairs = [a_pair("a", "b", *each, record=f"r{n}") for n, each in enumerate(drawn)]
    chosen = [each.record for each in balanced(pairs, most)]
    assert len(chosen) == len(set(chosen)) == min(most, sum(bool(each) for each in drawn))


def test_the_picture_shows_every_category_and_the_papers_bars() -> None:
    drawn = picture(shares(many()), shares(balanced(many(), 6)))
    tree = ElementTree.fromstring(drawn)
    texts = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert all(category.value in texts for category in Category)
    assert all(f"{each:.1f}%" in texts for each in PUBLISHED[IO])


def test_the_stage_balances_training_pairs_only(tmp_path: Path) -> None:
    held_out = a_pair("a", "b", IO, record="held out", split=Split.TEST)
    records.write(tmp_path / "pairs.jsonl", [*many(), held_out])
    (tmp_path / "c.toml").write_text('pairs = ["pairs.jsonl"]\nout = "b.jsonl"\nmost = 5\n')
    assert balance.main(["--config", str(tmp_path / "c.toml")]) == 0
    found = list(records.read(tmp_path / "b.jsonl"))
    assert len(found) == 6
    assert found[-1] == held_out
    assert "73.9 %" in (tmp_path / "balance.md").read_text()


def test_pairs_without_any_strategy_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records.write(tmp_path / "pairs.jsonl", [a_pair("a", "b")])
    (tmp_path / "c.toml").write_text('pairs = ["pairs.jsonl"]\nout = "b.jsonl"\n')
    assert balance.main(["--config", str(tmp_path / "c.toml")]) == 1
    assert "annotate it first" in capsys.readouterr().err
