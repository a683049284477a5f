"""What becomes of proposals, in the transcripts of this machine: training learns from it.

The repository is named as its runs are (``Checkout.known_as``), so that both are found together.
"""

import time
from collections.abc import Mapping
from pathlib import Path

from perfbot.optimizer.outcomes import Event, Outcome, patch_key
from perfbot.optimizer.redaction import Redaction
from perfbot.optimizer.transcript import Store


def remember_proposed(
    state: Path,
    known_as: str,
    changes: Mapping[str, tuple[bytes | None, bytes]],
    branch: str,
) -> None:
    """Note once that a change was proposed; ``branch`` is where, "" where it has none.

    Raises:
        TranscriptError: the store in the folder ``state`` cannot be used.
    """
    outcome = Outcome(known_as, Event.PROPOSED, time.time(), patch_key(changes), branch)
    store = Store.open(state, Redaction(frozenset()))
    try:
        said = ((each.event, each.patch, each.branch) for each in store.outcomes(known_as))
        if (outcome.event, outcome.patch, outcome.branch) not in said:
            store.add_outcome(outcome)
    finally:
        store.close()
