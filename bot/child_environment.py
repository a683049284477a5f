"""What the process that does a job's work may know of the worker's environment: little, by name.

The worker holds the App's key and the address of its database; ``perfbot optimize``, which it starts
for each job, needs neither. That process asks models, so it gets their keys; it is its sandbox that
gives judged code nothing at all. What is not named here does not pass.
"""

import re
from collections.abc import Collection, Mapping

from perfbot.bot.operator_models import ROLES, VARIABLE
from perfbot.profiling.install_policy import NETWORK_VARIABLE, Network

# Where programs, folders, certificates and proxies are, and what language this is.
_MACHINE = (
    "PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR LD_LIBRARY_PATH PYTHONSAFEPATH "
    "XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME SSL_CERT_FILE SSL_CERT_DIR "
    "REQUESTS_CA_BUNDLE HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy "
    "no_proxy"
).split()
# Where packages come from.
_PACKAGES = (
    "PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_TRUSTED_HOST PIP_CERT "
    "PIP_DEFAULT_TIMEOUT UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS "
    "UV_NATIVE_TLS UV_SYSTEM_CERTS"
).split()
_MODELS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", *(VARIABLE.format(role=x.upper()) for x in ROLES))
PASSED = frozenset((*_MACHINE, *_PACKAGES, *_MODELS, NETWORK_VARIABLE))
# Settings of accelerators, numeric libraries and model servers.
FAMILIES = tuple(
    "LC_ CUDA_ NVIDIA_ NCCL_ ROCM_ ROCR_ HIP_ VLLM_ OMP_ KMP_ MKL_ TORCH TRITON_ HF_HOME".split()
)
_SECRET = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)
# The worker's own, even where a line of models.yml names one of them as a model's key.
_WORKER_ONLY = re.compile("(PERFBOT_APP|GITHUB|GH|ACTIONS)_|.*(WEBHOOK|DATABASE)", re.IGNORECASE)


def child_environment(
    environ: Mapping[str, str], model_keys: Collection[str] = ()
) -> dict[str, str]:
    """Return what of ``environ`` a job's process may have.

    ``model_keys`` are the names of the variables that hold keys of the operator's models
    (``operator_models.key_variables``). The App's key, the webhook secret, tokens of GitHub and the
    database's address never pass, whatever is asked for. Build scripts get no network, unless
    ``environ`` says otherwise.
    """
    named = {name for name in model_keys if not _WORKER_ONLY.match(name)}
    passed = {name: value for name, value in environ.items() if name in named or _is_harmless(name)}
    return {NETWORK_VARIABLE: Network.WHEELS_ONLY.value, **passed}


def _is_harmless(name: str) -> bool:
    return name in PASSED or (name.startswith(FAMILIES) and not _SECRET.search(name))
