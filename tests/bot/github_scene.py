"""A shop on the local GitHub with a pull request in it, and what perfbot does there."""

from dataclasses import dataclass
from datetime import UTC, datetime

from perfbot.bot.forge import (
    Change,
    Check,
    CommitSha,
    Forge,
    PullRequestText,
    RepositoryName,
    Suggestion,
    marker,
    own_branch,
)
from perfbot.bot.github import GitHubRepository
from perfbot.bot.github_app import GitHubApp, Rights
from perfbot.bot.github_session import Site
from perfbot.bot.transport import Signature

from hosted import Hosted, PullPart
from local_github import LocalGitHub, Registered

SHOP = RepositoryName("ada", "shop")
BRANCH = own_branch("perfbot/parse-row")
MARK = marker("job=17")
TEXT = PullRequestText(BRANCH, "main", "Speed up parse_row by at least 2.3×", "Because.")
SIGNATURE = Signature("perfbot", "bot@example.org", datetime(2026, 12, 1, tzinfo=UTC))
FILES = {
    "shop.py": "".join(f"line {number}\n" for number in range(1, 41)),
    "tools/run.sh": "#!/bin/sh\n",
}
PERMISSIONS = {
    "metadata": "read", "contents": "write", "pull_requests": "write", "checks": "write", "issues": "write",
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """A repository with a pull request of a person, and the App that is installed in it."""

    github: LocalGitHub
    hosted: Hosted
    other: Hosted
    registered: Registered
    app: GitHubApp
    site: Site

    @property
    def installation(self) -> int:
        return self.registered.installation.id

    @property
    def head(self) -> CommitSha:
        return CommitSha(self.hosted.bare.branch("work") or "")

    @property
    def main(self) -> CommitSha:
        return CommitSha(self.hosted.bare.branch("main") or "")

    def forge(
        self, rights: Rights = Rights.PUBLISH, hosted: Hosted | None = None
    ) -> GitHubRepository:
        """Return a client whose token lives as long as the test."""
        numbers = [(hosted or self.hosted).id]
        token = self.github.world.mint(self.registered.installation, numbers, rights.value)
        return GitHubRepository(self.site, token.value, SHOP, "perfbot[bot]")

    def seen(self, verb: str, end: str) -> int:
        return sum(one.verb == verb and one.path.endswith(end) for one in self.github.requests)


def installed(github: LocalGitHub) -> Scene:
    """Host a shop with a pull request of a person, and install the App in it."""
    hosted = github.world.repository("ada/shop", FILES)
    other = github.world.repository("ada/other", FILES)
    registered = github.register("perfbot", PERMISSIONS, [hosted, other])
    sha = hosted.bare.commit(
        {"shop.py": FILES["shop.py"].replace("20", "twenty")}, "work", onto="main"
    )
    part = PullPart(hosted, "ada", "work", sha, "main", draft=False)
    github.world.pull(hosted, github.world.person("ada"), "Twenty", "In words", part)
    site = Site(github.api, between_requests_s=0, between_writes_s=0)
    app = GitHubApp(site, str(registered.record.id), registered.private_key)
    return Scene(github, hosted, other, registered, app, site)


def open_one(forge: Forge, scene: Scene) -> object:
    if not scene.hosted.bare.branch(BRANCH):
        scene.hosted.bare.commit({"shop.py": "fast\n"}, BRANCH, onto="main")
    return forge.open_pull_request(TEXT)


def suggest_one(forge: Forge, scene: Scene) -> object:
    text = "```suggestion\nline 20\n```"
    return forge.suggest(1, MARK, Suggestion(scene.head, "shop.py", 19, 20, text))


def publish_one(forge: Forge, scene: Scene) -> object:
    return forge.publish(BRANCH, Change(scene.main, "Fast", {"shop.py": b"fast\n"}), None)


def report_one(forge: Forge, scene: Scene) -> object:
    return forge.report(Check("job=17", "perfbot", scene.head, "Running", "One minute to go"))
