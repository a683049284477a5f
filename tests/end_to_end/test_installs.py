"""What a repository needs, installed as the operator allows; told in one sentence where that does not do."""

from pathlib import Path

import pytest
from home import SHOP, Home, repository


def told(home: Home, folder: Path, **environ: str) -> tuple[int, str]:
    ended = home.run("profile", folder, **environ)
    assert "Traceback" not in ended.err
    return ended.code, ended.err


def test_a_wrong_word_of_the_operator_is_told_before_anything_is_done(
    home: Home, tmp_path: Path
) -> None:
    folder = repository(tmp_path / "repository", SHOP)
    code, said = told(home, folder, PERFBOT_NETWORK_INSTALL="yes")
    assert (code, said) == (
        2,
        "perfbot: PERFBOT_NETWORK_INSTALL is 'yes'; it can be one of: wheels-only, network\n",
    )


@pytest.mark.parametrize(
    ("requirement", "why"),
    [
        ("no-such-package-anywhere", "no-such-package-anywhere"),
        ("till @ git+https://stranger.example/till", "till names an address to install from"),
        ("--index-url https://stranger.example", "requirements.txt has the option --index-url"),
    ],
)
def test_what_wheels_cannot_meet_ends_the_run_with_what_to_do(
    home: Home, tmp_path: Path, requirement: str, why: str
) -> None:
    folder = repository(tmp_path / "repository", {**SHOP, "requirements.txt": requirement + "\n"})
    nowhere = {"PIP_NO_INDEX": "1", "PERFBOT_NETWORK_INSTALL": "wheels-only"}
    code, said = told(home, folder, **nowhere)
    assert code == 3
    assert "wheels alone do not do" in said
    assert why in said
    assert "PERFBOT_NETWORK_INSTALL=network" in said
