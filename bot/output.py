"""Standard output, which carries a run's one JSON document and nothing else."""

import sys

from perfbot.bot.foreign_text import in_json


def print_document(text: str) -> None:
    """Print the one JSON document of a run; UTF-8 whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(in_json(text).encode("utf-8"))
    sys.stdout.buffer.flush()
