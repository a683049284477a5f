"""The proof that ``perfbot doctor`` gives: it must hold where confined and show what does not."""

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from perfbot.profiling import sandbox
from perfbot.profiling.probe import Finding, probe, services
from perfbot.profiling.sandbox import Level, SandboxError

ROOT = Path(__file__).parents[2]
SYSTEM_PYTHON = Path("/usr/bin/python3")
NOBODY = 65534


def findings(level: Level, environ: Mapping[str, str] | None = None) -> tuple[Finding, ...]:
    try:
        return probe(sandbox.at(level), environ)
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
        "no connection to an abstract Unix socket",
        "no packet to a Unix socket",
        "no reading of shared memory",
        "no writing of shared memory",
        "no limits for other processes",
        "no reading outside",
        "no writing outside",
        "no change of modes outside",
    }
    assert {
        "nothing of perfbot's environment",
        "nothing left running",
        "no more processes than allowed",
    } <= held


@pytest.mark.parametrize("level", [Level.BUBBLEWRAP, Level.LANDLOCK])
def test_agents_and_services_of_this_machine_are_out_of_reach(level: Level, tmp_path: Path) -> None:
    """The paths come from the caller's environment, as that of an agent with keys does."""
    agent = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(agent))
        listener.listen()
        environ = {"SSH_AUTH_SOCK": str(agent), "DOCKER_HOST": f"unix://{agent}2"}
        assert str(agent) in services(environ)
        found = {each.name: each for each in findings(level, environ)}
        held = found["no connection to services of this machine"]
        assert (held.held, held.detail.startswith("refused: 0")) == (True, False)
        open_ = {each.name: each for each in findings(Level.NONE, environ)}
        assert not open_["no connection to services of this machine"].held


PROBE_AS_NOBODY = """
import json, sys
from pathlib import Path
from perfbot.profiling import sandbox
from perfbot.profiling.inside import confine, keeper
from perfbot.profiling.probe import probe

def broken(level):
    try:
        box = sandbox.at(level)
    except sandbox.SandboxError:
        return None
    return [f"{each.name}: {each.detail}" for each in probe(box) if not each.held]

report = {level: broken(level) for level in (sandbox.Level.BUBBLEWRAP, sandbox.Level.LANDLOCK)}
for version in range(1, confine.landlock_version()):
    source = {module: Path(module.__file__).read_text() for module in (confine, keeper)}
    source[confine] += f"\\nlandlock_version = lambda: {version}\\n"
    sandbox._compiled = lambda module: compile(source[module], "", "exec")
    confine.landlock_version = lambda: version
    report[f"landlock {version}"] = broken(sandbox.Level.LANDLOCK)
print(json.dumps({name: found for name, found in report.items() if found is not None}))
"""


def suitable(python: Path) -> bool:
    check = "import sys; raise SystemExit(sys.version_info < (3, 11))"
    return python.exists() and subprocess.run([python, "-c", check]).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="not root, so the other tests are this one")
@pytest.mark.skipif(not suitable(SYSTEM_PYTHON), reason="no Python 3.11 that a plain user may run")
def test_every_promise_holds_for_a_plain_user(tmp_path: Path) -> None:
    """No root, so nothing to drop: the sandbox has the user's own uid. On older kernels as well."""
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
