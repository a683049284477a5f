"""What the operator may say of installing, and what no wrong word does."""

import pytest

from perfbot.profiling.install_policy import Network, Policy, Trust


def test_nothing_said_is_a_users_own_code_on_a_users_own_machine() -> None:
    assert Policy.of({}) == Policy.of({"PERFBOT_TRUST": ""}) == Policy(Trust.OWN, Network.NETWORK)


def test_the_operator_may_say_more() -> None:
    said = {"PERFBOT_NETWORK_INSTALL": "wheels-only", "PERFBOT_TRUST": "fork"}
    assert Policy.of(said) == Policy(Trust.FORK, Network.WHEELS_ONLY)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("PERFBOT_NETWORK_INSTALL", "wheels-only, network"), ("PERFBOT_TRUST", "own, fork")],
)
@pytest.mark.parametrize("value", ["yes", "Network", "0", "own "])
def test_a_wrong_word_is_an_error_that_names_the_right_ones(
    name: str, allowed: str, value: str
) -> None:
    with pytest.raises(ValueError, match=f"{name} is '{value}'; it can be one of: {allowed}"):
        Policy.of({name: value})
