"""What docs/ says of comments and pull requests is what perfbot does."""

import re
from pathlib import Path

import pytest

from perfbot.bot.commands import Mistyped, Optimize, Wrong, read
from perfbot.bot.comment import HELP
from perfbot.bot.config import PullRequests
from perfbot.bot.pull_request import Proposal, pull_request

from shop_report import Example

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = (DOCS / "commands.md").read_text()
PULL_REQUESTS = (DOCS / "pull_requests.md").read_text()


@pytest.mark.parametrize("command", re.findall(r"^\| `(/[^`]*)` \|", COMMANDS, re.MULTILINE))
def test_every_documented_command_is_understood(command: str) -> None:
    request = read(command)
    assert request is not None
    assert not isinstance(request.asked, Mistyped | Wrong)


def test_every_command_is_documented() -> None:
    first_words = {" ".join(usage.split()[: 1 + usage.startswith("/perfbot")]) for usage in HELP}
    assert all(f"| `{words}" in COMMANDS for words in first_words)


def test_the_documented_hint_is_understood() -> None:
    [written] = re.findall(r"`(/optimize [^`]* --time [^`]*)`", COMMANDS)
    request = read(written)
    assert request is not None
    assert request.asked == Optimize(request.asked.function, 600, "the codes could be a set")  # type: ignore[union-attr]


def test_the_example_in_the_guide_is_what_is_written(shop: Example) -> None:
    base = shop.report.repository.commit or ""
    patch = b"".join(shop.patches.values())
    draft = pull_request(
        Proposal(shop.report, shop.report.accepted, patch, shop.samples, base), PullRequests()
    )
    assert f"**{draft.title}**\n\n{draft.body}" in PULL_REQUESTS
    assert f"`{draft.branch}`" in PULL_REQUESTS
