"""Figures of an evaluation: a failure counts 1, intervals hold the mean, the best reply counts."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.training.evaluate import Evaluation, Subject, _interval, _model, _result, _row
from perfbot.training.outcome import Branch, Outcome
from perfbot.training.stage import StageError, read_config


def right(ratio: float) -> Outcome:
    return Outcome(Branch.RIGHT, ratio)


WRONG = Outcome(Branch.WRONG)


def test_the_best_of_the_replies_counts() -> None:
    found = _result([[WRONG, right(1.0), right(4.0)], [WRONG, WRONG, WRONG]], seed=0)
    assert found.optimized.estimate == found.correct.estimate == 0.5
    assert found.speedup.estimate == 2.5
    assert found.branches == {Branch.WRONG: 4, Branch.RIGHT: 2}


def test_a_slower_program_counts_with_its_ratio_and_beside_it_with_a_floor() -> None:
    found = _result([[right(0.5)], [right(1.5)]], seed=0)
    assert (found.speedup.estimate, found.speedup_floored.estimate) == (1.0, 1.25)
    assert found.optimized.estimate == 0.5


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=20))
def test_an_interval_holds_its_mean(values: list[float]) -> None:
    found = _interval(values, seed=1)
    assert found.low <= found.estimate * (1 + 1e-9)
    assert found.estimate <= found.high * (1 + 1e-9)
    assert _interval(values, seed=1) == found


def test_a_row_has_every_figure_with_its_interval() -> None:
    row = _row("planner", _result([[right(2.0)], [WRONG]], seed=0))
    assert row.startswith("| planner | 50 (0–100) % | 50 (0–100) % | 1.50 (1.00–2.00)× |")
    assert "right 1, wrong 1" in row


def test_a_subject_that_is_two_things_is_refused() -> None:
    with pytest.raises(StageError, match="subject both"):
        _model("both", msgspec.convert({"url": "http://localhost/v1"}, Subject))
    assert _model("catalogue", Subject()) is None


def test_an_unknown_key_of_a_subject_is_named(tmp_path) -> None:
    path = tmp_path / "e.yml"
    path.write_text("out: a\npairs: b\nmemory: c\nsubjects: {x: {folder: d}}\n")
    with pytest.raises(StageError, match="unknown field `folder`"):
        read_config(path, Evaluation)
