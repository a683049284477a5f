"""What the documents say is there, is there."""

import re
import subprocess
from argparse import ArgumentParser
from pathlib import Path

import pytest

from perfbot.bot import options
from perfbot.bot.exits import Exit

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
        assert (ROOT / target).exists(), target


def test_the_readme_names_every_folder() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    folders = {line.split("/")[0] for line in listed.stdout.splitlines() if "/" in line}
    assert not {folder for folder in folders if f"[{folder}/]({folder})" not in README}


def test_the_readme_names_every_option() -> None:
    for kind in (options.OptimizeOptions, options.PlanOptions, options.VerifyOptions):
        parser = ArgumentParser(add_help=False)
        kind.declare(parser)
        long = re.findall(r"--[a-z-]+", parser.format_help())
        assert set(long) <= set(re.findall(r"--[a-z-]+", README))


def test_the_readme_names_every_exit_code() -> None:
    table = " ".join(re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE))
    assert {int(code) for code in re.findall(r"\d+", table)} == set(Exit)
