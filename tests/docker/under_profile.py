"""``under_profile.py PROFILE COMMAND...``: runs a command under a seccomp profile as Docker loads one.

Without capabilities, as in compose.yaml: rules that ask for some do not count. As root it gives the
command to nobody, unless PERFBOT_STAY_ROOT is set (docker/image_test.sh becomes another user later).
"""

import json
import os
import sys
from pathlib import Path

import pyseccomp

_OPERATORS = {
    "SCMP_CMP_EQ": pyseccomp.EQ,
    "SCMP_CMP_LT": pyseccomp.LT,
    "SCMP_CMP_MASKED_EQ": pyseccomp.MASKED_EQ,
}


def main() -> None:
    profile = json.loads(Path(sys.argv[1]).read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    filter = pyseccomp.SyscallFilter(pyseccomp.ERRNO(profile["defaultErrnoRet"]))
    for rule in profile["syscalls"]:
        for name in rule["names"]:
            add(filter, name, rule)
    if os.getuid() == 0 and "PERFBOT_STAY_ROOT" not in os.environ:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    filter.load()
    os.execvp(sys.argv[2], sys.argv[2:])


def add(filter: pyseccomp.SyscallFilter, name: str, rule: dict[str, object]) -> None:
    allow = rule["action"] == "SCMP_ACT_ALLOW"
    action = pyseccomp.ALLOW if allow else pyseccomp.ERRNO(rule["errnoRet"])
    arguments = [
        pyseccomp.Arg(one["index"], _OPERATORS[one["op"]], one["value"])
        for one in rule.get("args", [])
    ]
    try:
        filter.add_rule(action, name, *arguments)
    except (OSError, ValueError):  # this libseccomp does not know the name, as Docker's may not
        print(f"unknown: {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
