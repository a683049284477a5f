"""The models that the operator of this machine offers: where they are, and what opens them.

Read from ``models.yml`` in the user's configuration folder and from the usual environment variables,
never from a repository. A key is named by an environment variable or a file; ``models.yml`` itself
holds none, so it can be shown and shared. Keys are read when a model is used, not before.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from perfbot.bot.config import Backend, Models, Operator
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.key_files import KeyFileError, read_key
from perfbot.bot.marked_yaml import ConfigError, Section, read_mapping
from perfbot.optimizer.call_queue import Queued
from perfbot.optimizer.endpoint import Endpoint, Price
from perfbot.optimizer.engine import Engine
from perfbot.optimizer.local import LocalModel
from perfbot.optimizer.machine_queue import MachineQueue
from perfbot.optimizer.models import Model, Roles
from perfbot.optimizer.serving import Served, Serving
from perfbot.optimizer.styles import PLAIN, Style

FILE_NAME = "models.yml"
ROLES = ("planner", "optimizer", "larger")
NOT_OFFERED = (
    ".perfbot.yml asks for {backend} under models: {role}:, but the operator offers none: name it in "
    "{file}, or write backend: embedded"
)
NO_ADDRESS = "expected an address such as http://localhost:8000/v1"
LOGIN_IN_ADDRESS = (
    "a user or password in an address would be shown wherever it is named; give the key with key_env "
    "or key_file"
)
NO_MODEL = "expected the model's name as the endpoint knows it"
NO_DIRECTORY = "expected the folder of a model: config.json, tokenizer.json, *.safetensors"
OWN_PYTHON = "in_process: true runs vLLM in perfbot's own Python; leave one of the two out"
TWO_KEYS = "key_env is given as well; a model has one key"
NO_KEY = "{file}: {role}: key_env names {name}, which is not set"
NO_KEY_FILE = "{file}: {role}: key_file {why}"
BAD_KEY = (
    "{file}: {role}: the key in {place} is no key: it is empty or has characters that no key has"
)
EMBEDDED_IS_THERE = (
    "the catalogue is always there and needs no offer (allowed: openai, transformers, vllm)"
)
ENVIRONMENT = "the environment"
WRONG_VARIABLE = "OPENAI_BASE_URL: {problem}"

VARIABLE = "PERFBOT_{role}_MODEL"
_KEY_VARIABLE = "OPENAI_API_KEY"
_HOSTED = "https://api.openai.com/v1"
_SLOTS = 8  # calls at a time, of all runs on this machine


@dataclass(frozen=True, slots=True)
class Offered:
    """One model of the operator's; ``opened`` reads its key.

    ``opened`` raises RunError where the key is not there; ``style`` is how the model is asked. Of all
    calls to a ``place`` (an address, a directory) ``slots`` run at a time on this machine.
    """

    role: str
    backend: Backend
    name: str
    opened: Callable[[], Model] = field(repr=False)
    place: str
    slots: int
    style: Style = PLAIN


@dataclass(frozen=True, slots=True)
class Offer:
    """What the operator offers, for each role in order of preference.

    In the folder ``queues`` lie the lines in which all runs on this machine wait for a model.
    """

    models: tuple[Offered, ...] = ()
    file: Path = field(default_factory=Path)
    queues: Path = field(default_factory=Path)

    def of(self, role: str, backend: Backend) -> list[Offered]:
        """Return what is offered for a role in a backend."""
        return [each for each in self.models if (each.role, each.backend) == (role, backend)]


def offered(operator: Operator, environ: Mapping[str, str]) -> Offer:
    """Read the operator's file, then the environment for the roles that the file leaves open.

    Raises:
        ConfigError: the file is wrong.
        RunError: a variable is wrong.
    """
    path = operator.configuration / FILE_NAME
    listed = list(_of_file(path, environ)) if path.is_file() else []
    named = {each.role for each in listed}
    others = _of_environment(environ)
    models = (*listed, *(each for each in others if each.role not in named))
    return Offer(models, path, operator.state / "queues")


def chosen(models: Models, offer: Offer, most_usd: float) -> Roles | None:
    """Return what a repository chose of the operator's offer; ``None``: the catalogue alone.

    An optimizer is everything that is offered in the chosen backends; a planner and a larger model
    are the first of theirs.

    Raises:
        RunError: it chose what is not offered, or a key is not there.
    """
    optimizers = [
        each for backend in models.optimizers for each in _chosen(offer, "optimizer", backend)
    ]
    planners = _chosen(offer, "planner", models.planner)
    larger = _chosen(offer, "larger", models.larger)
    if not (optimizers or planners or larger):
        return None
    in_line = _Lines(offer.queues)
    return Roles(
        tuple(in_line.opened(each) for each in optimizers),
        next((in_line.opened(each) for each in planners), None),
        next((in_line.opened(each) for each in larger), None),
        most_usd,
        styles={each.name: each.style for each in (*optimizers, *larger)},
        plan_style=next((each.style for each in planners), PLAIN),
    )


def _chosen(offer: Offer, role: str, backend: Backend) -> list[Offered]:
    """Return the models of a role in a backend; none for the embedded one, which is always there."""
    if backend is Backend.EMBEDDED:
        return []
    there = offer.of(role, backend)
    if not there:
        told = NOT_OFFERED.format(backend=backend, role=role, file=offer.file)
        raise RunError(Exit.USAGE, told)
    return there if role == "optimizer" else there[:1]


class _Lines:
    """Opens models so that each call waits for its turn; one object for one model."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._queued: dict[int, Queued] = {}

    def opened(self, offered: Offered) -> Model:
        """Open a model.

        Raises:
            RunError: its key is not there.
        """
        model = offered.opened()
        name = hashlib.sha256(offered.place.encode()).hexdigest()[:16]
        queue = MachineQueue(self._folder / f"{name}.json", offered.slots)
        return self._queued.setdefault(id(model), Queued(model, queue))


