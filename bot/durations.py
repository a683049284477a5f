"""Durations as people write them: ``90s``, ``15m``, ``1h``, ``1h30m``."""

import re

_DURATION = re.compile(r"(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,6})m)?(?:(?P<s>\d{1,6})s)?", re.ASCII)
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def parse_duration(text: str) -> float:
    """Return the seconds that ``text`` stands for.

    Raises ValueError when it is no duration; a bare number is none, for nobody knows its unit.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is no duration; write one like 90s, 15m or 1h30m")
    return float(sum(int(count) * _SECONDS[unit] for unit, count in match.groupdict("0").items()))


def format_duration(seconds: float) -> str:
    """Return ``seconds`` as a person writes them: ``42s``, ``3m 05s``, ``1h 02m``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"
