"""The models that the operator of this machine offers: where they are, and what opens them.

Read from ``models.yml`` in the user's configuration folder, never from a repository. A key is named
by an environment variable or a file; the file itself holds none, so it can be shown and shared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from perfbot.bot.config import Backend, Models, Operator
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.marked_yaml import ConfigError, Section, read_mapping
from perfbot.optimizer.endpoint import Endpoint, Price
from perfbot.optimizer.models import Model, Roles

FILE_NAME = "models.yml"
NOT_OFFERED = (
    ".perfbot.yml asks for {backend} under models: {role}:, but the operator offers none: name it in "
    "{file}, or write backend: embedded"
)
NOT_HERE = "backend {backend} is not in this version of perfbot: use openai or embedded"
WRITES_ALONE = (
    "models: the embedded optimizer writes by its own catalogue and follows no planner: set "
    "optimizer: {backend: openai} as well, or leave the planner embedded"
)
NO_KEY = "{file}: {role}: key_env names {name}, which is not set"
NO_KEY_FILE = "{file}: {role}: key_file {name} cannot be read: {why}"


@dataclass(frozen=True, slots=True)
class Offer:
    """What the operator offers for the two roles; ``None``: nothing."""

    planner: Endpoint | None = None
    optimizer: Endpoint | None = None
    file: Path = field(default_factory=Path)


def offered(operator: Operator, environ: Mapping[str, str]) -> Offer:
    """Read the operator's file; an empty offer where there is none.

    Raises:
        ConfigError: the file is wrong.
        RunError: a key that it names is not there.
    """
    path = operator.configuration / FILE_NAME
    if not path.is_file():
        return Offer(file=path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(str(path), 1, "", f"cannot be read: {error.strerror}") from None
    top = read_mapping(content, str(path))
    top.allow("planner", "optimizer")
    planner, optimizer = (
        _endpoint(top.section(role), role, environ) if role in top.keys else None
        for role in ("planner", "optimizer")
    )
    return Offer(planner, optimizer, path)


def chosen(models: Models, offer: Offer, most_usd: float) -> Roles | None:
    """Return what a repository chose of the operator's offer; ``None``: the catalogue alone.

    Raises:
        RunError: it chose what is not offered.
    """
    optimizer = _role("optimizer", models.optimizer, offer.optimizer, offer)
    planner = _role("planner", models.planner, offer.planner, offer)
    if optimizer is None and planner is not None:
        raise RunError(Exit.USAGE, WRITES_ALONE)
    return Roles((optimizer,), planner, None, most_usd) if optimizer else None


def _role(role: str, backend: Backend, there: Endpoint | None, offer: Offer) -> Model | None:
    if backend is Backend.EMBEDDED:
        return None
    if backend is not Backend.OPENAI:
        raise RunError(Exit.USAGE, NOT_HERE.format(backend=backend))
    if there is None:
        told = NOT_OFFERED.format(backend=backend, role=role, file=offer.file)
        raise RunError(Exit.USAGE, told)
    return there


def _endpoint(section: Section, role: str, environ: Mapping[str, str]) -> Endpoint:
    section.allow(
        "url",
        "model",
        "key_env",
        "key_file",
        "usd_per_million_in",
        "usd_per_million_out",
        "timeout",
    )
    url, model = section.text("url", None), section.text("model", None)
    if url is None or not url.startswith(("https://", "http://")):
        raise section.fail("url", "expected an address such as http://localhost:8000/v1")
    if model is None:
        raise section.fail("model", "expected the model's name as the endpoint knows it")
    price = Price(
        section.number("usd_per_million_in", 0, 0, 1e6),
        section.number("usd_per_million_out", 0, 0, 1e6),
    )
    timeout_s = section.duration_s("timeout", 120, "1s", "1h")
    return Endpoint(url, model, _key(section, role, environ), price, timeout_s)


def _key(section: Section, role: str, environ: Mapping[str, str]) -> str:
    name, file = section.text("key_env", None), section.text("key_file", None)
    if name is not None:
        if not environ.get(name):
            raise RunError(Exit.USAGE, NO_KEY.format(file=section.file, role=role, name=name))
        return environ[name].strip()
    if file is None:
        return ""
    try:
        return Path(file).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        told = NO_KEY_FILE.format(file=section.file, role=role, name=file, why=error)
        raise RunError(Exit.USAGE, told) from None


def keys(offer: Offer) -> frozenset[str]:
    """Return the values of all keys, so that they can be taken out of whatever is kept."""
    return frozenset(each.key for each in (offer.planner, offer.optimizer) if each and each.key)
