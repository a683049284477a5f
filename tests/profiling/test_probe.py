"""The proof that ``perfbot doctor`` gives: it must hold where confined and show what does not."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from perfbot.profiling import sandbox
from perfbot.profiling.probe import Finding, probe
from perfbot.profiling.sandbox import Level, SandboxError

ROOT = Path(__file__).parents[2]
SYSTEM_PYTHON = Path("/usr/bin/python3")
NOBODY = 65534


def findings(level: Level) -> tuple[Finding, ...]:
    try:
        return probe(sandbox.at(level))
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("level", [Level.BUBBLEWRAP, Level.LANDLOCK])
def test_every_promise_holds_where_confined(level: Level) -> None:
    assert [finding for finding in findings(level) if not finding.held] == []


def test_without_a_sandbox_the_probe_finds_the_holes() -> None:
    """A probe that always says "held" would prove nothing."""
    held = {finding.name for finding in findings(Level.NONE) if finding.held}
    assert not held & {
        "no connection over TCP",
        "no packet over UDP",
        "no connection to a Unix socket",
        "no reading outside",
        "no writing outside",
        "no change of modes outside",
    }
    assert {
        "nothing of perfbot's environment",
        "nothing left running",
        "no more processes than allowed",
    } <= held


PROBE_AS_NOBODY = """
import json
from perfbot.profiling import sandbox
from perfbot.profiling.probe import probe
report = {}
for level in (sandbox.Level.BUBBLEWRAP, sandbox.Level.LANDLOCK):
    try:
        box = sandbox.at(level)
    except sandbox.SandboxError:
        continue
    report[level] = [finding.name for finding in probe(box) if not finding.held]
print(json.dumps(report))
"""


def suitable(python: Path) -> bool:
    check = "import sys; raise SystemExit(sys.version_info < (3, 11))"
    return python.exists() and subprocess.run([python, "-c", check]).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="not root, so the other tests are this one")
@pytest.mark.skipif(not suitable(SYSTEM_PYTHON), reason="no Python 3.11 that a plain user may run")
def test_every_promise_holds_for_a_plain_user(tmp_path: Path) -> None:
    """No root, so nothing to drop: the sandbox has the user's own uid."""
    package = tmp_path / "perfbot"
    package.mkdir()
    for folder in (tmp_path, *tmp_path.parents):
        if Path(tempfile.gettempdir()) in folder.parents:
            folder.chmod(0o755)
    subprocess.run(["cp", "-r", str(ROOT / "profiling"), str(package)], check=True)
    ran = subprocess.run(
        [SYSTEM_PYTHON, "-c", PROBE_AS_NOBODY],
        env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    if not report:
        pytest.skip("no level works for a plain user here")
    assert all(broken == [] for broken in report.values()), report
