"""Where jobs have the code: perfbot's own Git directories, and folders with the files of one commit.

Everything here can be made again from GitHub, so a job that goes on after a crash, on whichever
machine, lays out again what it misses.
"""

import shutil
from pathlib import Path

from perfbot.bot.config import FILE_NAME as CONFIGURATION
from perfbot.bot.config import read
from perfbot.bot.forge import CommitSha
from perfbot.bot.hub import Hub, Place
from perfbot.bot.runs import Checkout
from perfbot.bot.transport import Store

_LAID_OUT, _UNFINISHED = "files", "unfinished"


class Workspace:
    """One folder for all jobs of a machine; no foreign code may reach it."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        self._folder = folder
        self._hub = hub

    def checkout(
        self,
        job: str,
        place: Place,
        commit: CommitSha,
        base: CommitSha | None = None,
        *,
        stranger: bool = False,
    ) -> Checkout:
        """Lay out a commit for a job, unless that is done.

        ``base`` is the commit whose configuration counts, if it is not this one's own: that which a
        pull request goes into. ``stranger``: it comes from a fork. Raises ForgeError where GitHub or
        Git fails, ConfigError where the configuration is wrong.
        """
        folder = self._of(job) / commit
        files = folder / _LAID_OUT
        if not files.is_dir():
            self._lay_out(place, commit, folder)
        settings = self._settings(place, base or commit)
        known_as = f"github:{place.repository.id}" + ("/strangers" if stranger else "")
        return Checkout(files, commit, read(settings), stranger, settings, known_as)

    def clear(self, job: str) -> None:
        """Remove what was laid out for a job; nothing there is no error."""
        shutil.rmtree(self._of(job), ignore_errors=True)

    def _lay_out(self, place: Place, commit: CommitSha, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        store = Store(self._folder / "git" / str(place.repository.id))
        with self._hub.fetching(place) as remote:
            store.fetch(remote, commit)
        store.export(commit, folder / _UNFINISHED)
        (folder / _UNFINISHED).rename(folder / _LAID_OUT)

    def _settings(self, place: Place, commit: CommitSha) -> bytes:
        with self._hub.talking(place) as forge:
            return forge.file(CONFIGURATION, commit) or b""

    def _of(self, job: str) -> Path:
        return self._folder / "jobs" / job