# --- the operator's file ------------------------------------------------------------------------


def _operators_file(path: Path) -> Section:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(str(path), 1, "", f"cannot be read: {error.strerror}") from None
    return read_mapping(content, str(path))


def _of_file(path: Path, environ: Mapping[str, str]) -> Iterator[Offered]:
    top = _operators_file(path)
    top.allow(*ROLES)
    servers: dict[Serving, Served] = {}
    for role in ROLES:
        for section in top.one_or_more(role):
            yield replace(_offered(section, role, environ, servers), style=_style(section))


def _style(section: Section) -> Style:
    manner, form = section.choice("style", PLAIN.manner), section.choice("answer", PLAIN.form)
    return Style(manner, form)


def _offered(
    section: Section, role: str, environ: Mapping[str, str], servers: dict[Serving, Served]
) -> Offered:
    match section.choice("backend", Backend.OPENAI):
        case Backend.OPENAI as backend:
            endpoint = _endpoint(section)
            key = _key(section, role, environ, endpoint)
            return Offered(role, backend, endpoint.name, key, endpoint.url, _slots(section))
        case Backend.TRANSFORMERS as backend:
            local = _local(section)
            return Offered(role, backend, local.name, lambda: local, str(local.directory), 1)
        case Backend.VLLM as backend:
            engine = _vllm(section, environ, servers)
            place = str(_place(section, section.text("directory", "") or ""))
            return Offered(role, backend, engine.name, lambda: engine, place, _slots(section))
        case Backend.EMBEDDED:
            raise section.fail("backend", EMBEDDED_IS_THERE)


def _endpoint(section: Section) -> Endpoint:
    section.allow("backend", "url", "model", "key_env", "key_file", "usd_per_million_in",
                  "usd_per_million_out", "timeout", "priorities", "slots", "style",
                  "answer")  # fmt: skip
    url, model = section.text("url", None), section.text("model", None)
    problem = _wrong_address(url)
    if url is None or problem:
        raise section.fail("url", problem)
    if model is None:
        raise section.fail("model", NO_MODEL)
    price = Price(
        section.number("usd_per_million_in", 0, 0, 1e6),
        section.number("usd_per_million_out", 0, 0, 1e6),
    )
    timeout_s = section.duration_s("timeout", 120, "1s", "1h")
    priorities = section.flag("priorities", False)
    return Endpoint(url, model, "", price, timeout_s, priorities)


def _slots(section: Section) -> int:
    return section.whole("slots", _SLOTS, 1, 1000)


def _wrong_address(url: str | None) -> str:
    """Return what is wrong with an endpoint's address; ``""``: nothing."""
    try:
        parts = urlsplit(url or "")
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return NO_ADDRESS
    if parts.username is not None or parts.password is not None:
        return LOGIN_IN_ADDRESS
    return "" if usable else NO_ADDRESS


def _local(section: Section) -> LocalModel:
    section.allow("backend", "directory", "device", "timeout", "style", "answer")
    directory = section.text("directory", None)
    if directory is None:
        raise section.fail("directory", NO_DIRECTORY)
    timeout_s = section.duration_s("timeout", 600, "1s", "1h")
    return LocalModel(_place(section, directory), section.text("device", None), timeout_s)


