"""What the operator offers and a repository chooses; every wrong value names its place."""

import os
from pathlib import Path

import pytest

from perfbot.bot.config import Backend, Models, Operator, read
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.operator_models import FILE_NAME, Offer, chosen, offered
from perfbot.optimizer.call_queue import Queued
from perfbot.optimizer.endpoint import Endpoint, Price
from perfbot.optimizer.engine import Engine
from perfbot.optimizer.local import LocalModel
from perfbot.optimizer.models import Model, Priced
from perfbot.optimizer.serving import Served, Serving

URL = "http://localhost:8000/v1"
SECRET = "sk-of-the-operator"
OPENAI = Models(Backend.OPENAI, (Backend.OPENAI,))
OPENAI_WRITES = Models(Backend.EMBEDDED, (Backend.OPENAI,))


def offer(tmp_path: Path, text: str = "", **environ: str) -> Offer:
    if text:
        (tmp_path / FILE_NAME).write_text(text)
    operator = Operator(tmp_path, tmp_path, tmp_path, None, None)
    return offered(operator, environ)


def key_file(folder: Path, content: bytes = b"sk-of-the-operator\n", mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_nothing_is_offered_where_there_is_no_file(tmp_path: Path) -> None:
    assert offer(tmp_path).models == ()


def test_an_endpoint_has_all_that_the_file_says(tmp_path: Path) -> None:
    text = f"optimizer: {{url: '{URL}', model: big, key_env: KEY, usd_per_million_in: 1.5, "
    text += "usd_per_million_out: 2, timeout: 3m, priorities: true}\n"
    there = offer(tmp_path, text, KEY=f" {SECRET}\n")
    (found,) = there.models
    assert (found.role, found.backend, found.name) == ("optimizer", Backend.OPENAI, "openai:big")
    assert found.opened() == Endpoint(URL, "big", SECRET, Price(1.5, 2.0), 180.0, True)


def test_a_directory_is_meant_from_the_files_own_folder(tmp_path: Path) -> None:
    text = "planner: {backend: transformers, directory: models/small, device: cpu, timeout: 90s}\n"
    (found,) = offer(tmp_path, text).models
    assert found.opened() == LocalModel(tmp_path / "models/small", "cpu", 90.0)


def test_vllm_is_a_server_of_its_own_or_runs_in_this_process(tmp_path: Path) -> None:
    text = f"""\
planner: {{backend: vllm, directory: small, python: /opt/vllm/bin/python}}
optimizer:
  - {{backend: vllm, directory: {tmp_path}/small, python: /opt/vllm/bin/python}}
  - {{backend: vllm, directory: large, in_process: true}}
"""
    planner, same, engine = (each.opened() for each in offer(tmp_path, text).models)
    assert isinstance(planner, Served)
    assert planner is same
    expected = Serving(tmp_path / "small", python=Path("/opt/vllm/bin/python"))
    assert (planner.serving, planner.name) == (expected, "vllm:small")
    assert isinstance(engine, Engine)
    assert engine.directory == tmp_path / "large"


def test_an_optimizer_may_be_several(tmp_path: Path) -> None:
    text = f"""\
optimizer:
  - {{url: '{URL}', model: first}}
  - {{backend: transformers, directory: /models/second}}
  - {{backend: openai, url: '{URL}', model: third}}
larger: {{url: '{URL}', model: large}}
planner: {{url: '{URL}', model: planner}}
"""
    there = offer(tmp_path, text)
    roles = chosen(OPENAI, there, 0.5)
    assert roles is not None
    assert [each.name for each in roles.optimizers] == ["openai:first", "openai:third"]
    assert (roles.planner and roles.planner.name, roles.larger) == ("openai:planner", None)
    both = Models(optimizers=(Backend.TRANSFORMERS, Backend.OPENAI), larger=Backend.OPENAI)
    roles = chosen(both, there, 0.5)
    assert roles is not None
    assert [each.name for each in roles.optimizers] == [
        "transformers:second",
        "openai:first",
        "openai:third",
    ]
    assert roles.larger is not None
    assert (roles.planner, roles.larger.name, roles.most_usd) == (None, "openai:large", 0.5)


def test_a_repository_chooses_backends_and_nothing_else() -> None:
    text = b"version: 1\nmodels: {optimizer: [{backend: openai}, {backend: transformers}], "
    config = read(text + b"larger: {backend: openai}}\n")
    assert config.models.optimizers == (Backend.OPENAI, Backend.TRANSFORMERS)
    assert (config.models.planner, config.models.larger) == (Backend.EMBEDDED, Backend.OPENAI)
    for wrong in (b"url: 'http://evil'", b"key_env: HOME", b"directory: /etc", b"model: dear"):
        with pytest.raises(ConfigError, match="set by the operator"):
            read(b"version: 1\nmodels: {optimizer: [{backend: openai, " + wrong + b"}]}\n")


def test_the_catalogue_alone_is_no_model(tmp_path: Path) -> None:
    assert chosen(Models(), offer(tmp_path), 0.5) is None


def test_a_planner_may_stand_beside_the_embedded_optimizer(tmp_path: Path) -> None:
    there = offer(tmp_path, f"planner: {{url: '{URL}', model: small}}\n")
    roles = chosen(Models(planner=Backend.OPENAI), there, 0.5)
    assert roles is not None
    assert (roles.optimizers, roles.planner and roles.planner.name) == ((), "openai:small")


@pytest.mark.parametrize("role", ["planner", "optimizer", "larger"])
def test_what_is_not_offered_cannot_be_chosen(tmp_path: Path, role: str) -> None:
    there = offer(tmp_path, f"{role}: {{url: '{URL}', model: small}}\n")
    text = f"version: 1\nmodels: {{{role}: {{backend: transformers}}}}\n"
    with pytest.raises(
        RunError, match=f"under models: {role}:, but the operator offers none"
    ) as told:
        chosen(read(text.encode()).models, there, 0.5)
    assert str(tmp_path / FILE_NAME) in str(told.value)
    assert told.value.code is Exit.USAGE


WRONG = [
    ("planer: {}", 1, "planer", "did you mean 'planner'"),
    ("planner: 3", 1, "planner", "a mapping or a list of mappings"),
    ("planner: [3]", 1, "planner[0]", "expected a mapping"),
    ("planner:\n  model: small", 2, "planner.url", "expected an address"),
    ("planner: {url: 'localhost:8000', model: a}", 1, "planner.url", "expected an address"),
    ("planner: {url: 'ftp://x/v1', model: a}", 1, "planner.url", "expected an address"),
    ("planner: {url: 'http://x:99999/v1', model: a}", 1, "planner.url", "expected an address"),
    ("planner: {url: 'https://me:pw@x/v1', model: a}", 1, "planner.url", "key_env or key_file"),
    (f"planner:\n  url: {URL}", 2, "planner.model", "the model's name"),
    (f"planner: {{url: '{URL}', model: a, key: sk-1}}", 1, "planner.key", "allowed: backend, url"),
    (f"planner: {{url: '{URL}', model: a, key_env: A, key_file: b}}", 1, "planner.key_file", "one key"),
    (f"planner: {{url: '{URL}', model: a, timeout: 3d}}", 1, "planner.timeout", "from 1s to 1h"),
    (f"planner: {{url: '{URL}', model: a, priorities: 3}}", 1, "planner.priorities", "true or false"),
    (f"planner: {{url: '{URL}', model: a, usd_per_million_in: -1}}", 1, "planner.usd_per_million_in",
     "a number from 0"),
    ("planner: {backend: transformer}", 1, "planner.backend", "did you mean 'transformers'"),
    ("planner: {backend: embedded}", 1, "planner.backend", "always there"),
    ("planner:\n  backend: transformers", 2, "planner.directory", "config.json"),
    ("planner: {backend: transformers, directory: a, url: b}", 1, "planner.url", "allowed: backend"),
    ("planner: {backend: vllm}", 1, "planner.directory", "config.json"),
    ("planner: {backend: vllm, directory: a, in_process: 1}", 1, "planner.in_process", "true or false"),
    ("planner: {backend: vllm, directory: a, in_process: true, python: b}", 1, "planner.python",
     "own Python"),
    (f"optimizer:\n- {{url: '{URL}', model: a}}\n- {{url: '{URL}'}}", 3, "optimizer[1].model", "name"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "told"), WRONG)
def test_a_wrong_value_names_file_line_key_and_what_is_allowed(
    tmp_path: Path, text: str, line: int, key: str, told: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        offer(tmp_path, text)
    assert str(raised.value).startswith(f"{tmp_path / FILE_NAME}:{line}: {key}: ")
    assert told in str(raised.value)


# --- keys ---------------------------------------------------------------------------------------


def test_a_key_comes_from_a_file_that_its_owner_alone_reads(tmp_path: Path) -> None:
    key_file(tmp_path)
    there = offer(tmp_path, f"optimizer: {{url: '{URL}', model: a, key_file: key}}\n")
    (opened,) = (each.opened() for each in there.models)
    assert isinstance(opened, Endpoint)
    assert opened.key == SECRET
    assert SECRET not in f"{there} {opened}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622, 0o644])
def test_a_key_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, mode=mode)
    there = offer(tmp_path, f"optimizer: {{url: '{URL}', model: a, key_file: {path}}}\n")
    with pytest.raises(RunError, match=f"mode {mode:03o}.*chmod 600 {path}") as raised:
        there.models[0].opened()
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file"), (b"\xff\xfe", "it is no text"), (b"", "is no key"),
     (b"sk-a\nsk-b\n", "is no key"), (b"two words", "is no key"), (b"sk-\x00", "is no key")],
)  # fmt: skip
def test_a_file_that_holds_no_key_is_said(tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        key_file(tmp_path, content)
    there = offer(tmp_path, f"optimizer: {{url: '{URL}', model: a, key_file: key}}\n")
    with pytest.raises(RunError, match=why) as raised:
        there.models[0].opened()
    assert "optimizer: " in str(raised.value)
    assert "sk-" not in str(raised.value)


def test_a_key_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    there = offer(tmp_path, f"optimizer: {{url: '{URL}', model: a, key_file: .}}\n")
    with pytest.raises(RunError, match="cannot be read: Is a directory"):
        there.models[0].opened()


def test_a_key_that_is_missing_stops_only_who_uses_it(tmp_path: Path) -> None:
    there = offer(tmp_path, f"optimizer: {{url: '{URL}', model: a, key_env: KEY}}\n")
    assert chosen(Models(), there, 0.5) is None
    with pytest.raises(RunError, match="key_env names KEY, which is not set"):
        chosen(Models(optimizers=(Backend.OPENAI,)), there, 0.5)


# --- the line before a model ----------------------------------------------------------------------


def in_line(model: Model | None) -> Model:
    """Return the model behind its queue."""
    assert isinstance(model, Queued)
    return model.model


def test_every_model_of_a_run_waits_in_line(tmp_path: Path) -> None:
    text = f"optimizer: {{url: '{URL}', model: mine, slots: 3}}\n"
    roles = chosen(OPENAI_WRITES, offer(tmp_path, text), 0.5)
    assert roles is not None
    assert [in_line(each).name for each in roles.optimizers] == ["openai:mine"]


def test_roles_with_the_same_server_stay_one_model(tmp_path: Path) -> None:
    """Then plan and code are asked for in one reply."""
    one = f"{{backend: vllm, directory: {tmp_path}}}"
    there = offer(tmp_path, f"planner: {one}\noptimizer: {one}\n")
    roles = chosen(Models(Backend.VLLM, (Backend.VLLM,)), there, 0.5)
    assert roles is not None
    assert roles.planner is roles.optimizers[0]


def test_a_model_without_a_price_costs_nothing_in_line_either(tmp_path: Path) -> None:
    roles = chosen(OPENAI_WRITES, offer(tmp_path, f"optimizer: {{url: '{URL}', model: m}}\n"), 0.5)
    paid = f"optimizer: {{url: '{URL}', model: m, usd_per_million_in: 1}}\n"
    other = chosen(OPENAI_WRITES, offer(tmp_path, paid), 0.5)
    assert roles is not None
    assert other is not None
    both = (roles.optimizers[0], other.optimizers[0])
    assert [isinstance(each, Priced) and each.costs_money for each in both] == [False, True]


# --- the environment ----------------------------------------------------------------------------


def test_the_usual_variables_offer_an_endpoint(tmp_path: Path) -> None:
    environ = {"OPENAI_BASE_URL": URL, "OPENAI_API_KEY": SECRET}
    assert offer(tmp_path, **environ).models == ()
    there = offer(tmp_path, **environ, PERFBOT_PLANNER_MODEL="small", PERFBOT_OPTIMIZER_MODEL="big")
    roles = chosen(OPENAI, there, 0.5)
    assert roles is not None
    assert in_line(roles.planner) == Endpoint(URL, "small", SECRET)
    assert [in_line(each) for each in roles.optimizers] == [Endpoint(URL, "big", SECRET)]
    assert SECRET not in f"{there} {roles}"


def test_the_file_goes_before_the_environment(tmp_path: Path) -> None:
    text = f"optimizer: {{url: '{URL}', model: mine}}\n"
    there = offer(tmp_path, text, PERFBOT_OPTIMIZER_MODEL="a", PERFBOT_LARGER_MODEL="b")
    assert [each.name for each in there.models] == ["openai:mine", "openai:b"]


def test_without_an_address_the_hosted_service_is_meant_which_needs_a_key(tmp_path: Path) -> None:
    there = offer(tmp_path, PERFBOT_OPTIMIZER_MODEL="big")
    with pytest.raises(RunError, match="the environment: optimizer: key_env names OPENAI_API_KEY"):
        there.models[0].opened()
    (named,) = offer(tmp_path, PERFBOT_OPTIMIZER_MODEL="big", OPENAI_API_KEY="sk").models
    assert named.opened() == Endpoint("https://api.openai.com/v1", "big", "sk")


def test_ones_own_server_may_have_no_key(tmp_path: Path) -> None:
    (named,) = offer(tmp_path, PERFBOT_OPTIMIZER_MODEL="big", OPENAI_BASE_URL=URL).models
    assert named.opened() == Endpoint(URL, "big")


def test_a_wrong_address_in_the_environment_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="OPENAI_BASE_URL: expected an address"):
        offer(tmp_path, PERFBOT_OPTIMIZER_MODEL="big", OPENAI_BASE_URL="localhost")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser reads everything")
    (tmp_path / FILE_NAME).write_text("")
    (tmp_path / FILE_NAME).chmod(0)
    with pytest.raises(ConfigError, match="cannot be read"):
        offer(tmp_path)
