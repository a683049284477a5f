"""What of a run is kept: as the operator and the repository want it, the stricter of the two."""

import time
from pathlib import Path

import pytest

from perfbot.bot import transcripts
from perfbot.bot.config import Operator, Telemetry
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.transcripts import Kept, keeping, recorded, remembered, secrets_of
from perfbot.optimizer.journal import Call, Purpose
from perfbot.optimizer.models import Finish, Message, Reply, Role, Sampling, Usage
from perfbot.optimizer.recorded import Keep
from perfbot.optimizer.redaction import HASHED
from perfbot.profiling.functions import FunctionName

NAME = FunctionName("a.py", "f")
KEY = "key-of-the-operator"


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    places = (tmp_path / name for name in ("configuration", "cache", "state"))
    found = Operator(*places, virtual_environment=None, conda_environment=None)
    found.configuration.mkdir()
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nlicense = "MIT"\n')
    return folder


def run(operator: Operator, shop: Path, telemetry: Telemetry, environ=None, say: str = "") -> Kept:
    said = Reply(say, Finish.STOP, Usage(), 0.1)
    asked = (Message(Role.USER, "hello there"),)
    with keeping(shop, telemetry, operator, environ or {}, {"usd": "1"}) as kept:
        kept.journal.begun(NAME, "def f():\n    return 1\n")
        kept.journal.asked(Call(NAME, Purpose.PLAN, "m", (), asked, Sampling(), said))
    return kept


def wishes(operator: Operator, text: str) -> None:
    (operator.configuration / transcripts.SETTINGS_NAME).write_text(text)


def test_a_run_is_kept_with_where_it_was_and_under_which_licence(
    operator: Operator, shop: Path
) -> None:
    kept = run(operator, shop, Telemetry.LOCAL)
    found = kept.transcript()
    assert found is not None
    assert (found.run.repository, found.run.licence) == (str(shop), "MIT")
    assert (found.run.revision, found.run.settings) == (None, {"usd": "1"})
    assert abs(found.run.started_s - time.time()) < 60
    assert kept.notes == []
    assert recorded(found.run.run, operator) == found


def test_a_run_that_was_interrupted_is_kept_as_one_that_did_not_end(
    operator: Operator, shop: Path
) -> None:
    def interrupted() -> None:
        with keeping(shop, Telemetry.LOCAL, operator, {}, {}) as kept:
            kept.journal.begun(NAME, "def f(): pass\n")
            runs.append(kept.run)
            raise KeyboardInterrupt

    runs: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    found = recorded(runs[0], operator)
    assert found.run.ended_s is None
    assert [each.name for each in found.functions] == [NAME]


def test_none_keeps_nothing_not_even_a_file(operator: Operator, shop: Path) -> None:
    kept = run(operator, shop, Telemetry.NONE)
    assert kept.transcript() is None
    assert kept.notes == []
    assert not operator.state.exists()


@pytest.mark.parametrize("of", ["repository", "operator"])
def test_source_text_is_left_out_on_request_of_either(
    operator: Operator, shop: Path, of: str
) -> None:
    if of == "operator":
        wishes(operator, "keep: redacted\n")
    telemetry = Telemetry.LOCAL if of == "operator" else Telemetry.REDACTED
    found = run(operator, shop, telemetry).transcript()
    assert found is not None
    assert found.run.keeps is Keep.REDACTED
    assert found.functions[0].code.startswith(HASHED)


def test_a_repository_cannot_ask_for_more_than_the_operator_keeps(
    operator: Operator, shop: Path
) -> None:
    wishes(operator, "keep: none\n")
    assert run(operator, shop, Telemetry.LOCAL).transcript() is None
    assert not operator.state.exists()


def test_a_wrong_operator_s_file_is_an_error_with_its_place(operator: Operator, shop: Path) -> None:
    wishes(operator, "keep: local\nexamples: all\n")
    with pytest.raises(ConfigError, match="expected one of own, everywhere"):
        run(operator, shop, Telemetry.LOCAL)


