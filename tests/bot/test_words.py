"""Numbers and reasons in words."""

import pytest

from perfbot.bot import words
from perfbot.bot.durations import format_duration, parse_duration
from perfbot.bot.report import Reason, Speedup
from perfbot.optimizer.verdict import Why


def test_every_reason_has_its_sentence() -> None:
    assert set(words.WHY) == set(Why)
    assert set(words.REASON) == set(Reason)


@pytest.mark.parametrize(
    ("low", "claim"),
    [(1.109, "1.10×"), (2.39, "2.3×"), (2.0, "2.0×"), (12.96, "12.9×"), (149.9, "149×")],
)
def test_the_claim_is_never_rounded_up(low: float, claim: str) -> None:
    assert words.at_least(Speedup(low, low, low, 0.99, 9, None, None)) == f"at least {claim} faster"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.41, "41 %"),
        (0.024, "2.4 %"),
        (0.99, "99 %"),
        (0.995, "99.5 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.0004, "< 0.1 %"),
    ],
)
def test_shares(share: float, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [(1.236, "1.24 s"), (0.31, "310 ms"), (4.2e-6, "4.2 µs"), (5e-8, "50 ns")],
)
def test_measured_times(duration_s: float, text: str) -> None:
    assert words.seconds(duration_s) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[2J\x07\r\x85", r"\x1b[2J\x07\r\x85"),
        ("x\u202ey\u2066", r"x\u202ey\u2066"),
        ("héllo 日本 👩‍👩‍👧\u00a0!", "héllo 日本 👩‍👩‍👧\u00a0!"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text: str, shown: str) -> None:
    assert words.visible(text) == shown


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("0s", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "1.5h", "-1s", "1m1h", "m", "1 h", "9999999s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(41.6, "42s"), (185, "3m 05s"), (3725, "1h 02m")])
def test_durations_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
