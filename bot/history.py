"""What the version history says about a function: the commits that changed it to make it faster.

A model that knows what was tried before, and what was taken back, need not find it out again.
"""

import re
from pathlib import Path

from perfbot.bot import git
from perfbot.optimizer.knowledge import PastCommit
from perfbot.profiling.functions import FunctionName, find_function
from perfbot.profiling.source import UnreadableSource, decode_source

_LIMIT_S = 10.0
_MOST = 5
_ABOUT_SPEED = re.compile(
    r"\b(?:perf|performance|fast(?:er)?|slow(?:er|ly|ness)?|speed\w*|optimi[sz]\w*|quadratic|latency"
    r"|bottleneck\w*|benchmark\w*|profil(?:ed?|er|ing)|efficien\w*|vectori[sz]\w*|cach(?:e[ds]?|ing)"
    r"|memoi[sz]\w*|memory|overhead|allocat\w*)\b|\bO\(",
    re.IGNORECASE,
)
_TRAILER = re.compile(
    r"^[A-Z][\w-]*-[Bb]y: .*$", re.MULTILINE
)  # people, who are no business of models


def past_commits(repository: Path, function: FunctionName) -> tuple[PastCommit, ...]:
    """Return the last commits that changed a function and say something about its speed, newest first.

    Where Git is missing, or takes longer than some seconds, there are none: this is good to know and
    nothing that a run depends on.
    """
    try:
        commits = git.commits_of_lines(
            repository, function.path, lambda content: _lines(content, function), _LIMIT_S
        )
    except git.GitError:
        return ()
    told = [
        PastCommit(each.day, each.subject, _TRAILER.sub("", each.body).strip())
        for each in commits
        if _ABOUT_SPEED.search(f"{each.subject}\n{each.body}")
    ]
    return tuple(told[:_MOST])


def _lines(content: bytes, function: FunctionName) -> tuple[int, int] | None:
    try:
        text = decode_source(content, Path(function.path)).text
    except UnreadableSource:
        return None
    span = find_function(text, function)
    return None if span is None else (span.first_line, span.end_line)
