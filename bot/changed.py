"""Which functions a pull request changes: by what GitHub shows of its diff, and by the code of its head.

Pure. Errs on the side of too many: a function counts as changed where any of its lines is new, or
where something was removed between two of its lines.
"""

import re
from collections.abc import Iterator

from perfbot.profiling.functions import FunctionSpan, functions

_HEADER = re.compile(r"@@ -\d+(?:,\d+)? \+(\d{1,9})(?:,\d+)? @@")


def changed_functions(text: str, hunks: str) -> tuple[str, ...]:
    """Return the qualified names of the outermost functions and methods that a diff changes.

    ``text`` is the file after the change, ``hunks`` its diff as GitHub lists it; where there is none,
    as for very large ones, the whole file counts as changed. In the order of the file, each once.
    """
    touched = set(_touched(hunks)) if hunks else None
    found = (
        span.qualname.partition(".<locals>")[0]
        for span in functions(text)
        if touched is None or _is_touched(span, touched)
    )
    return tuple(dict.fromkeys(found))


def _is_touched(span: FunctionSpan, touched: set[float]) -> bool:
    return any(span.first_line <= place <= span.end_line for place in touched)


def _touched(hunks: str) -> Iterator[float]:
    """Yield the lines (from 1) of the new file that are new, and places between two lines for removals."""
    line = 0
    for row in hunks.split("\n"):
        if header := _HEADER.match(row):
            line = int(header[1])
        elif row.startswith("+"):
            yield line
            line += 1
        elif row.startswith("-"):
            yield line - 0.5
        elif not row.startswith("\\"):
            line += 1
