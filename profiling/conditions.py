"""Under what conditions something was measured; figures of different ones should not be mixed."""

import os
from dataclasses import dataclass
from pathlib import Path

_FREQUENCY = "/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq"  # in kilohertz


@dataclass(frozen=True, slots=True)
class Conditions:
    """The processors that may be used, their mean frequency where it can be read, and the load.

    ``load`` is the average number of running tasks over the last minute.
    """

    cpus: tuple[int, ...]
    megahertz: float | None
    load: float


def conditions_now() -> Conditions:
    """Return the present conditions of this process, which those that it starts inherit."""
    able = (
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    cpus = tuple(sorted(able))
    read = [hertz for cpu in cpus if (hertz := _megahertz(cpu)) is not None]
    return Conditions(cpus, sum(read) / len(read) if read else None, os.getloadavg()[0])


def _megahertz(cpu: int) -> float | None:
    try:
        return int(Path(_FREQUENCY.format(cpu=cpu)).read_text()) / 1000
    except (OSError, ValueError):
        return None
