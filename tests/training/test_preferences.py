"""Preferences: the better reply comes first, a tenth is about speed, people's word can be added."""

import msgspec
import pytest

from perfbot.optimizer.judged_pairs import JudgedPair, Origin, Preference, Refused, Stage
from perfbot.optimizer.outcomes import Event
from perfbot.optimizer.protocol import parse, prompt
from perfbot.training.court import Task
from perfbot.training.outcome import Branch
from perfbot.training.preferences import (
    Judged,
    Kind,
    PreferencesError,
    of_people,
    paired,
    read,
    write,
)

TASKS = [Task(f"def f(a):\n    return a + {n}\n", "f", ("(1,)",)) for n in range(20)]


def replies(*found: tuple[Branch, float]) -> list[Judged]:
    return [Judged(f"reply {n}", branch, ratio) for n, (branch, ratio) in enumerate(found)]


def test_the_right_reply_is_chosen_and_one_tenth_is_about_speed() -> None:
    each = replies(
        (Branch.RIGHT, 1.0), (Branch.RIGHT, 9.0), (Branch.WRONG, 0.0), (Branch.NO_FORMAT, 0.0)
    )
    made = paired(TASKS, [each] * len(TASKS), per_task=4, seed=1)
    by_kind = {kind: [x for x in made if x.kind is kind] for kind in Kind}
    assert len(by_kind[Kind.CORRECTNESS]) / len(made) == pytest.approx(0.9, abs=0.02)
    assert {x.chosen for x in by_kind[Kind.CORRECTNESS]} <= {"reply 0", "reply 1"}
    assert {x.rejected for x in by_kind[Kind.CORRECTNESS]} <= {"reply 2", "reply 3"}
    assert {(x.chosen, x.rejected) for x in by_kind[Kind.SPEED]} == {("reply 1", "reply 0")}
    assert {x.prompt for x in made} <= {prompt(task.program) for task in TASKS}


def test_the_same_seed_makes_the_same() -> None:
    each = replies((Branch.RIGHT, 1.0), (Branch.RIGHT, 2.0), (Branch.WRONG, 0.0))
    made = [paired(TASKS, [each] * len(TASKS), per_task=1, seed=seed) for seed in (3, 3, 4)]
    assert made[0] == made[1] != made[2]


def test_nothing_is_made_of_replies_that_are_all_alike() -> None:
    for found in ([(Branch.WRONG, 0.0)] * 3, [(Branch.RIGHT, 1.0), (Branch.RIGHT, 1.05)]):
        assert paired(TASKS[:1], [replies(*found)], per_task=4, seed=1) == []


def test_what_cannot_be_judged_is_neither_better_nor_worse() -> None:
    assert paired(TASKS[:1], [replies((Branch.RIGHT, 1.0), (Branch.UNKNOWN, 0.0))], 4, 1) == []


def verdict(fate: Event, edited: str = "") -> JudgedPair:
    return JudgedPair(
        "run:f", Origin("repo", None, None, "run", "0.1"), "a.py", "f", "def f(): return 1 + 1",
        "def f(): return 2", None, None, (), "embedded", "embedded", None,
        Preference(fate, edited), (Refused("def f(): return 3", (), Stage.JUDGE, "wrong"),),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fate", "edited", "chosen", "rejected"),
    [
        (Event.MERGED, "", "def f(): return 2", "def f(): return 3"),
        (Event.EDITED, "def f(): return int(2)", "def f(): return int(2)", "def f(): return 2"),
        (Event.CLOSED, "", "def f(): return 1 + 1", "def f(): return 2"),
    ],
)
def test_what_people_did_says_what_they_prefer(tmp_path, fate, edited, chosen, rejected) -> None:
    path = tmp_path / "verdicts.jsonl"
    path.write_bytes(msgspec.json.encode(verdict(fate, edited)) + b"\n")
    (found,) = of_people(path)
    assert (parse(found.chosen).code, parse(found.rejected).code) == (chosen, rejected)
    assert found.kind is Kind.PEOPLE


def test_a_line_that_is_no_verdict_is_named(tmp_path) -> None:
    path = tmp_path / "verdicts.jsonl"
    path.write_bytes(msgspec.json.encode(verdict(Event.MERGED)) + b"\n{}\n")
    with pytest.raises(PreferencesError, match="line 2 is no judged pair"):
        list(of_people(path))


def test_preferences_are_read_as_they_were_written(tmp_path) -> None:
    made = paired(TASKS[:3], [replies((Branch.RIGHT, 1.0), (Branch.WRONG, 0.0))] * 3, 4, 1)
    write(tmp_path / "p.jsonl", made)
    assert read(tmp_path / "p.jsonl") == made
    (tmp_path / "p.jsonl").write_text("{")
    with pytest.raises(PreferencesError, match="has no preferences"):
        read(tmp_path / "p.jsonl")
