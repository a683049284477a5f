"""What a run found, as a job stores it between two steps: JSON, bounded, read like any input.

Stored are the report, the patches and the measurements. The changed files are made of the checkout and
the patches again, so that what is published comes from perfbot's own bytes.
"""

import json
from base64 import b64decode, b64encode

from perfbot.bot.child_runs import changes
from perfbot.bot.deliveries import Json
from perfbot.bot.report import (
    Report,
    ReportFileError,
    Samples,
    from_document,
    samples_from_json,
    samples_to_json,
    to_json,
)
from perfbot.bot.runs import Checkout, Ended, Found, RunFailed

LARGEST_BYTES = 8_000_000
TOO_LARGE = "what the run found is too large to be kept ({size:,} bytes)"
NOT_STORED_BY_US = "a stored run cannot be read: {why}"


def to_stored(found: Found) -> Json:
    """Return JSON that ``from_stored`` reads back; without the measurements where it is too large.

    Raises:
        RunFailed: it is too large even so.
    """
    patches = {name: b64encode(patch).decode() for name, patch in found.patches.items()}
    report: Json = json.loads(to_json(found.report))
    samples: Json = json.loads(samples_to_json(found.samples))
    for kept in (samples, json.loads(samples_to_json({}))):
        stored: Json = {"report": report, "patches": dict(patches), "samples": kept}
        if (size := len(json.dumps(stored))) <= LARGEST_BYTES:
            return stored
    raise RunFailed(Ended.BUG, TOO_LARGE.format(size=size))


def from_stored(stored: Json, checkout: Checkout) -> Found:
    """Return what was found; raises RunFailed when it is something else."""
    match stored:
        case {"report": dict(report), "samples": dict(samples)}:
            contents = patches_in(stored)
            return Found(
                report_of(report),
                contents,
                _samples(samples),
                changes(checkout, list(contents.values())),
            )
    raise RunFailed(Ended.BUG, NOT_STORED_BY_US.format(why="it is none of this version"))


def patches_in(stored: Json) -> dict[str, bytes]:
    """Return the patches of a stored run by name."""
    match stored:
        case {"patches": dict(patches)}:
            return {name: b64decode(str(patch)) for name, patch in patches.items()}
    raise RunFailed(Ended.BUG, NOT_STORED_BY_US.format(why="it is none of this version"))


def report_in(stored: Json) -> Report:
    """Return the report of a stored run; raises RunFailed when it is none."""
    return report_of(stored["report"] if isinstance(stored, dict) else None)


def report_of(stored: Json) -> Report:
    """Return a stored report; raises RunFailed when it is none."""
    try:
        return from_document(stored)
    except ReportFileError as error:
        raise RunFailed(Ended.BUG, NOT_STORED_BY_US.format(why=error)) from None


def _samples(stored: Json) -> dict[str, Samples]:
    try:
        return samples_from_json(json.dumps(stored).encode())
    except ReportFileError as error:
        raise RunFailed(Ended.BUG, NOT_STORED_BY_US.format(why=error)) from None
