"""The pairs stage as its user runs it: a configuration in, proven pairs and every reason out."""

import json
from collections import Counter
from pathlib import Path

import pytest

from perfbot.training import annotate, balance, degrade, pairs, records
from perfbot.training.data_stage import Kept, configured
from perfbot.training.verification import Reason

LOOP = "n = int(input())\ntotal = 0\nfor i in range(n):\n    total += i\nprint(total)\n"
FORMULA = "n = int(input())\nprint(n * (n - 1) // 2)\n"


def a_set(folder: Path, *, licence: str = "MIT") -> Path:
    """A folder with a good pair and several that are none, and the configuration for it."""
    sides = {
        "good": (LOOP, FORMULA),
        "equal": (FORMULA, "n = int(input())  # asked\nprint(n * (n - 1) // 2)\n"),
        "wrong": (LOOP, FORMULA.replace("- 1", "+ 1")),
        "generated": (LOOP, f"x = {'1' * 1200}\n" + FORMULA),
    }
    for name, (slow, fast) in sides.items():
        problem = folder / "set" / name
        problem.mkdir(parents=True)
        (problem / "slow.py").write_text(slow)
        (problem / "fast.py").write_text(fast)
        (problem / "input1.txt").write_text("4\n")
        (problem / "output1.txt").write_text("6\n")
    if licence:
        (folder / "set" / "LICENCE.txt").write_text(licence)
    config = folder / "pairs.toml"
    config.write_text('out = "out"\nrounds = 2\n[[sources]]\nkind = "folders"\npath = "set"\n')
    return config


def rejected(folder: Path) -> Counter[str]:
    lines = (folder / "out" / "rejected.jsonl").read_text().splitlines()
    return Counter(json.loads(each)["reason"] for each in lines)


def test_good_pairs_come_out_and_every_other_record_has_its_reason(tmp_path: Path) -> None:
    assert pairs.main(["--config", str(a_set(tmp_path))]) == 0
    (good,) = records.read(tmp_path / "out" / "pairs.jsonl.gz")
    assert (good.record, good.licence, good.slow) == ("folders:good:slow", "MIT", LOOP)
    assert rejected(tmp_path) == {
        Reason.EQUAL.value: 1,
        Reason.DIFFERS.value: 1,
        Reason.FILTERED.value: 1,
    }
    assert "| records | 4 |" in (tmp_path / "out" / "report.md").read_text()


def test_a_second_run_does_nothing_over_again_and_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_set(tmp_path)
    assert pairs.main(["--config", str(config)]) == 0
    first = (tmp_path / "out" / "pairs.jsonl.gz").read_bytes()

    def never(*_: object) -> None:
        raise AssertionError("verified again")

    monkeypatch.setattr(pairs, "verified", never)
    assert pairs.main(["--config", str(config)]) == 0
    assert (tmp_path / "out" / "pairs.jsonl.gz").read_bytes() == first


def test_an_outcome_that_was_cut_off_is_worked_out_again(tmp_path: Path) -> None:
    kept = Kept.opened(tmp_path / "outcomes.jsonl")
    kept.add("a", b"[1]")
    kept.add("b", b"[2]")
    content = kept.path.read_bytes()
    kept.path.write_bytes(content[:-3])
    again = Kept.opened(kept.path)
    assert again.found == {"a": b"[1]"}
    again.add("b", b"[2]")
    assert Kept.opened(kept.path).found == {"a": b"[1]", "b": b"[2]"}


def test_a_record_without_a_licence_is_not_used_unless_one_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = a_set(tmp_path, licence="")
    assert pairs.main(["--config", str(config)]) == 1
    assert "no source gave a pair" in capsys.readouterr().err
    assert rejected(tmp_path) == {Reason.NO_LICENCE.value: 4}


def test_the_evaluations_problems_are_left_out(tmp_path: Path) -> None:
    config = a_set(tmp_path)
    config.write_text(config.read_text() + '[[evaluation]]\nkind = "folders"\npath = "set"\n')
    assert pairs.main(["--config", str(config)]) == 1
    assert rejected(tmp_path)[Reason.CONTAMINATED.value] == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('out = "o"\n', "sources"),
        ('out = "o"\nsources = []\nspeed = 3\n', "speed"),
        ('out = "o"\n[[sources]]\nkind = "magic"\npath = "x"\n', "magic"),
        ("out = \n", "cannot be read"),
        ('out = "o"\n[[sources]]\nkind = "pie"\npath = "nothing.jsonl"\n', "nothing.jsonl"),
    ],
)
def test_a_bad_configuration_is_told_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, told: str
) -> None:
    (tmp_path / "c.toml").write_text(content)
    assert pairs.main(["--config", str(tmp_path / "c.toml")]) == 1
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_a_full_disk_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = a_set(tmp_path)
    (tmp_path / "out").write_text("a file where the folder is to be")
    assert pairs.main(["--config", str(config)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_the_recipes_of_the_data_stages_parse() -> None:
    recipes = Path(__file__).parents[2] / "recipes"
    for stage in (pairs, degrade, annotate, balance):
        name = stage.__name__.rpartition(".")[2]
        configured(stage.Config, ["--config", str(recipes / f"{name}.toml")], "a stage")
