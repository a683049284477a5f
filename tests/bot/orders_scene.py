"""The example project on the local GitHub, with a pull request that changes two of its functions."""

from dataclasses import dataclass
from pathlib import Path

from perfbot.bot.app_credentials import about
from perfbot.bot.github_app import GitHubApp
from perfbot.bot.github_session import Site
from perfbot.bot.hub import Hub, Place
from perfbot.bot.triggers import CommandAccepted, Repository

from bot_process import comment_payload
from github_scene import PERMISSIONS
from hosted import Comment, Hosted, PullPart
from local_github import LocalGitHub, Registered
from scripted_runs import READING, REPORT

ORDERS = Path(__file__).parents[2] / "examples" / "orders"
FILES = {
    path.relative_to(ORDERS).as_posix(): path.read_text()
    for path in sorted(ORDERS.rglob("*"))
    if path.is_file() and path.suffix in {".py", ".toml", ".md"}
}
PULL = 1


def changed_by_the_pull_request() -> dict[str, str]:
    """A comment in one function, whose whole body the diff then shows, and another's docstring."""
    report = FILES[REPORT].replace(
        "    for sku in skus:\n        if sku not in known",
        "    for sku in skus:  # as they came\n        if sku not in known",
    )
    reading = FILES[READING].replace('"""Read one line such as', '"""Read a line such as')
    return {REPORT: report, READING: reading}


@dataclass(frozen=True)
class Orders:
    """The repository, and perfbot's App in it."""

    github: LocalGitHub
    hosted: Hosted
    registered: Registered
    app: GitHubApp
    site: Site

    @property
    def head(self) -> str:
        return self.hosted.bare.branch("work") or ""

    @property
    def place(self) -> Place:
        repository = Repository(self.hosted.id, self.hosted.full_name)
        return Place(self.registered.installation.id, repository)

    @property
    def hub(self) -> Hub:
        return Hub(self.site, self.app)

    def say(self, text: str, number: int = PULL, login: str = "ada") -> Comment:
        person = self.github.world.person(login)
        return self.github.world.comment(self.hosted, number, person, text)

    def issue(self) -> int:
        world = self.github.world
        return world.thread(self.hosted, world.person("ada"), "It is slow", "Every evening").number

    def accepted(self, said: Comment, head: str = "") -> CommandAccepted:
        """What hearing makes of a comment."""
        on_pull_request = self.hosted.threads[said.number].pull is not None
        return CommandAccepted(
            self.place.installation_id,
            self.place.repository,
            said.number,
            on_pull_request,
            said.id,
            said.author.login,
            said.body,
            head or (self.head if on_pull_request else self.hosted.bare.branch("main") or ""),
        )

    def payload(self, said: Comment) -> dict[str, object]:
        """What GitHub delivers of a comment."""
        person = {"id": said.author.id, "login": said.author.login, "type": "User"}
        told = comment_payload(said.id, said.body, self.hosted.id)
        on_pull_request = self.hosted.threads[said.number].pull is not None
        issue = {"number": said.number, "body": ""}
        if on_pull_request:
            issue["pull_request"] = {"url": "https://example.test"}
        made = {**told["comment"], "user": person, "created_at": said.created_at.isoformat()}
        return told | {
            "installation": {"id": self.place.installation_id},
            "repository": {
                "id": self.hosted.id,
                "full_name": self.hosted.full_name,
                "default_branch": "main",
            },
            "issue": issue,
            "comment": made,
            "sender": person,
        }

    def said(self, number: int = PULL) -> list[str]:
        """What perfbot said under an issue or pull request."""
        all_of_it = self.hosted.comments.values()
        return [one.body for one in all_of_it if one.number == number and one.author.kind == "Bot"]

    def suggestions(self) -> list[str]:
        return [one.body for one in self.hosted.review_comments.values()]

    def own_branches(self) -> list[str]:
        listed = self.hosted.bare.git("for-each-ref", "--format=%(refname:short)", "refs/heads")
        return [name for name in listed.split() if name.startswith("perfbot/")]

    def own_pulls(self) -> list[int]:
        return [one.number for one in self.hosted.pulls() if one.author.kind == "Bot"]

    def app_folder(self, folder: Path) -> Path:
        """Write the App's credentials as ``perfbot app create`` does."""
        folder.mkdir()
        record = self.registered.record
        (folder / "app.json").write_text(about(record.id, record.slug, self.github.api))
        (folder / "private-key.pem").write_text(self.registered.private_key)
        (folder / "private-key.pem").chmod(0o600)
        return folder


def orders_on(github: LocalGitHub, settings: str = "") -> Orders:
    """Host the project, install the App in it, and open a pull request of a person."""
    files = FILES | ({".perfbot.yml": settings} if settings else {})
    hosted = github.world.repository("ada/orders", files)
    registered = github.register("perfbot", PERMISSIONS, [hosted])
    sha = hosted.bare.commit(changed_by_the_pull_request(), "work", onto="main")
    part = PullPart(hosted, "ada", "work", sha, "main", draft=False)
    github.world.pull(hosted, github.world.person("ada"), "Comments", "In words", part)
    site = Site(github.api, between_requests_s=0, between_writes_s=0)
    app = GitHubApp(site, str(registered.record.id), registered.private_key)
    return Orders(github, hosted, registered, app, site)
