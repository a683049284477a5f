"""perfbot's command line as a child that does not outlive whoever started it.

``python -P -m perfbot.bot.leashed VERB …``: standard input is the leash, a pipe whose other end only
the parent holds. When that closes, whatever killed the parent, the child ends as on SIGTERM, and a
moment later its whole process group by force.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

from perfbot.bot import cli

_GRACE_S = 1.0


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    leash = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)  # no program that is started further down holds the leash, too
    os.close(null)
    threading.Thread(target=_follow, args=(leash,), name="leash", daemon=True).start()
    return cli.main(arguments)


def _follow(leash: int) -> None:
    while os.read(leash, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
