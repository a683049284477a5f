"""How often data may be looked at while they grow, and what each look may cost of the error probability.

Looking many times with the usual interval errs far more often than it says. Here each look spends a
part of the error probability, in proportion to the pairs that it adds, so that all of it is spent
when the planned number of pairs is reached, never more (Lan & DeMets, "Discrete sequential
boundaries for clinical trials", Biometrika 70, 1983; the spending function is alpha * t**rho with
rho = 1 of Kim & DeMets, Biometrika 74, 1987). What a look may spend is turned into the level of its
interval by following the distribution of a sum of independent normal values through all the looks
before it (Armitage, McPherson & Rowe, "Repeated significance tests on accumulating data", Journal
of the Royal Statistical Society A 132, 1969). The same levels serve tests whose data are not
normal with known variance (the significance-level approach of Pocock, Biometrika 64, 1977).

The intervals of all looks together, each at its own level, hold with the whole confidence, whatever
the reason to stop at one of them: they are repeated confidence intervals (Jennison & Turnbull,
*Group Sequential Methods with Applications to Clinical Trials*, 2000, chapter 9).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_POINTS = 64  # of the Gauss-Legendre rule by which a sum's distribution is followed
_FAR = 40.0  # standard deviations: no bound is farther out


def level(looks: Sequence[int], planned: int, error: float) -> float:
    """Return the two-sided error probability that the interval of the last of ``looks`` may have.

    ``looks`` are the numbers of pairs at which the data have been looked at, the current one last;
    ``planned`` is the number at which all of ``error`` is spent. Looks need not have been planned,
    but whether there is one must not depend on what the data say.
    """
    return _levels(tuple(looks), planned, error)[-1]


@cache
def _levels(looks: tuple[int, ...], planned: int, error: float) -> tuple[float, ...]:
    from scipy.optimize import brentq  # late: half of perfbot's start-up time

    total, pairs = _Sum.of_nothing(), 0
    found: list[float] = []
    for look in looks:
        added, pairs = look - pairs, look
        excess = partial(total.excess, added=added, spent=error * added / planned)
        bound = float(brentq(excess, 0.0, _FAR * math.sqrt(look)))
        total = total.grown(added, bound)
        found.append(math.erfc(bound / math.sqrt(2 * look)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Sum:
    """Where a sum of independent standard normal values may be, if no look has ended it before.

    ``masses`` are probabilities at ``points``; together they are less than 1 by what has been spent.
    """

    points: "NDArray[np.float64]"
    masses: "NDArray[np.float64]"

    @classmethod
    def of_nothing(cls) -> "_Sum":
        import numpy as np

        return cls(np.zeros(1), np.ones(1))

    def excess(self, bound: float, *, added: int, spent: float) -> float:
        """Return by how much the sum of ``added`` more values is likelier than ``spent`` to be beyond ``bound``."""
        from scipy.special import ndtr

        spread = math.sqrt(added)
        beyond = ndtr((self.points - bound) / spread) + ndtr((-bound - self.points) / spread)
        return float(self.masses @ beyond) - spent

    def grown(self, added: int, bound: float) -> "_Sum":
        """Return the sum of ``added`` more values where it stays within ``bound``."""
        import numpy as np

        spread = math.sqrt(added)
        nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
        grid = bound * nodes
        steps = (grid[:, None] - self.points[None, :]) / spread
        density = np.exp(-steps * steps / 2) @ self.masses / (spread * math.sqrt(2 * math.pi))
        return _Sum(grid, density * weights * bound)
