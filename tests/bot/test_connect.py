"""What stands in the configuration reaches the judge, and what the judge should tell reaches the report."""

from dataclasses import replace
from pathlib import Path

from perfbot.bot.config import Accept, Operator, read
from perfbot.bot.connect import _terms, request
from perfbot.bot.findings import _decided, _harder
from perfbot.bot.words import DECIDED
from perfbot.optimizer.readability import Kept, Limits
from perfbot.optimizer.verdict import Accepted, Gate
from perfbot.optimizer.verify import OTHER_TYPES
from perfbot.profiling.functions import FunctionName

SETTINGS = b"""\
version: 1
accept: {min_speedup: 1.2}
overrides:
  - paths: ["src/billing/**"]
    accept: {min_kill_rate: 0.9}
"""


def test_critical_code_asks_for_better_evidence(tmp_path: Path) -> None:
    operator = Operator.from_environment({})
    terms = request(tmp_path, read(SETTINGS), operator, trust=True).terms
    assert (terms("src/billing/total.py").min_kill_rate, terms("src/a.py").min_kill_rate) == (
        0.9,
        0,
    )
    assert terms("src/billing/total.py").min_speedup == 1.2


def test_the_tolerance_of_the_configuration_reaches_the_judge():
    assert _terms(Accept(tolerance=1e-9), frozenset()).tolerance == 1e-9
    assert _terms(Accept(), frozenset()).tolerance is None


def test_what_may_be_harder_to_read_reaches_the_judge():
    accept = Accept(max_length_ratio=3.0, max_nesting_increase=1, keep=frozenset({Kept.NAMES}))
    assert _terms(accept, frozenset()).readability == Limits(5, 3.0, 1, frozenset({Kept.NAMES}))
    assert _terms(Accept(), frozenset()).readability == Limits()


def test_an_accepted_change_that_is_harder_to_read_says_so():
    one, other = FunctionName("a.py", "one"), FunctionName("a.py", "other")
    verdict = Accepted((), (), harder_to_read={one: ("it is long", "it is deep"), other: ()})
    assert _harder(verdict, one) == ("harder to read: it is long; it is deep",)
    assert _harder(verdict, other) == _harder(Accepted((), ()), one) == ()


def test_how_results_were_compared_is_part_of_every_acceptance_that_is_not_plain():
    plain = Gate("same results", True, "12 calls compared", 1.0)
    tolerant = Gate("same results", True, "12 calls compared, floats may differ by 1e-09", 1.0)
    beside = replace(tolerant, detail=f"{tolerant.detail}, {OTHER_TYPES.format(what='f(None), …')}")
    assert _decided(Accepted((), (plain,))) == DECIDED
    assert _decided(Accepted((), (tolerant,))) == f"{DECIDED}; floats may differ by 1e-09"
    assert _decided(Accepted((), (beside,))) == f"{DECIDED}; floats may differ by 1e-09"
