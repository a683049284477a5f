"""A run with a model is kept, replayed without one, exported for training, and stays private."""

import json
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from home import Home, repository
from test_models import FAST as FASTER
from test_models import FILES, KEY, PLAN, SLOW, WRONG, answer, offer

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from model_server import says, serving

from perfbot.optimizer.recorded import Judgement, Transcript, read_file, to_lines
from perfbot.training.readers.functions import read_perfbot

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NAME = "digits.py::digits"
SECRET = "ghp_" + "a1B2" * 9


@dataclass(frozen=True)
class Recorded:
    """A run that was recorded, and the home and repository of its user."""

    home: Home
    repository: Path
    report: Path

    @property
    def transcript(self) -> Transcript:
        """What lies beside its report."""
        return read_file(self.report / "transcript.jsonl")

    @property
    def state(self) -> Path:
        """The user's state folder."""
        return self.home.folder / "state" / "perfbot"


@pytest.fixture(scope="module")
def recorded(module_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded")
    files = {**FILES, "digits.py": f'{SLOW}\nTOKEN = "{SECRET}"\n'}
    found = Recorded(module_home, repository(folder / "digits", files, git=True), folder / "report")
    replies = (says(PLAN), says(answer(WRONG), logprobs=(-0.1, -0.2)), says(answer(FASTER)))
    with serving(*replies) as server:
        offer(module_home, server)
        ended = module_home.run(
            "optimize", found.repository, "--function", NAME, "--report", found.report, "--json",
            XDG_CONFIG_HOME=str(module_home.folder / "config"), MODEL_KEY=KEY,
        )  # fmt: skip
    assert ended.code == 0, ended.err
    return found


def versions(transcript: Transcript) -> set[str]:
    """The versions that were tried, by their hashes; replies that gave none are left out."""
    return {each.version for one in transcript.functions for each in one.trials if each.version}


def accepted(transcript: Transcript) -> set[str]:
    decisions = [each for one in transcript.functions for each in one.decisions]
    return {each.version for each in decisions if each.judgement is Judgement.ACCEPTED}


def test_what_was_asked_answered_and_decided_is_kept(recorded: Recorded) -> None:
    (function,) = recorded.transcript.functions
    asked = [(each.purpose, each.model) for each in function.calls]
    assert asked[:2] == [("plan", "openai:tiny"), ("write", "openai:tiny")]
    assert "let str find the digits" in (function.calls[0].reply or "")
    assert any("before the change, and now" in each.why for each in function.trials)
    assert accepted(recorded.transcript) <= versions(recorded.transcript)
    assert accepted(recorded.transcript)
    listed = recorded.home.run("export", "--runs")
    assert recorded.transcript.run.run in listed.out


def test_the_report_shows_how_it_came_about(recorded: Recorded) -> None:
    page = (recorded.report / "report.html").read_text()
    assert "How it came about" in page
    assert "openai:tiny was asked for a plan" in page


def test_no_key_and_no_secret_is_kept_and_nobody_else_may_read(recorded: Recorded) -> None:
    files = [path for path in recorded.state.iterdir() if path.is_file()]
    kept = b"".join(path.read_bytes() for path in [*files, recorded.report / "transcript.jsonl"])
    assert b"str find the digits" in kept
    assert KEY.encode() not in kept
    assert SECRET.encode() not in kept
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(recorded.state.stat().st_mode) == 0o700


@pytest.mark.parametrize("by_name", [True, False], ids=["run", "file"])
def test_a_replay_gives_the_same_candidates_and_calls_no_model(
    recorded: Recorded, tmp_path: Path, by_name: bool
) -> None:
    """The endpoint is down by now, and this user's configuration names no models at all."""
    before = recorded.transcript
    which = before.run.run if by_name else recorded.report / "transcript.jsonl"
    ended = recorded.home.run(
        "optimize", recorded.repository, "--replay", which, "--report", tmp_path / "again", "--json"
    )
    assert ended.code == 0, ended.err
    again = read_file(tmp_path / "again" / "transcript.jsonl")
    assert versions(again) == versions(before)
    assert accepted(again) == accepted(before)
    assert all(not one.calls for one in again.functions)
    (result,) = ended.report["results"]
    assert (result["verdict"], result["optimizer"]) == ("accepted", "openai:tiny")
    assert ended.report["cost"]["tokens_in"] == 0


def test_where_the_source_changed_nothing_is_proposed_and_that_is_said(
    recorded: Recorded, tmp_path: Path
) -> None:
    """And as the repository asks for no telemetry, nothing is kept of this run."""
    yml = FILES[".perfbot.yml"] + "telemetry: none\n"
    files = {**FILES, "digits.py": SLOW + "\nMORE = 1\n", ".perfbot.yml": yml}
    folder = repository(tmp_path / "digits", files)
    runs = recorded.home.run("export", "--runs").out
    ended = recorded.home.run(
        "optimize", folder, "--replay", recorded.report / "transcript.jsonl", "--json",
        "--report", tmp_path / "report",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.report["results"] == []
    (unchanged,) = ended.report["unchanged"]
    assert unchanged["function"] == NAME
    assert "not the file that the transcript was made with" in unchanged["detail"]
    assert recorded.home.run("export", "--runs").out == runs
    assert not (tmp_path / "report" / "transcript.jsonl").exists()


def test_a_transcript_of_a_stranger_reaches_no_file_outside(
    recorded: Recorded, tmp_path: Path
) -> None:
    lines = to_lines(recorded.transcript).splitlines()
    names = [{"path": "../../etc/passwd"}, {"path": "/etc/passwd"}, {"qualname": "gone"}]
    told = [json.dumps({**json.loads(lines[1]), **name}) for name in names]
    head = json.dumps({**json.loads(lines[0]), "functions": len(told)})
    file = tmp_path / "hostile.jsonl"
    file.write_text("\n".join([head, *told]))
    ended = recorded.home.run("optimize", recorded.repository, "--replay", file, "--json",
                              "--report", tmp_path / "report")  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.report["results"] == ended.report["unchanged"] == []
    assert ended.err.count("of the transcript is not in the repository") == 3


def test_what_was_proven_becomes_training_data(recorded: Recorded, tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    ended = recorded.home.run("export", "--pairs", file, "--prompts")
    assert ended.code == 0, ended.err
    pairs = read_perfbot(file).pairs
    pair = next(each for each in pairs if "for number in range(1, limit)" in each.fast)
    assert pair.slow.startswith("def digits")
    assert pair.slow in SLOW
    assert pair.judged is not None
    assert pair.judged.gain is not None
    assert pair.judged.gain.low > 1.1
    assert any("before the change, and now" in each.why for each in pair.judged.refused)
    none = recorded.home.run("export", "--pairs", file, "--since", "2999-01-01")
    assert (none.code, file.read_text()) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("optimize", ".", "--replay", "nothing-of-that-name"),
            "has no run 'nothing-of-that-name'",
        ),
        (
            ("optimize", ".", "--replay", "digits.py"),
            "digits.py is no transcript of perfbot: line 1",
        ),
        (("optimize", ".", "--replay", "tests"), "tests cannot be read: Is a directory"),
        (("export", "--pairs", "tests"), "tests cannot be written"),
        (("export", "--pairs", "x", "--since", "Tuesday"), "'Tuesday' is no date"),
        (("export",), "one of the arguments --pairs --runs is required"),
    ],
)
def test_wrong_use_is_one_sentence(
    recorded: Recorded, arguments: tuple[str, ...], told: str
) -> None:
    paths = {name: str(recorded.repository / name) for name in (".", "digits.py", "tests")}
    ended = recorded.home.run(*(paths.get(each, each) for each in arguments))
    assert ended.code == 2
    assert told in ended.sentence


def test_where_nothing_was_kept_that_is_said(home: Home, tmp_path: Path) -> None:
    ended = home.run("export", "--runs")
    assert ended.code == 2
    assert "no run was recorded on this machine yet" in ended.sentence
    assert not (home.folder / "state").exists()
