"""Runs of workflows, asked of GitHub itself: which commit and which pull request one is about.

An artifact says nothing of that which could be believed, and GitHub leaves ``pull_requests`` of a run
empty where the branch lies in a fork, so the pull request is looked for by its branch.
"""

from dataclasses import dataclass

from perfbot.bot import github_records as records
from perfbot.bot.forge import CommitSha, PullRequest, RepositoryName, commit_sha
from perfbot.bot.github_session import Site, asking


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a workflow in this repository; ``owner`` of the branch is None when the fork is gone."""

    id: int
    event: str
    head: CommitSha
    branch: str
    owner: str | None


class Runs:
    """The runs of one repository; every method raises ForgeError when it fails."""

    def __init__(self, site: Site, token: str, name: RepositoryName) -> None:
        self._name = name
        self._repo = site.with_token(token).get_repo(str(name))

    def run(self, number: int) -> Run:
        """Return a run."""
        with asking(f"return the workflow run {number} of {self._name}"):
            found = self._repo.get_workflow_run(number)
            source = found.raw_data.get("head_repository")
            owner = source["owner"]["login"] if source else None
            return Run(number, found.event, commit_sha(found.head_sha), found.head_branch, owner)

    def pull_request(self, run: Run) -> PullRequest | None:
        """Return the open pull request whose head is what the run was about, None where it moved on."""
        if run.owner is None or not run.branch:
            return None
        with asking(f"list the pull requests of {run.owner}:{run.branch} in {self._name}"):
            found = self._repo.get_pulls(state="open", head=f"{run.owner}:{run.branch}")
            pulls = [records.pull_request(one) for one in found]
        # GitHub leaves the filter out where it cannot read it, and then lists everything.
        own = (one for one in pulls if one.head.commit == run.head)
        return next((one for one in own if one.head.branch == run.branch), None)
