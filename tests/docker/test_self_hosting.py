"""What a self-hosted bot is made of: the compose file, the seccomp profile, the image's recipe."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROFILE = ROOT / "docker" / "seccomp.json"
UNDER = Path(__file__).with_name("under_profile.py")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
SECRETS_OF_WORKERS = {"app", "app-key", "model-key"}


def secrets(service: str) -> set[str]:
    listed = SERVICES[service]["secrets"]
    return {each if isinstance(each, str) else each["source"] for each in listed}


def test_the_compose_file_is_one() -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    checked = subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_no_process_has_a_secret_of_another() -> None:
    assert not secrets("web") & SECRETS_OF_WORKERS
    assert "webhook-secret" not in secrets("worker")
    assert secrets("database") == {"database-password"}
    assert all("file" in secret for secret in COMPOSE["secrets"].values())


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_service_has_rights_that_it_does_not_need(service: str) -> None:
    described = SERVICES[service]
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert "cap_add" not in described
    assert "no-new-privileges:true" in described["security_opt"]
    assert set(described["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert not {"privileged", "network_mode", "pid", "devices"} & set(described)
    assert "docker.sock" not in json.dumps(described)


def test_only_the_worker_goes_without_dockers_own_confinement() -> None:
    loosened = {
        name
        for name, described in SERVICES.items()
        if any("unconfined" in each or "seccomp" in each for each in described["security_opt"])
    }
    assert loosened == {"worker"}
    assert "seccomp=./docker/seccomp.json" in SERVICES["worker"]["security_opt"]


def test_by_default_there_is_no_database_server_and_with_the_profile_there_is() -> None:
    assert {name for name, described in SERVICES.items() if "profiles" not in described} == {
        "web", "worker",
    }  # fmt: skip
    assert SERVICES["database"]["profiles"] == ["postgres"]
    assert "ports" not in SERVICES["database"]
    assert COMPOSE["networks"]["database"] == {"internal": True}
    lines = (ROOT / "docker" / "postgres.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert given["COMPOSE_PROFILES"] == "postgres"
    assert set(given) - {"COMPOSE_PROFILES"} <= set(re.findall(r"\$\{(\w+)", json.dumps(COMPOSE)))


def test_nothing_but_what_is_installed_enters_the_image() -> None:
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(rule for rule in rules if rule and not rule.startswith("#")) == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    assert all((ROOT / each).exists() for each in let_in)
    assert not {"secrets", ".git", "tests", ".env"} & let_in


def test_the_image_runs_as_a_plain_user_and_is_told_signals() -> None:
    recipe = (ROOT / "Dockerfile").read_text()
    last = recipe[recipe.rindex("FROM ") :]
    assert "USER 10001:10001" in last
    assert 'ENTRYPOINT ["perfbot"]' in last
    assert "PYTHONSAFEPATH=1" in last
    assert recipe.count("FROM ${BASE}") == 2
    assert "HEALTHCHECK" in last


def test_a_container_is_unhealthy_where_nobody_answers() -> None:
    healthy = [sys.executable, "-P", ROOT / "docker" / "healthy.py", "1"]
    asked = subprocess.run(healthy, capture_output=True, text=True, check=False)
    assert asked.returncode == 1
    assert "no answer at port 1" in asked.stderr


# --- the seccomp profile ------------------------------------------------------------------------

BUBBLEWRAPPED = ("bwrap", "--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc", "true")
OF_BUBBLEWRAP = {"clone", "mount", "pivot_root", "umount2", "unshare"}
NEVER = {
    "acct", "add_key", "bpf", "chroot", "clock_settime", "delete_module", "finit_module",
    "init_module", "io_uring_setup", "ioperm", "iopl", "kexec_file_load", "kexec_load", "keyctl",
    "move_mount", "open_by_handle_at", "open_tree", "perf_event_open", "process_vm_readv", "ptrace",
    "quotactl", "reboot", "request_key", "setns", "settimeofday", "swapon", "syslog", "userfaultfd",
}  # fmt: skip


def allowed(profile: dict[str, Any]) -> set[str]:
    rules = (rule for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW")
    return {name for rule in rules for name in rule["names"]}


def under(profile: Path, *argv: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("pyseccomp", reason="libseccomp is not installed", exc_type=Exception)
    command = [sys.executable, UNDER, profile, *argv]
    return subprocess.run(
        command,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def test_the_profile_allows_what_bubblewrap_needs_and_no_way_to_the_machine() -> None:
    profile = json.loads(PROFILE.read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert allowed(profile) >= OF_BUBBLEWRAP
    assert not allowed(profile) & NEVER
    names = [name for rule in profile["syscalls"] for name in rule["names"]]
    assert {name for name in names if names.count(name) > 1} == {"socket", "personality"}


def test_bubblewrap_works_under_the_profile_and_not_without_what_it_adds(tmp_path: Path) -> None:
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    profile = json.loads(PROFILE.read_text())
    everything = {"names": ["clone3", "chroot", "setns"], "action": "SCMP_ACT_ALLOW"}
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(profile | {"syscalls": [*profile["syscalls"][:-1], everything]}))
    if under(whole, *BUBBLEWRAPPED).returncode != 0:
        pytest.skip("this machine lets no plain user make namespaces, whatever the profile")
    works = under(PROFILE, *BUBBLEWRAPPED)
    assert works.returncode == 0, works.stderr
    for name in OF_BUBBLEWRAP - {"clone"}:
        less = tmp_path / f"{name}.json"
        rules = [
            rule | {"names": [each for each in rule["names"] if each != name]}
            for rule in profile["syscalls"]
        ]
        less.write_text(json.dumps(profile | {"syscalls": rules}))
        if name != "unshare":  # for older versions of bubblewrap only
            assert under(less, *BUBBLEWRAPPED).returncode != 0, name


@pytest.mark.parametrize(
    "call",
    [
        "socket.socket(38, socket.SOCK_SEQPACKET)",  # AF_ALG
        "socket.socket(40, socket.SOCK_STREAM)",  # AF_VSOCK
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "os.chroot('/')",
        "called(250, 0, 0)",  # keyctl
        "called(101, 0, 0)",  # ptrace
        "called(321, 0, 0)",  # bpf
        "called(425, 8, 0)",  # io_uring_setup
    ],
)
def test_what_is_no_programs_business_is_refused(call: str) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers of system calls here are those of x86-64")
    program = (
        "import ctypes, errno, os, socket\n"
        "def called(*given):\n"
        "    libc = ctypes.CDLL(None, use_errno=True)\n"
        "    if libc.syscall(*given) < 0: raise OSError(ctypes.get_errno(), 'refused')\n"
        f"try: {call}\n"
        "except OSError as error: print(errno.errorcode[error.errno])\n"
    )
    told = under(PROFILE, sys.executable, "-c", program, PERFBOT_STAY_ROOT="yes")
    assert told.stdout == "EPERM\n", told.stderr


def test_perfbot_takes_its_strongest_sandbox_under_the_profile() -> None:
    asked = "from perfbot.profiling.sandbox import strongest; print(strongest().level)"
    plain = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=False
    )
    confined = under(PROFILE, sys.executable, "-c", asked, PERFBOT_STAY_ROOT="yes")
    assert confined.stdout == plain.stdout, confined.stderr


# --- the units ----------------------------------------------------------------------------------


@pytest.mark.parametrize("process", ["web", "worker"])
def test_a_unit_is_one_and_keeps_the_other_process_s_secrets_away(
    tmp_path: Path, process: str
) -> None:
    unit = (ROOT / "examples" / "systemd" / f"perfbot-{process}.service").read_text()
    hidden = re.findall(r"^InaccessiblePaths=(.*)$", unit, re.MULTILINE)
    other = {"web": "private-key.pem", "worker": "webhook-secret"}[process]
    assert any(other in each for each in hidden)
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    there = tmp_path / f"perfbot-{process}.service"
    there.write_text(unit.replace("/opt/perfbot/bin/perfbot", "/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", there],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in checked.stderr.splitlines() if there.name in line]
    assert (checked.returncode, told) == (0, [])


@pytest.mark.parametrize("process", ["web", "worker"])
def test_a_unit_starts_perfbot_with_options_that_it_has(process: str) -> None:
    from perfbot.bot.cli import VERBS, parser

    unit = (ROOT / "examples" / "systemd" / f"perfbot-{process}.service").read_text()
    (command,) = re.findall(r"^ExecStart=\S+ (.*)$", unit, re.MULTILINE)
    assert parser(VERBS).parse_args(command.split())


@pytest.mark.parametrize("service", ["web", "worker"])
def test_a_service_starts_perfbot_with_options_that_it_has(service: str) -> None:
    from perfbot.bot.cli import VERBS, parser

    assert parser(VERBS).parse_args(SERVICES[service]["command"])


def test_the_guide_names_every_setting_of_the_compose_file() -> None:
    guide = (ROOT / "docs" / "self-hosting.md").read_text()
    settings = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert not {name for name in settings if name not in guide}
