"""The Action takes its inputs safely, and its summary cannot be abused by a repository."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from perfbot.bot.action import options_from, outputs, publish, run, summary
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.options import OptimizeOptions
from perfbot.bot.report import Report
from perfbot.bot.report_folder import write

from shop_report import Example

ROOT = Path(__file__).parents[2]
TRICKS = "a`|*_<img src=x>@someone [x](http://y) www.evil.example\n::set-output name=x::y\n# big"


def test_expressions_never_stand_in_a_script() -> None:
    """An expression is pasted into the script before bash reads it: a title could run commands."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    scripts = [step["run"] for step in action["runs"]["steps"]]
    assert scripts
    assert not any("${{" in script for script in scripts)


def test_every_input_reaches_perfbot() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    passed = set(action["runs"]["steps"][1]["env"].values())
    assert passed == {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]}


def test_defaults_are_the_workspace(tmp_path: Path) -> None:
    chosen = options_from({"GITHUB_WORKSPACE": str(tmp_path), "PERFBOT_REPOSITORY": "."})
    assert chosen.repository == tmp_path
    assert chosen.report == tmp_path / ".perfbot-report"
    assert (chosen.functions, chosen.time_budget_s, chosen.trust_repository) == ((), None, False)


def test_inputs_are_read(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    chosen = options_from(
        {
            "GITHUB_WORKSPACE": str(tmp_path),
            "PATH": str(tmp_path),
            "PERFBOT_REPOSITORY": "sub",
            "PERFBOT_FUNCTIONS": "a.py::f\n\n ./b.py::C.m \n",
            "PERFBOT_TIME_BUDGET": "90s",
            "PERFBOT_TRUST_REPOSITORY": "True",
            "PERFBOT_REPORT": "out",
        }
    )
    assert chosen.functions == ("a.py::f", "b.py::C.m")
    assert chosen.time_budget_s == 90
    assert chosen.trust_repository
    assert chosen.report == tmp_path / "out"
    assert chosen.interpreter == python


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PERFBOT_TIME_BUDGET", "soon"),
        ("PERFBOT_FUNCTIONS", "f"),
        ("PERFBOT_TRUST_REPOSITORY", "maybe"),
        ("PERFBOT_REPOSITORY", "nowhere"),
    ],
)
def test_a_wrong_input_is_wrong_usage(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(RunError) as caught:
        options_from({"GITHUB_WORKSPACE": str(tmp_path), name: value})
    assert caught.value.code is Exit.USAGE
    assert value in str(caught.value)


def test_the_summary_and_the_outputs_are_appended(shop: Example, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    files["GITHUB_STEP_SUMMARY"].write_text("before\n")
    folder = tmp_path / "report"

    def optimize(chosen: OptimizeOptions) -> tuple[Report, Path]:
        return write(shop.report, folder, shop.patches, shop.samples), folder

    environ = {name: str(path) for name, path in files.items()}
    assert run(optimize, {**environ, "GITHUB_WORKSPACE": str(tmp_path)}) is Exit.DONE
    said = files["GITHUB_STEP_SUMMARY"].read_text()
    assert said.startswith("before\n## perfbot: 1 function proven faster")
    assert "at least 2.3× faster" in said
    assert "+        known = set()" in said
    written = files["GITHUB_OUTPUT"].read_text()
    found = re.findall(r"^(\S+)<<(\w{32})\n(.*)\n\2$", written, re.MULTILINE)
    assert {name: value for name, _, value in found} == {
        "accepted": "1",
        "best-speedup": "2.31",
        "report": str(folder),
    }


def test_the_runner_takes_no_commands_while_repository_text_is_printed(
    shop: Example, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def optimize(chosen: OptimizeOptions) -> tuple[Report, Path]:
        raise RunError(Exit.REPOSITORY, "no tests")

    with pytest.raises(RunError):
        run(optimize, {"GITHUB_WORKSPACE": str(tmp_path)})
    stopped = re.fullmatch(r"::stop-commands::(\w{32})\n::(\w{32})::\n", capsys.readouterr().out)
    assert stopped
    assert stopped[1] == stopped[2]


def test_hostile_text_formats_nothing_and_mentions_nobody(shop: Example, tmp_path: Path) -> None:
    results = tuple(
        replace(one, function=TRICKS, detail=TRICKS, patch=None) for one in shop.report.results
    )
    unchanged = tuple(replace(one, function=TRICKS, detail=TRICKS) for one in shop.report.unchanged)
    said = summary(replace(shop.report, results=results, unchanged=unchanged), tmp_path)
    assert "<img" not in said
    assert "@someone" not in said
    assert "](http" not in said
    assert "www." not in said
    assert "\n::" not in said
    assert "\n# big" not in said


def test_a_patch_cannot_end_its_own_fence(shop: Example, tmp_path: Path) -> None:
    name = next(iter(shop.patches))
    (tmp_path / name).write_bytes(b"+````\n+</details>\n")
    assert "`````diff\n+````\n" in summary(shop.report, tmp_path)


def test_a_summary_that_is_too_long_is_cut_with_a_word(shop: Example, tmp_path: Path) -> None:
    (tmp_path / next(iter(shop.patches))).write_bytes("é".encode() * 1_000_000)
    path = tmp_path / "summary"
    publish(shop.report, tmp_path, {"GITHUB_STEP_SUMMARY": str(path)})
    assert path.stat().st_size < 1024 * 1024
    assert path.read_text().endswith("the whole report is in the report folder.\n")


def test_nothing_accepted_has_no_best_speedup(shop: Example, tmp_path: Path) -> None:
    assert outputs(replace(shop.report, results=()), tmp_path)["best-speedup"] == ""
