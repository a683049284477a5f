"""The command line: what it takes, how it ends, and that it answers at once."""

import json
import os
import re
import signal
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from perfbot.bot import cli, options
from perfbot.bot.cli import Verb
from perfbot.bot.config import Config, read
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.init import TEMPLATE

PERFBOT = Path(sys.executable).with_name("perfbot")


def parsed(kind: type[options.OptimizeOptions], *arguments: str) -> options.OptimizeOptions:
    parser = ArgumentParser()
    kind.declare(parser)
    return kind.read(parser.parse_args(arguments))


def test_optimize_alone_means_here_and_everything_by_default() -> None:
    assert parsed(options.OptimizeOptions) == options.OptimizeOptions(Path())


def test_optimize_takes_everything_that_is_documented(tmp_path: Path) -> None:
    profile = tmp_path / "run.pstats"
    profile.write_bytes(b"")
    chosen = parsed(
        options.OptimizeOptions,
        *(str(tmp_path), "--function", "./a.py::f", "--function", "a::b.py::C.m"),
        *("--config", "x.yml", "--time-budget", "1h30m", "--profile", str(profile)),
        *("--report", "out", "--apply", "--json", "--trust-repository"),
    )
    assert chosen == options.OptimizeOptions(
        repository=tmp_path,
        functions=("a.py::f", "a::b.py::C.m"),
        config=Path("x.yml"),
        time_budget_s=5400,
        profile=profile,
        report=Path("out"),
        apply=True,
        json=True,
        trust_repository=True,
    )


def test_the_other_verbs_are_parsed(tmp_path: Path) -> None:
    patch = tmp_path / "x.patch"
    patch.write_bytes(b"")
    parser = ArgumentParser()
    options.VerifyOptions.declare(parser)
    chosen = parser.parse_args([str(tmp_path), "--patch", str(patch), "--json"])
    assert options.VerifyOptions.read(chosen) == options.VerifyOptions(tmp_path, patch, json=True)
    parser = ArgumentParser()
    options.PlanOptions.declare(parser)
    plan = options.PlanOptions.read(parser.parse_args(["--function", "a.py::f"]))
    assert plan == options.PlanOptions(Path(), "a.py::f")
    for kind in (options.ProfileOptions, options.DoctorOptions):
        parser = ArgumentParser()
        kind.declare(parser)
        assert kind.read(parser.parse_args(["--json"])) == kind(Path(), json=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--function", "total"], "write src/shop/cart.py::Cart.total"),
        (["--function", "/etc/a.py::f"], "must be a path relative to REPO"),
        (["--function", "../a.py::f"], "must be a path relative to REPO"),
        (["--time-budget", "15"], "write one like 90s, 15m or 1h30m"),
        (["--time-budget", "0s"], "at least 1s"),
        (["--profile", "/nowhere.pstats"], "there is no file '/nowhere.pstats'"),
        (["--reply", "x"], "unrecognized arguments: --reply"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed(options.OptimizeOptions, *arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_wrong_usage() -> None:
    with pytest.raises(RunError, match="there is no folder '/nowhere'") as caught:
        parsed(options.OptimizeOptions, "/nowhere")
    assert caught.value.code is Exit.USAGE


def raising(error: BaseException) -> Callable[[Namespace], Exit]:
    def start(chosen: Namespace) -> Exit:
        raise error

    return start


def ended(monkeypatch: pytest.MonkeyPatch, start: Callable[[Namespace], Exit]) -> int:
    monkeypatch.setattr(cli, "VERBS", (Verb("go", "go", lambda parser: None, start),))
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        return cli.main(["go"])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@pytest.mark.parametrize("code", [Exit.REPOSITORY, Exit.NO_SANDBOX, Exit.USAGE])
def test_what_the_world_did_wrong_is_one_sentence_and_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: Exit
) -> None:
    assert ended(monkeypatch, raising(RunError(code, "no tests found; add some"))) == code
    assert capsys.readouterr().err == "perfbot: no tests found; add some\n"


def test_a_verdict_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(monkeypatch, lambda chosen: Exit.REJECTED) == 10
    assert ended(monkeypatch, lambda chosen: Exit.INCONCLUSIVE) == 11


def test_a_bug_of_ours_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, raising(KeyError("x"))) == 1
    said = capsys.readouterr()
    assert "KeyError: 'x'" in said.err
    assert said.err.endswith(cli.BUG + "\n")
    assert said.out == ""


def test_an_interrupt_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == cli.INTERRUPTED + "\n"


def test_sigterm_cleans_up_like_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned = []

    def start(chosen: Namespace) -> Exit:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            cleaned.append(True)
        return Exit.DONE

    assert ended(monkeypatch, start) == 130
    assert cleaned == [True]


def test_a_document_is_utf_8_whatever_the_terminal_is() -> None:
    code = 'from perfbot.bot.output import print_document; print_document(\'{"a": "×"}\\n\')'
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout.decode("utf-8")) == {"a": "×"}


def test_a_reader_that_leaves_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys; from perfbot.bot import cli, output; from perfbot.bot.cli import Verb\n"
        "cli.VERBS = (Verb('go', 'go', lambda p: None, lambda c: output.print_document('x' * 10**6)),)\n"
        "sys.exit(cli.main(['go']))"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (130, b"")


def test_help_and_version_import_nothing_heavy() -> None:
    code = (
        "import sys, perfbot.bot.cli as cli; cli.parser(cli.VERBS)\n"
        "heavy = {'rich', 'yaml', 'libcst', 'scipy', 'numpy', 'jinja2', 'platformdirs'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=True)
    assert done.stdout == b"set()\n"


def test_the_installed_command_answers() -> None:
    said = subprocess.run([PERFBOT, "--version"], capture_output=True, check=True, text=True)
    assert said.stdout == f"perfbot {version('perfbot')}\n"
    nothing = subprocess.run([PERFBOT], capture_output=True, check=False)
    assert nothing.returncode == 2


def test_init_writes_the_defaults_and_never_overwrites(tmp_path: Path) -> None:
    assert cli.main(["init", str(tmp_path)]) == 0
    path = tmp_path / ".perfbot.yml"
    assert read(path.read_bytes()) == Config()
    path.write_text("version: 1\n")
    assert cli.main(["init", str(tmp_path)]) == 2
    assert path.read_text() == "version: 1\n"


def test_what_init_has_commented_out_is_valid_too() -> None:
    """Uncommented, every example of the template is understood."""
    keys = re.compile(r"^# ((?:  )*(?:workload:|overrides:|  .*))$", re.MULTILINE)
    config = read(keys.sub(r"\1", TEMPLATE).encode())
    assert config.workload.tests == "pytest -q"
    assert config.overrides[0].accept.min_speedup == 1.5
