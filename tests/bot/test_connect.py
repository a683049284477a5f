"""What stands in the configuration reaches the judge, and what the judge should tell reaches the report."""

from perfbot.bot.config import Accept
from perfbot.bot.connect import _terms
from perfbot.bot.findings import DECIDED, _decided
from perfbot.optimizer.verdict import Accepted, Gate


def test_the_tolerance_of_the_configuration_reaches_the_judge():
    assert _terms(Accept(tolerance=1e-9), frozenset()).tolerance == 1e-9
    assert _terms(Accept(), frozenset()).tolerance is None


def test_how_results_were_compared_is_part_of_every_acceptance_that_is_not_plain():
    plain = Gate("same results", True, "12 calls compared", 1.0)
    tolerant = Gate("same results", True, "12 calls compared, floats may differ by 1e-09", 1.0)
    assert _decided(Accepted((), (plain,))) == DECIDED
    assert _decided(Accepted((), (tolerant,))) == f"{DECIDED}; floats may differ by 1e-09"
