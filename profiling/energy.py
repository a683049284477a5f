"""The energy that the processor says it uses, where its counters can be read.

Linux shows the counters of Intel's and AMD's processors ("running average power limit") as files:
Documentation/power/powercap/powercap.rst of the kernel. They count for whole processor packages,
so what else runs is counted, too; since Linux 5.10 only root may read them, and most virtual
machines have none. Where they cannot be read nothing is said of energy.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeAlias

_ZONES = Path("/sys/class/powercap")
_PACKAGES = "intel-rapl:[0-9]*"  # the zone of a package; those in it have a second colon
_PAIRS = 5

Work: TypeAlias = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Meter:
    """Counters of all packages: their files and the value in microjoules at which each starts anew."""

    counters: tuple[tuple[Path, int], ...]

    def read_uj(self) -> tuple[int, ...]:
        """Return the counters' values.

        Raises:
            OSError, ValueError: one cannot be read any more.
        """
        return tuple(_whole(file) for file, _ in self.counters)

    def spent_j(self, before_uj: tuple[int, ...], after_uj: tuple[int, ...]) -> float:
        """Return the joules between two readings, in which a counter may have started anew once."""
        spent = (
            (after - before) % (largest + 1)
            for before, after, (_, largest) in zip(before_uj, after_uj, self.counters, strict=True)
        )
        return sum(spent) / 1e6


def meter(zones: Path = _ZONES) -> Meter | None:
    """Return the meter of this machine, ``None`` where there is none that can be read."""
    try:
        packages = [zone for zone in sorted(zones.glob(_PACKAGES)) if zone.name.count(":") == 1]
        found = Meter(
            tuple((zone / "energy_uj", _whole(zone / "max_energy_range_uj")) for zone in packages)
        )
        found.read_uj()
    except (OSError, ValueError):
        return None
    return found if found.counters else None


def ratio(meter: Meter, old: Work, new: Work) -> float | None:
    """Return the energy new/old of the same work, ``None`` where a counter fails or stands still.

    ``old`` and ``new`` are called in turn; each keeps busy for a while with one version and returns
    the seconds that the work takes once. Its energy is the mean power meanwhile times these seconds.
    The median of the ratios counts.
    """
    ratios = []
    for _ in range(_PAIRS):
        before_j, after_j = _joules_once(meter, old), _joules_once(meter, new)
        if not before_j or not after_j:
            return None
        ratios.append(after_j / before_j)
    return median(ratios)


def _joules_once(meter: Meter, work: Work) -> float | None:
    try:
        before_uj, started_s = meter.read_uj(), time.monotonic()
        once_s = work()
        spent_j = meter.spent_j(before_uj, meter.read_uj())
    except (OSError, ValueError):
        return None
    return spent_j / (time.monotonic() - started_s) * once_s


def _whole(file: Path) -> int:
    return int(file.read_text())
