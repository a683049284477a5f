"""How a model is led from one version to the next."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refinement:
    """How a model is led from one version to the next.

    ``rounds`` are asked for one text: the first and what feedback makes of it, ``samples`` replies
    in each, at ``temperature`` where there are several. With ``history`` a model sees the rounds
    before, without it only its last version and what was found. ``queries`` to the project's index
    are answered for each version.
    """

    rounds: int = 3
    history: bool = True
    samples: int = 1
    temperature: float = 0.8
    queries: int = 3
