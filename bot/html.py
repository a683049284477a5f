"""The report as one page that opens offline: no script, no request, nothing but this file."""

import re
from collections.abc import Mapping
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from perfbot.bot import diff_view, growth_plot, plot, words
from perfbot.bot.durations import format_duration
from perfbot.bot.report import Report, Result, Samples
from perfbot.bot.transcript_view import rounds
from perfbot.optimizer.recorded import Transcript


def render(
    report: Report,
    patches: Mapping[str, bytes],
    samples: Mapping[str, Samples],
    transcript: Transcript | None = None,
) -> str:
    """Return the page; ``patches`` by file name, ``samples`` by function.

    Everything that comes from the repository is escaped, and control characters are made visible.
    """
    template = _environment().from_string(files("perfbot.bot").joinpath("report.html").read_text())
    told = {str(each.name): rounds(each) for each in transcript.functions} if transcript else {}
    return template.render(
        report=report,
        words=words,
        diff=lambda result: diff_view.rows(patches.get(result.patch or "", b"")),
        plot=lambda result: _plot(result, samples),
        rounds=told.get,
        growth_plot=lambda result: _growth_plot(result, samples),
    )


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters.update(
        times=words.times,
        percent=words.percent,
        seconds=words.seconds,
        duration=format_duration,
        address=quote,
        prose=_prose,
    )
    return environment


def _visible(value: object) -> object:
    """Leave markup of our own as it is; everything else is text that may try tricks."""
    return words.visible(value) if type(value) is str else value


def _prose(text: str) -> Markup:
    """Escape a sentence and set what stands between backticks as code."""
    parts = re.split(r"`([^`\n]+)`", words.visible(text))
    marked = (
        Markup("<code>{}</code>") if place % 2 else Markup("{}") for place in range(len(parts))
    )
    return Markup().join(mark.format(part) for mark, part in zip(marked, parts, strict=True))


def _plot(result: Result, samples: Mapping[str, Samples]) -> Markup:
    """Draw a result's pairs; the picture holds only numbers and our own words, so it is safe."""
    measured = samples.get(result.function)
    if measured is None or result.speedup is None:
        return Markup()
    return Markup(plot.strip_plot(measured, result.speedup))  # noqa: S704 (see the docstring)


def _growth_plot(result: Result, samples: Mapping[str, Samples]) -> Markup:
    """Draw a result's times by size; here too there is nothing but numbers and our own words."""
    measured = samples.get(result.function)
    if measured is None or result.growth is None:
        return Markup()
    return Markup(growth_plot.log_log_plot(measured, result.growth))  # noqa: S704
