"""Where a worker finds its App, and what it refuses to take for one."""

import json
from pathlib import Path

import pytest

from perfbot.bot.app_credentials import AppCredentials, about, load, own_folder
from perfbot.bot.exits import Exit, RunError

PEM = "-----BEGIN RSA PRIVATE KEY-----\nnot for everybody\n-----END RSA PRIVATE KEY-----\n"


def app_folder(folder: Path, said: str | None = None, mode: int = 0o600) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    text = about(7, "perfbot", "https://github.example.org/api/v3") if said is None else said
    (folder / "app.json").write_text(text)
    (folder / "private-key.pem").write_text(PEM)
    (folder / "private-key.pem").chmod(mode)
    return folder


def refused(**environ: str) -> str:
    with pytest.raises(RunError) as raised:
        load(environ)
    assert raised.value.code is Exit.USAGE
    assert "not for everybody" not in str(raised.value)
    return str(raised.value)


def test_an_app_comes_from_the_folder_that_is_named(tmp_path: Path) -> None:
    found = load({"PERFBOT_APP": str(app_folder(tmp_path / "app"))})
    assert found == AppCredentials("7", PEM, "https://github.example.org/api/v3")
    assert "not for everybody" not in f"{found}"


def test_an_app_comes_from_variables_and_a_key_file(tmp_path: Path) -> None:
    file = str(app_folder(tmp_path) / "private-key.pem")
    named = {"PERFBOT_APP_ID": "Iv1.8a61f9b3a7aba766", "PERFBOT_APP_KEY_FILE": file}
    assert load(named) == AppCredentials("Iv1.8a61f9b3a7aba766", PEM, "https://api.github.com")
    elsewhere = named | {"PERFBOT_GITHUB_URL": "https://github.example.org/api/v3"}
    assert load(elsewhere).base_url == "https://github.example.org/api/v3"


def test_without_a_word_the_folder_of_app_create_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert own_folder() == tmp_path / "perfbot" / "app"
    assert "perfbot app create" in refused()
    app_folder(own_folder())
    assert load({}).app_id == "7"
    assert load({"PERFBOT_APP": ""}).app_id == "7"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    folder = app_folder(tmp_path, mode=mode)
    key = folder / "private-key.pem"
    assert f"mode {mode:03o}" in refused(PERFBOT_APP=str(folder))
    assert f"chmod 600 {key}" in refused(PERFBOT_APP_ID="7", PERFBOT_APP_KEY_FILE=str(key))


def test_a_key_that_is_not_there_is_said(tmp_path: Path) -> None:
    (app_folder(tmp_path) / "private-key.pem").unlink()
    assert "private-key.pem cannot be read: No such file" in refused(PERFBOT_APP=str(tmp_path))


@pytest.mark.parametrize(
    "said",
    ["", "{", "[]", "null", '{"app_id": "7", "slug": "perfbot"}', '{"slug": "perfbot"}',
     '{"app_id": 7, "slug": null}', '{"app_id": 7, "slug": "a", "base_url": 1}', "\ud800"],
)  # fmt: skip
def test_an_account_of_the_app_that_is_none_is_said(tmp_path: Path, said: str) -> None:
    app_folder(tmp_path, said="")
    (tmp_path / "app.json").write_bytes(said.encode("utf-8", "surrogatepass"))
    assert "app.json is not as" in refused(PERFBOT_APP=str(tmp_path))


def test_an_account_that_is_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "app.json").mkdir()
    assert "Is a directory" in refused(PERFBOT_APP=str(tmp_path))


def test_half_an_app_is_no_app(tmp_path: Path) -> None:
    file = str(app_folder(tmp_path) / "private-key.pem")
    assert "PERFBOT_APP_KEY_FILE is not set" in refused(PERFBOT_APP_ID="7")
    assert "PERFBOT_APP_ID is not set" in refused(PERFBOT_APP_KEY_FILE=file)
    assert "PERFBOT_APP_ID is not set" in refused(PERFBOT_GITHUB_URL="https://x/api/v3")


def test_two_apps_are_not_one(tmp_path: Path) -> None:
    folder = str(app_folder(tmp_path))
    told = refused(PERFBOT_APP=folder, PERFBOT_APP_ID="7", PERFBOT_GITHUB_URL="https://x/api/v3")
    assert "leave out PERFBOT_APP_ID and PERFBOT_GITHUB_URL" in told


@pytest.mark.parametrize("app_id", ["7/..", "seven of nine", "-----BEGIN", "7" * 101])
def test_a_number_that_no_app_has_is_said(tmp_path: Path, app_id: str) -> None:
    file = str(app_folder(tmp_path) / "private-key.pem")
    assert "client id" in refused(PERFBOT_APP_ID=app_id, PERFBOT_APP_KEY_FILE=file)


def test_app_json_holds_what_the_worker_needs_and_no_secret() -> None:
    assert json.loads(about(7, "perfbot", "https://api.github.com")) == {
        "app_id": 7,
        "slug": "perfbot",
        "base_url": "https://api.github.com",
    }
