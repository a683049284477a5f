"""What a repository's settings become for the judge."""

from pathlib import Path

from perfbot.bot.config import Operator, read
from perfbot.bot.connect import request

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
