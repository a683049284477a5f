"""A run's progress on the terminal: a live display where there is one, plain lines elsewhere.

Everything goes to standard error; standard output belongs to the result.
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from perfbot.bot.durations import format_duration
from perfbot.bot.words import times, visible
from perfbot.optimizer.models import Usage
from perfbot.optimizer.progress import Phase

TOKENS = "models {tokens:,}{most} tokens"
DOLLARS = ", ${usd:.2f} of ${most:.2f}"

_BAR_WIDTH = 24
_FRAMES_PER_S = 3  # drawing costs time beside what is being measured


class Progress:
    """Shows phases as they happen; a Listener and a context manager.

    ``budget_s`` is the time the run may take, None where it has no limit; ``clock`` gives seconds.
    On leaving, the display is taken down, also after an exception.
    """

    def __init__(
        self,
        console: Console,
        budget_s: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._budget_s = budget_s
        self._clock = clock
        self._start_s = self._phase_start_s = clock()
        self._phase: Phase | None = None
        self._subject = ""
        self._detail = ""
        self._done = 0
        self._total: int | None = None
        self._models = self._models_before = ""
        self._spinner = Spinner("dots", style="cyan")
        self._live = (
            Live(
                get_renderable=self._picture,
                console=console,
                transient=True,
                redirect_stdout=False,
                refresh_per_second=_FRAMES_PER_S,
            )
            if console.is_terminal and not console.is_dumb_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish()
        self._phase = None
        if self._live:
            self._live.stop()

    def phase(self, phase: Phase, subject: str = "") -> None:
        """Close the phase before with a line, and show this one."""
        self._finish()
        self._phase, self._subject = phase, visible(subject)
        self._detail, self._done, self._total = "", 0, None
        self._phase_start_s = self._clock()
        if self._live is None:  # a log should say what is going on, in case it never ends
            self._console.print(Text(f"  · {self._title()}"), soft_wrap=True)

    def step(self, done: int, total: int | None = None) -> None:
        """Move the bar."""
        self._done, self._total = done, total
        self._detail = f"{done:,} of {total:,}" if total is not None else f"{done:,}"

    def candidate(self, number: int, best: float | None) -> None:
        """Show which candidate is looked at and what is the best so far."""
        reached = f", best so far {times(best)}" if best is not None else ""
        self._detail = f"candidate {number}{reached}"

    def spent(self, used: Usage, most_usd: float, most_tokens: int | None) -> None:
        """Show what models have cost; money only where there is a price."""
        most = f" of {most_tokens:,}" if most_tokens is not None else ""
        self._models = TOKENS.format(tokens=used.tokens_in + used.tokens_out, most=most)
        if used.usd:
            self._models += DOLLARS.format(usd=used.usd, most=most_usd)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(Text("  ! " + visible(text), style="yellow"), soft_wrap=True)

    def _finish(self) -> None:
        """Leave a line behind that says what was done and how long it took."""
        if self._phase is None:
            return
        spent = format_duration(self._clock() - self._phase_start_s)
        models = self._models if self._models != self._models_before else ""
        self._models_before = self._models
        facts = "".join(f"  {each}" for each in (self._detail, models, spent) if each)
        line = Text.assemble(("  ✓ ", "green"), self._title(), (facts, "dim"))
        self._console.print(line, soft_wrap=True)

    def _title(self) -> str:
        return f"{self._phase} {self._subject}".strip()

    def _picture(self) -> RenderableType:
        """Draw the phase that is going on; Live calls this several times a second."""
        if self._phase is None:
            return Text()
        line = Table.grid(padding=(0, 1))
        parts: list[RenderableType] = [Text(" "), self._spinner, Text(self._title())]
        if self._total:
            parts.append(ProgressBar(self._total, self._done, width=_BAR_WIDTH))
        line.add_row(*parts, Text(self._detail, style="cyan"))
        return Group(line, Text(f"    {self._clocks()}", style="dim"))

    def _clocks(self) -> str:
        elapsed_s = self._clock() - self._start_s
        parts = [f"{format_duration(elapsed_s)} elapsed"]
        if self._budget_s is not None:
            parts.append(f"at most {format_duration(self._budget_s - elapsed_s)} left")
        return ", ".join(filter(None, [*parts, self._models]))
