"""Under which conditions a repository's dependencies are installed: the operator's settings.

``PERFBOT_NETWORK_INSTALL`` and ``PERFBOT_TRUST`` come from the environment of whoever runs perfbot,
never from a repository.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

NETWORK_VARIABLE, TRUST_VARIABLE = "PERFBOT_NETWORK_INSTALL", "PERFBOT_TRUST"
WRONG_SETTING = "{name} is {value!r}; it can be one of: {allowed}"


class Network(StrEnum):
    """What may use the network while an environment is built; the operator says it."""

    WHEELS_ONLY = "wheels-only"
    """Fetching wheels by name: no code but pip's or uv's."""
    NETWORK = "network"
    """Build scripts too, where wheels alone do not do."""


class Trust(StrEnum):
    """Whose code it is; an environment made for one never serves another."""

    OWN = "own"
    FORK = "fork"


@dataclass(frozen=True, slots=True)
class Policy:
    """Under which an environment is built."""

    trust: Trust = Trust.OWN
    network: Network = Network.NETWORK

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Policy":
        """Read the operator's settings; raises ValueError, whose message names the allowed values."""
        return cls(
            Trust(_allowed(environ, TRUST_VARIABLE, Trust) or Trust.OWN),
            Network(_allowed(environ, NETWORK_VARIABLE, Network) or Network.NETWORK),
        )


def _allowed(environ: Mapping[str, str], name: str, kind: type[StrEnum]) -> str:
    value = environ.get(name, "")
    allowed = [each.value for each in kind]
    if value and value not in allowed:
        told = {"name": name, "value": value, "allowed": ", ".join(allowed)}
        raise ValueError(WRONG_SETTING.format(**told))
    return value