def test_examples_come_from_the_same_place_unless_the_operator_says_all(
    operator: Operator, shop: Path
) -> None:
    assert remembered(str(shop), operator).repository == str(shop)
    wishes(operator, "examples: everywhere\n")
    assert remembered(str(shop), operator).repository is None


def test_keys_and_what_the_environment_hides_are_taken_out(operator: Operator, shop: Path) -> None:
    file = operator.configuration / "models.yml"
    file.write_text("optimizer: {url: 'http://localhost/v1', model: m, key_env: MINE}\n")
    environ = {"MINE": KEY, "GITHUB_TOKEN": "token-of-github", "TOKENIZERS_PARALLELISM": "false",
               "KEYBOARD": "de-latin1-nodeadkeys", "DB_PASSWORD": "hunter2hunter2"}  # fmt: skip
    hidden = secrets_of(operator, environ)
    assert hidden == {KEY, "token-of-github", "hunter2hunter2"}
    found = run(operator, shop, Telemetry.LOCAL, environ, f"{KEY}, token-of-github").transcript()
    assert found is not None
    assert found.functions[0].calls[0].reply == "[redacted], [redacted]"


def test_a_key_that_is_not_there_keeps_nobody_from_recording(
    operator: Operator, shop: Path
) -> None:
    """It is missed where the model is used; a replay uses none."""
    file = operator.configuration / "models.yml"
    file.write_text("optimizer: {url: 'http://localhost/v1', model: m, key_env: MINE}\n")
    assert run(operator, shop, Telemetry.LOCAL).transcript() is not None


def test_a_state_folder_that_cannot_be_written_is_said_and_the_run_goes_on(
    operator: Operator, shop: Path
) -> None:
    operator.state.write_text("a file")
    kept = run(operator, shop, Telemetry.LOCAL)
    (note,) = kept.notes
    assert "The transcript of this run is not complete" in note
    assert kept.transcript() is None


def test_a_broken_store_is_said_and_a_new_one_begun(operator: Operator, shop: Path) -> None:
    operator.state.mkdir()
    (operator.state / transcripts.FILE_NAME).write_bytes(b"broken" * 1000)
    kept = run(operator, shop, Telemetry.LOCAL)
    (note,) = kept.notes
    assert "it was moved to transcripts.sqlite.broken-" in note
    assert kept.transcript() is not None


def test_trouble_during_a_run_is_said_and_nothing_is_shown_of_it(
    operator: Operator, shop: Path
) -> None:
    with keeping(shop, Telemetry.LOCAL, operator, {}, {}) as kept:
        kept.journal.begun(NAME, None)  # type: ignore[arg-type] - a bug in whoever tells
    assert kept.transcript() is None
    assert "not complete: AttributeError" in kept.notes[0]


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ('[project]\nlicense = {text = "BSD"}\n', "BSD"),
        ('[project]\nlicense = {file = "LICENSE"}\n', None),
        ("[project]\nlicense = 3\n", None),
        ("project = 3\n", None),
        ("[[[", None),
        ("\0", None),
    ],
)
def test_a_licence_is_what_the_metadata_say(
    operator: Operator, shop: Path, metadata: str, licence: str | None
) -> None:
    (shop / "pyproject.toml").write_text(metadata)
    found = run(operator, shop, Telemetry.LOCAL).transcript()
    assert found is not None
    assert found.run.licence == licence


def test_what_is_not_kept_cannot_be_replayed(operator: Operator, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run was recorded on this machine yet") as raised:
        recorded("20261201", operator)
    assert raised.value.code is Exit.USAGE
    assert not operator.state.exists()


def test_a_file_that_is_not_there_is_not_taken_for_a_run(operator: Operator) -> None:
    with pytest.raises(RunError, match=r"there is no file report/transcript\.jsonl") as told:
        recorded("report/transcript.jsonl", operator)
    assert told.value.code is Exit.USAGE
