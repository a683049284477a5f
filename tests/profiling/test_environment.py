"""The interpreter that the user means is found, and what it says of itself is not trusted."""

import json
import os
import sys
import venv
from pathlib import Path

import pytest

from perfbot.profiling.environment import NoInterpreter, find, permitted, query
from perfbot.profiling.sandbox import SandboxError, strongest

SANDBOX = strongest(trust=True)  # interpreters of this machine, started by its owner
HERE = Path(sys.executable)


def environment(folder: Path) -> Path:
    venv.create(folder, symlinks=True)
    return folder


def liar(folder: Path, **claims: object) -> Path:
    """Make a program that answers as an interpreter would, with some claims of its own."""
    answer = {
        "implementation": "cpython",
        "version": [3, 12, 0],
        "prefix": str(folder),
        "base_prefix": str(folder),
        "packages": {},
        "import_names": [],
        "readable": [],
    } | claims
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "python"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n")
    program.chmod(0o755)
    return program


def test_an_interpreter_describes_itself() -> None:
    interpreter = query(HERE, SANDBOX)
    assert interpreter.executable == HERE
    assert interpreter.version == sys.version_info[:3]
    assert interpreter.prefix == Path(sys.prefix)
    assert "pytest" in interpreter.packages
    assert {"pytest", "hypothesis"} <= interpreter.import_names
    for folder in (sys.prefix, sys.base_prefix):
        assert any(Path(folder).is_relative_to(each) for each in interpreter.readable)


def interpreters() -> list[Path]:
    """Return one interpreter of each minor version from 3.10 on that lies about on this machine."""
    folders = [Path(entry) for entry in os.environ["PATH"].split(os.pathsep)]
    folders += sorted(Path.home().glob(".pyenv/versions/*/bin"))
    found: dict[str, Path] = {}
    for folder in folders:
        for path in folder.glob("python3.1[0-9]"):
            if "shims" not in path.parts:
                found.setdefault(path.name, path)
    return [found[name] for name in sorted(found)]


@pytest.mark.parametrize("executable", interpreters(), ids=lambda path: path.name)
def test_every_version_describes_itself(executable: Path) -> None:
    interpreter = query(executable, SANDBOX)
    assert executable.name == "python{}.{}".format(*interpreter.version)


def test_an_interpreter_runs_confined_with_what_it_may_read(tmp_path: Path) -> None:
    try:
        sandbox = strongest()
    except SandboxError as error:
        pytest.skip(f"no sandbox works here: {error}")
    environment(tmp_path / ".venv")
    found = find(tmp_path, None, {}, sandbox)
    assert found is not None
    assert query(found.executable, sandbox) == found


def test_the_order_is_configured_own_active_conda(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    for name in ("repository/.venv", "repository/other", "active", "conda"):
        environment(tmp_path / name)
    environ = {"VIRTUAL_ENV": str(tmp_path / "active"), "CONDA_PREFIX": str(tmp_path / "conda")}

    def prefix(configured: str | None) -> str:
        found = find(repository, configured, environ, SANDBOX)
        return found.prefix.name if found else "none"

    assert prefix("other/bin/python") == "other"
    assert prefix("other/") == "other"
    assert prefix(None) == ".venv"
    (repository / ".venv" / "bin" / "python").unlink()
    assert prefix(None) == "active"
    del environ["VIRTUAL_ENV"]
    assert prefix(None) == "conda"
    environ.clear()
    assert prefix(None) == "none"


def test_perfbots_own_environment_is_not_the_targets(tmp_path: Path) -> None:
    assert find(tmp_path, None, {"VIRTUAL_ENV": sys.prefix}, SANDBOX) is None


def test_an_environment_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / ".venv" / "bin" / "python"
    broken.parent.mkdir(parents=True)
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    assert find(tmp_path, None, {}, SANDBOX) is None


def test_a_configured_program_is_looked_for_on_path(tmp_path: Path) -> None:
    environ = {"PATH": f"{tmp_path}:{HERE.parent}"}
    found = find(tmp_path, HERE.name, environ, SANDBOX)
    assert found is not None
    assert found.prefix == Path(sys.prefix)


@pytest.mark.parametrize("configured", ["missing/bin/python", "no-such-python"])
def test_a_configured_interpreter_that_is_missing_is_named(tmp_path: Path, configured: str) -> None:
    with pytest.raises(NoInterpreter, match=f"{configured}.*was not found"):
        find(tmp_path, configured, {"PATH": str(tmp_path)}, SANDBOX)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"version": [3, 9, 1]}, "is cpython 3.9.1, but"),
        ({"implementation": "pypy"}, "is pypy 3.12.0, but"),
        ({"version": "3.12"}, "does not run as a Python interpreter"),
        ({"packages": None}, "does not run as a Python interpreter"),
    ],
)
def test_what_is_no_suitable_python_is_refused(
    tmp_path: Path, claims: dict[str, object], words: str
) -> None:
    program = liar(tmp_path / "env" / "bin", **claims)
    with pytest.raises(NoInterpreter, match=words):
        find(tmp_path, str(program), {}, SANDBOX)


def test_output_that_is_no_answer_is_shown(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'no license' >&2\n")
    program.chmod(0o755)
    with pytest.raises(NoInterpreter, match="no license"):
        find(tmp_path, str(program), {}, SANDBOX)


def test_no_answer_makes_secrets_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for name in (".ssh", ".pyenv/versions", "code/lib", ".config/gh"):
        (home / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(home / ".ssh")
    monkeypatch.setenv("HOME", str(home))
    asked = ["/", "/etc", "/proc", "/etc/ssl", "relative", str(tmp_path), str(tmp_path / "link")]
    asked += [str(home / name) for name in ("", ".ssh", ".config/gh", ".pyenv", "code/lib", "gone")]
    program = liar(tmp_path / "env" / "bin", readable=asked)
    found = find(tmp_path, str(program), {}, SANDBOX)
    assert found is not None
    assert set(found.readable) == {tmp_path / "env", home / ".pyenv", home / "code/lib"}


def test_folders_of_editable_installs_are_readable(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = environment(tmp_path / "repository" / ".venv")
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "elsewhere.pth").write_text(f"{tmp_path / 'elsewhere'}\n")
    (site / "__editable___shop_finder.py").write_text(
        f"MAPPING = {{'shop': '{tmp_path}/code/shop'}}"
    )
    (site / "shop.pth").write_text("import __editable___shop_finder\n")
    (tmp_path / "code" / "shop").mkdir(parents=True)
    found = find(tmp_path / "repository", None, {}, SANDBOX)
    assert found is not None
    assert {tmp_path / "elsewhere", tmp_path / "code"} <= set(found.readable)


def test_nested_folders_are_named_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert permitted([tmp_path / "a" / "b", tmp_path / "a", tmp_path / "a"]) == (tmp_path / "a",)
