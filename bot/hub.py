"""The bot's way to a repository: the App's tokens turned into what a step works with.

Each block gets a token of its own, for one repository and one purpose, which ends with the block.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from perfbot.bot.forge import RepositoryName
from perfbot.bot.github import GitHubRepository
from perfbot.bot.github_app import GitHubApp, Rights
from perfbot.bot.github_session import Site
from perfbot.bot.transport import Remote
from perfbot.bot.triggers import Repository


@dataclass(frozen=True, slots=True)
class Place:
    """A repository, and the installation through which perfbot may work there."""

    installation_id: int
    repository: Repository

    @property
    def name(self) -> RepositoryName:
        """``owner/name`` as it was when the delivery came; raises ForgeError where it is none."""
        return RepositoryName.parsed(self.repository.full_name)


class Hub:
    """An App at its GitHub; every method raises ForgeError when GitHub says no."""

    def __init__(self, site: Site, app: GitHubApp) -> None:
        self._site = site
        self.app = app

    @cached_property
    def login(self) -> str:
        """How GitHub signs what perfbot writes."""
        return self.app.login()

    @contextmanager
    def talking(self, place: Place) -> Iterator[GitHubRepository]:
        """Reach the repository to read, comment, react and report."""
        with self._forge(place, Rights.TALK) as forge:
            yield forge

    @contextmanager
    def publishing(self, place: Place) -> Iterator[GitHubRepository]:
        """Reach the repository to write a branch and open its pull request."""
        with self._forge(place, Rights.PUBLISH) as forge:
            yield forge

    @contextmanager
    def fetching(self, place: Place) -> Iterator[Remote]:
        """Reach the repository's code by Git, to read only."""
        with self.app.token(place.installation_id, place.repository.id, Rights.CHECKOUT) as token:
            yield Remote(self._site, place.name, token.secret)

    @contextmanager
    def _forge(self, place: Place, rights: Rights) -> Iterator[GitHubRepository]:
        with self.app.token(place.installation_id, place.repository.id, rights) as token:
            yield GitHubRepository(self._site, token.secret, place.name, self.login)