def _vllm(
    section: Section, environ: Mapping[str, str], servers: dict[Serving, Served]
) -> Served | Engine:
    """Return vLLM in this process, or behind a server that starts when it is first asked.

    Roles with the same directory share one server.
    """
    section.allow("backend", "directory", "python", "in_process", "timeout", "slots", "style",
                  "answer")  # fmt: skip
    directory, python = section.text("directory", None), section.text("python", None)
    if directory is None:
        raise section.fail("directory", NO_DIRECTORY)
    place = _place(section, directory)
    timeout_s = section.duration_s("timeout", 600, "1s", "1h")
    if section.flag("in_process", False):
        if python is not None:
            raise section.fail("python", OWN_PYTHON)
        return Engine(place, timeout_s)
    serving = Serving(place, python=_place(section, python) if python else None)
    return servers.setdefault(serving, Served(serving, environ, timeout_s))


def _place(section: Section, name: str) -> Path:
    """Return a path as the file means it: from its own folder, never from where perfbot runs."""
    return Path(section.file).absolute().parent / Path(name).expanduser()


# --- keys ---------------------------------------------------------------------------------------


def keys(offer: Offer) -> frozenset[str]:
    """Return the values of all keys that are there, so that they can be taken out of what is kept."""
    return frozenset(filter(None, map(_opened_key, offer.models)))


def key_variables(operator: Operator) -> frozenset[str]:
    """Return the names of the environment variables that the operator's file takes keys from.

    Raises ConfigError where the file cannot be read as YAML.
    """
    path = operator.configuration / FILE_NAME
    if not path.is_file():
        return frozenset()
    top = _operators_file(path)
    sections = (section for role in ROLES for section in top.one_or_more(role))
    return frozenset(filter(None, (section.text("key_env", None) for section in sections)))


def _opened_key(offered: Offered) -> str:
    if offered.backend is not Backend.OPENAI:
        return ""
    try:
        model = offered.opened()
    except RunError:  # there is none, which is said where the model is used
        return ""
    return model.key if isinstance(model, Endpoint) else ""


def _key(
    section: Section, role: str, environ: Mapping[str, str], endpoint: Endpoint
) -> Callable[[], Endpoint]:
    """Return what opens an endpoint with its key."""
    name, file = section.text("key_env", None), section.text("key_file", None)
    if name is not None and file is not None:
        raise section.fail("key_file", TWO_KEYS)
    where = {"file": section.file, "role": role}
    if name is not None:
        return partial(_with_variable, endpoint, name, environ, where)
    if file is not None:
        return partial(_with_file, endpoint, _place(section, file), where)
    return lambda: endpoint


def _with_variable(
    endpoint: Endpoint, name: str, environ: Mapping[str, str], where: Mapping[str, str]
) -> Endpoint:
    if not environ.get(name):
        raise RunError(Exit.USAGE, NO_KEY.format(name=name, **where))
    return replace(endpoint, key=_checked(environ[name], name, where))


def _with_file(endpoint: Endpoint, path: Path, where: Mapping[str, str]) -> Endpoint:
    """Open an endpoint with the key in a file that its owner alone can read."""
    try:
        key = read_key(path)
    except KeyFileError as error:
        raise RunError(Exit.USAGE, NO_KEY_FILE.format(why=error, **where)) from None
    return replace(endpoint, key=_checked(key, str(path), where))


def _checked(key: str, place: str, where: Mapping[str, str]) -> str:
    """Return a key without space around it; it goes into a header, where not everything may stand."""
    plain = key.strip()
    if not plain or not plain.isascii() or not plain.isprintable() or " " in plain:
        raise RunError(Exit.USAGE, BAD_KEY.format(place=place, **where))
    return plain


# --- the environment ----------------------------------------------------------------------------


def _of_environment(environ: Mapping[str, str]) -> Iterator[Offered]:
    """Yield an endpoint for each role whose model a variable names, at the usual variables' address."""
    for role in ROLES:
        model = environ.get(VARIABLE.format(role=role.upper()))
        if model:
            yield _named_by_variable(role, model, environ)


def _named_by_variable(role: str, model: str, environ: Mapping[str, str]) -> Offered:
    url = environ.get("OPENAI_BASE_URL") or _HOSTED
    problem = _wrong_address(url)
    if problem:
        raise RunError(Exit.USAGE, WRONG_VARIABLE.format(problem=problem))
    endpoint = Endpoint(url, model)
    if url != _HOSTED and not environ.get(_KEY_VARIABLE):  # servers of one's own often ask for none
        return Offered(role, Backend.OPENAI, endpoint.name, lambda: endpoint, url, _SLOTS)
    where = {"file": ENVIRONMENT, "role": role}
    opened = partial(_with_variable, endpoint, _KEY_VARIABLE, environ, where)
    return Offered(role, Backend.OPENAI, endpoint.name, opened, url, _SLOTS)
