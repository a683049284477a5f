"""What a job's process may know; asked of real processes, down to one in the sandbox."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.bot.child_environment import PASSED, child_environment
from perfbot.bot.config import Operator
from perfbot.bot.operator_models import FILE_NAME, key_variables
from perfbot.bot.serve import DATABASE_VARIABLE, SECRET_VARIABLE
from perfbot.profiling.install_policy import NETWORK_VARIABLE
from perfbot.profiling.sandbox import Command, Limits, strongest

HELD = "held-by-the-worker-alone"
WORKERS_OWN = (
    SECRET_VARIABLE,
    DATABASE_VARIABLE,
    "DATABASE_URL",
    "PERFBOT_APP_KEY",
    "PERFBOT_APP_PRIVATE_KEY",
    "PERFBOT_APP_KEY_FILE",
    "GITHUB_TOKEN",
    "GITHUB_APP_PRIVATE_KEY",
    "GH_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "PGPASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "SSH_AUTH_SOCK",
    "VLLM_API_KEY",
    "HF_TOKEN",
    "LD_PRELOAD",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "BASH_ENV",
    "GIT_SSH_COMMAND",
    "VIRTUAL_ENV",
    "SOMETHING_ELSE",
)
MODELS = {
    "OPENAI_API_KEY": "sk-of-the-model",
    "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1",
    "PERFBOT_PLANNER_MODEL": "small",
    "PERFBOT_OPTIMIZER_MODEL": "middle",
    "PERFBOT_LARGER_MODEL": "big",
    "MY_KEY": "sk-of-another",
}
SHOW = "import json, os, sys; json.dump(dict(os.environ), sys.stdout)"
SHOW_PARENTS_TOO = """\
import json, os
found = [repr(dict(os.environ))]
try:
    processes = os.listdir("/proc")
except OSError:
    processes = []
for name in processes:
    try:
        found.append(open(f"/proc/{name}/environ", errors="replace").read())
    except OSError:
        continue
with open(int(os.environ["PERFBOT_RESULTS_FD"]), "w") as results:
    json.dump(found, results)
"""


def shown_by_a_child(environ: Mapping[str, str]) -> dict[str, str]:
    argv = [sys.executable, "-c", SHOW]
    shown = json.loads(subprocess.run(argv, env=environ, check=True, capture_output=True).stdout)
    shown.pop("LC_CTYPE", None)  # set by Python itself where there is no locale
    return shown


def test_a_child_never_sees_what_the_worker_alone_holds() -> None:
    held = dict.fromkeys(WORKERS_OWN, HELD)
    passed = child_environment({**held, **MODELS, "PATH": "/usr/bin:/bin"}, {"MY_KEY"})
    shown = shown_by_a_child(passed)
    assert HELD not in repr(shown)
    assert shown == {**MODELS, "PATH": "/usr/bin:/bin", NETWORK_VARIABLE: "wheels-only"}


@pytest.mark.parametrize("name", [SECRET_VARIABLE, DATABASE_VARIABLE, "GITHUB_TOKEN"])
def test_no_model_can_take_a_secret_of_the_worker_for_its_key(name: str) -> None:
    assert name not in child_environment({name: HELD}, {name})


def test_build_scripts_get_network_in_a_job_only_where_the_operator_says_so() -> None:
    assert child_environment({})[NETWORK_VARIABLE] == "wheels-only"
    assert child_environment({NETWORK_VARIABLE: "network"})[NETWORK_VARIABLE] == "network"


@given(st.dictionaries(st.text(min_size=1), st.text()), st.sets(st.text()))
def test_what_is_not_named_does_not_pass(environ: dict[str, str], keys: set[str]) -> None:
    passed = child_environment(environ, keys)
    if NETWORK_VARIABLE not in environ:
        assert passed.pop(NETWORK_VARIABLE) == "wheels-only"
    assert passed.items() <= environ.items()
    families = ("LC_", "CUDA_", "TORCH", "OMP_", "NVIDIA_", "NCCL_", "VLLM_")
    assert all(name in keys | PASSED or name.startswith(families) for name in passed)


def test_keys_of_the_operators_models_pass_by_the_names_in_their_file(tmp_path: Path) -> None:
    operator = Operator(tmp_path, tmp_path, tmp_path, None, None)
    assert key_variables(operator) == frozenset()
    url = "http://localhost:8000/v1"
    (tmp_path / FILE_NAME).write_text(
        f"planner: {{url: '{url}', model: small}}\n"
        f"optimizer:\n  - {{url: '{url}', model: middle, key_env: MY_KEY}}\n"
        f"  - {{url: '{url}', model: big, key_env: OTHER_KEY}}\n"
    )
    assert key_variables(operator) == {"MY_KEY", "OTHER_KEY"}


def test_judged_code_sees_not_even_the_models_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*WORKERS_OWN, *MODELS):
        if name not in {"LD_PRELOAD", "BASH_ENV", "PYTHONSTARTUP", "PYTHONPATH", "VIRTUAL_ENV"}:
            monkeypatch.setenv(name, HELD)
    python = Path(sys.executable)
    readable = tuple({python.parent.parent, python.resolve().parent.parent})
    command = Command(
        (str(python), "-I", "-c", SHOW_PARENTS_TOO), tmp_path, readable, (tmp_path,),
        limits=Limits(wall_s=60),
    )  # fmt: skip
    completed = strongest().run(command)
    assert completed.returncode == 0, completed.stderr
    assert HELD not in completed.results.decode()
