"""The score of a changed function, on inputs that perfbot never saw; part of ``benchmarks/pairs.py``.

Right: on every case of every level, what the data set's checker says of it against the expert's
version. Fast: old against new at the largest level at which the old version comes to an end, in
interleaved pairs of fresh processes.
"""

import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from perfbot.profiling.environment import Interpreter
from perfbot.profiling.measure import Pair as Timed
from perfbot.profiling.measure import Threshold, compare
from perfbot.profiling.sandbox import Command, Limits, Sandbox
from perfbot.training.readers.reading import Pair

HERE = Path(__file__).parent
SCRIPT = HERE / "pair_inside.py"
PAIRS = 6  # of fresh processes per ratio
CALL_LIMIT_S = 3.0  # one call of a version, in scoring
BUDGET_S = 0.04  # for repeating one case in one process
WALL_S = 400.0


class NotScored(Exception):  # noqa: N818 - it says what came of the record
    """A record's generator or checker does not work; the message says how."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Old against new at a level: the median of the ratios of pairs of processes."""

    level: int
    ratio: float
    ratios: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scorer:
    """Runs ``pair_inside.py`` for one record."""

    sandbox: Sandbox
    interpreter: Interpreter
    pair: Pair

    def job(self, do: str, seed: str, **fields: object) -> list[dict[str, object]]:
        """Do one job in a fresh process.

        Raises:
            NotScored: the process did not answer, or the record's own code failed in it.
        """
        pair, generator = self.pair, self.pair.generator
        assert generator is not None
        described = {
            "do": do,
            "seed": f"{seed}/{pair.record}",
            "name": pair.entry_point,
            "names": pair.names,
            "generator": generator.sources[0],
            "checker": pair.checker,
            "sizes": generator.sizes,
            "limit_s": CALL_LIMIT_S,
            **fields,
        }
        return self._answer(described)

    def _answer(self, described: Mapping[str, object]) -> list[dict[str, object]]:
        command = Command(
            (str(self.interpreter.executable), "-I", str(SCRIPT)),
            Path("/"),
            (*self.interpreter.readable, HERE),
            environment={"PYTHONHASHSEED": "0"},
            stdin=json.dumps(described).encode(),
            limits=Limits(wall_s=WALL_S, output_bytes=1 << 28),
        )
        done = self.sandbox.run(command)
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            tail = done.stderr[-300:].decode(errors="replace").strip()
            raise NotScored(f"{described['do']} {done.ending.value}: {tail}") from None
        if "trouble" in answer:
            raise NotScored(answer["trouble"].strip().splitlines()[-1])
        return answer["answer"]

    def errors(self, source: str) -> list[str]:
        """Return where a version is not right though the slow one is, in words; empty when nowhere."""
        pair = self.pair
        found = self.job("check", "score", source=source, old=pair.slow, reference=pair.fast)
        return [
            f"level {each['level']}, case {each['case']}: {each['verdict']}"
            for each in found
            if not str(each["verdict"]).startswith(("right", "as before", "the reference"))
        ]

    def speed(self, old: str, new: str, pairs: int = PAIRS) -> Speed | None:
        """Return how much faster the new version is; ``None`` where the old one never ends."""
        level = self.level_of(old)
        if level is None:
            return None
        found = compare(
            self._measure(old, new, level),
            threshold=Threshold(1.1),
            confidence=0.99,
            deadline_s=0.0,
            looks=(pairs,),
        )
        ratios = tuple(pair.ratio for pair in found.pairs)
        return Speed(level, statistics.median(ratios), ratios)

    def level_of(self, source: str) -> int | None:
        """Return the largest level at which a version comes to an end on all cases."""
        generator = self.pair.generator
        assert generator is not None
        for level in reversed(range(len(generator.sizes))):
            if self.seconds(source, level, budget_s=0.0) is not None:
                return level
        return None

    def seconds(self, source: str, level: int, budget_s: float = BUDGET_S) -> float | None:
        """Return a version's seconds for all cases of a level; ``None`` if it does not end on one."""
        found = self.job("timed", "score", source=source, level=level, budget_s=budget_s)
        if any(each["ending"] == "timeout" for each in found):
            return None
        return sum(float(str(each["seconds"])) for each in found)

    def _measure(self, old: str, new: str, level: int) -> Callable[[bool], Timed]:
        def measure(old_first: bool) -> Timed:
            order = (old, new) if old_first else (new, old)
            times = [self.seconds(source, level) or CALL_LIMIT_S for source in order]
            before, after = times if old_first else reversed(times)
            return Timed(before * 1e9, after * 1e9, old_first)

        return measure
