"""Slow/fast pairs of real programs, read from the data sets that publish them.

One function per format, each giving typed records and the lines that could not be read, with the
reason. Sets share problems, so split by ``problem``, never by record.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from perfbot.training.readers.files import read_codenet, read_folders
from perfbot.training.readers.functions import (
    read_effibench,
    read_enamel,
    read_evalperf,
    read_mercury,
    read_perfbot,
)
from perfbot.training.readers.programs import (
    read_code_contests,
    read_ecco,
    read_pie,
    read_supersonic,
)
from perfbot.training.readers.reading import Reading, Source

READERS: Mapping[Source, Callable[[Path], Reading]] = {
    Source.ENAMEL: read_enamel,
    Source.PIE: read_pie,
    Source.CODE_CONTESTS: read_code_contests,
    Source.PERFBOT: read_perfbot,
    Source.ECCO: read_ecco,
    Source.MERCURY: read_mercury,
    Source.EFFIBENCH: read_effibench,
    Source.EVALPERF: read_evalperf,
    Source.SUPERSONIC: read_supersonic,
    Source.CODENET: read_codenet,
    Source.FOLDERS: read_folders,
}
