"""A report of the example shop, and the repository on the local GitHub that it was measured in."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from perfbot.bot.forge import CommitSha, PullRequest
from perfbot.bot.github import GitHubRepository
from perfbot.bot.github_session import Site
from perfbot.bot.patch import unified_patch
from perfbot.bot.report import Report, Repository, Result, Samples
from perfbot.bot.report_folder import write

from github_scene import SHOP
from hosted import Hosted, PullPart, Thread
from local_github import LocalGitHub
from shop_report import Example, accepted_result

LOGIN = "github-actions[bot]"
PROPOSE = {"contents": "write", "pull_requests": "write", "issues": "read"}
REVIEW = {"contents": "read", "pull_requests": "write"}
SLOW = b"""\
def total(codes, lines):
    known = []
    for line in lines:
        if line not in known and line in codes:
            known.append(line)
    return known


def other(lines):
    return [line for line in lines]
"""
FAST = SLOW.replace(b"    known = []\n", b"    known = []\n    codes = set(codes)\n")
BOTH = FAST.replace(b"[line for line in lines]", b"list(lines)")
TOTAL, OTHER = "shop/cart.py::total", "shop/cart.py::other"
FILES = {"shop/cart.py": SLOW, "README.md": b"# Shop\n"}


def result(function: str, number: int) -> Result:
    return replace(accepted_result(), function=function, patch=f"{number:02d}-x.patch")


@dataclass
class Shop:
    """The repository with its report folder; a token is made for each forge."""

    github: LocalGitHub
    hosted: Hosted
    example: Example
    folder: Path

    @property
    def main(self) -> CommitSha:
        return CommitSha(self.hosted.bare.branch("main") or "")

    @property
    def site(self) -> Site:
        return Site(self.github.api, between_requests_s=0, between_writes_s=0)

    def token(self, permissions: Mapping[str, str]) -> str:
        app = self.github.register("github-actions", {**permissions}, [self.hosted])
        return self.github.world.mint(app.installation, [self.hosted.id], permissions).value

    def forge(self, permissions: Mapping[str, str] = PROPOSE) -> GitHubRepository:
        return GitHubRepository(self.site, self.token(permissions), SHOP, LOGIN)

    def report(self, *results: Result, commit: str | None = None, dirty: bool = False) -> Report:
        where = Repository("/work/shop", commit or self.main, dirty)
        return replace(self.example.report, repository=where, results=results, hotspots=())

    def written(
        self, patches: Mapping[str, bytes], *results: Result, commit: str | None = None
    ) -> Path:
        """Write a report folder as a run does."""
        samples = {each.function: Samples(((0.2, 0.1),) * 9, 1.1) for each in results}
        write(self.report(*results, commit=commit), self.folder, patches, samples)
        return self.folder

    def faster(self, commit: str | None = None) -> Path:
        """Write the report of a run that made one function faster."""
        patch = unified_patch({"shop/cart.py": (SLOW, FAST)})
        return self.written({"01-x.patch": patch}, result(TOTAL, 1), commit=commit)

    def both_faster(self) -> Path:
        """Write the report of a run that made two functions of a file faster, one after the other."""
        first = unified_patch({"shop/cart.py": (SLOW, FAST)})
        second = unified_patch({"shop/cart.py": (FAST, BOTH)})
        patches = {"01-x.patch": first, "02-x.patch": second}
        return self.written(patches, result(TOTAL, 1), result(OTHER, 2))

    def pull_request(self, files: Mapping[str, bytes], fork: str = "") -> PullRequest:
        """Open a person's pull request and return it as perfbot sees it."""
        thread = self.opened(files, fork)
        return self.forge(REVIEW).pull_request(thread.number)

    def opened(self, files: Mapping[str, bytes], fork: str = "") -> Thread:
        world = self.github.world
        head, owner = (world.fork(self.hosted, fork), fork) if fork else (self.hosted, "ada")
        sha = head.bare.commit(files, "work", onto="main")
        part = PullPart(head, owner, "work", sha, "main", draft=False)
        return world.pull(self.hosted, world.person(owner), "Work", "", part)

    def check_out(self, folder: Path, commit: str) -> Path:
        """Check a commit out as actions/checkout does."""
        git = ("git", "-C", str(folder))
        folder.mkdir(exist_ok=True)
        refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/pull/*:refs/remotes/pull/*")
        subprocess.run([*git, "init", "--quiet"], check=True)
        subprocess.run([*git, "fetch", "--quiet", str(self.hosted.bare.path), *refs], check=True)
        subprocess.run([*git, "checkout", "--quiet", "--detach", commit], check=True)
        return folder


def hosted_shop(github: LocalGitHub, example: Example, folder: Path) -> Shop:
    return Shop(github, github.world.repository("ada/shop", FILES), example, folder)
