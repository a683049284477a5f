"""Which options of a project's pytest run are kept while it is measured.

Coverage, parallel workers, reruns, random order and stopping early change what runs or what it
costs; reports only cost. Everything that decides which tests there are and how they behave
(``-p``, ``-W``, ``-m``, ``-k``, ``--strict-markers``, ``--import-mode``, a plugin's own options)
is kept.

Options are read as argparse reads them: ``--name value``, ``--name=value``, ``-n4``, ``-n 4``,
and clusters such as ``-xvs``.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

Takes: TypeAlias = Literal["nothing", "value", "maybe"]  # of "maybe", the value may be missing

_DROPPED_FLAGS: Final = """
    --no-cov --no-cov-on-fail --cov-append --cov-branch --cov-reset
    --looponfail --loadscope-reorder --no-loadscope-reorder
    --fail-on-flaky --flake-finder --force-flaky --no-flaky-report --no-success-flaky-report
    --randomly-dont-reset-seed --randomly-dont-reorganize --random-order --random --reverse
    --exitfirst --stepwise --sw --stepwise-skip --sw-skip --stepwise-reset --sw-reset
    --last-failed --lf --failed-first --ff --new-first --nf --cache-clear --testmon
    --pdb --trace --setup-show --setup-only --setup-plan --collect-only --co --fixtures --markers
    --verbose --quiet --no-header --no-summary --showlocals --no-showlocals --full-trace
    --force-short-summary --xfail-tb --self-contained-html --json-report --instafail
    --profile --profile-svg --memray --force-sugar --old-summary
    --mypy --flake8 --ruff --ruff-format --black --pylint --isort --pycodestyle --pydocstyle
    --benchmark-disable --benchmark-enable --benchmark-only --benchmark-skip
    --benchmark-disable-gc --benchmark-verbose --benchmark-quiet --benchmark-autosave
    --benchmark-save-data --benchmark-cprofile-dump-stats
    --strict-config --codspeed
""".split()
_DROPPED_WITH_VALUE: Final = """
    --cov-report --cov-config --cov-fail-under --cov-context --cov-precision
    --numprocesses --maxprocesses --max-worker-restart --dist --tx --px --rsyncdir --rsyncignore
    --testrunuid --maxschedchunk
    --reruns --reruns-delay --rerun-except --only-rerun --flake-runs --flake-max-minutes
    --max-runs --min-passes --count --repeat-scope
    --randomly-seed --random-order-bucket --random-order-seed --random-order-plugin
    --maxfail --last-failed-no-failures --lfnf --pdbcls
    --timeout --timeout-method --session-timeout
    --durations --durations-min --junitxml --junit-xml --junitprefix --junit-prefix --html --css
    --basetemp --report-log --json-report-file --json-report-indent --json-report-omit --pastebin --md
    --verbosity --tb --color --code-highlight --show-capture
    --typeguard-packages --beartype-packages --mypy-config-file --mypy-ignore-missing-imports
    --benchmark-min-time --benchmark-max-time --benchmark-min-rounds --benchmark-precision
    --benchmark-confidence --benchmark-timer --benchmark-calibration-precision
    --benchmark-warmup-iterations --benchmark-save --benchmark-json --benchmark-columns
    --benchmark-sort --benchmark-group-by --benchmark-name --benchmark-storage
    --benchmark-time-unit --benchmark-compare-fail --benchmark-cprofile
    --benchmark-cprofile-loops --benchmark-cprofile-top --benchmark-netrc
    --benchmark-elasticsearch-url --benchmark-elasticsearch-index
    --benchmark-elasticsearch-doctype --benchmark-elasticsearch-project-name
""".split()
_DROPPED_WITH_CHOICE: Final = """
    --cov --cache-show --benchmark-warmup --benchmark-compare --benchmark-histogram
    --benchmark-csv --benchmark-cprofile-dump
""".split()
_DROPPED: Final[Mapping[str, Takes]] = {
    **dict.fromkeys(_DROPPED_FLAGS, "nothing"),
    **dict.fromkeys(_DROPPED_WITH_VALUE, "value"),
    **dict.fromkeys(_DROPPED_WITH_CHOICE, "maybe"),
}
_DROPPED_FAMILIES: Final = ("--cov-", "--benchmark-", "--randomly-", "--random-order-", "--reruns-")
_SHORT_WITH_VALUE: Final = frozenset("nkmpWocr")
_SHORT_DROPPED: Final = frozenset("nxvqlfdr")
_PLUGINS_DROPPED: Final = ("xdist", "randomly", "random_order", "pytest_cov", "cov", "sugar")

# Plugins that act without being asked. Others (xdist, pytest-cov, pytest-timeout) stay, idle:
# tests may use their fixtures and marks, which --strict-markers would otherwise refuse.
BLOCKED_PLUGINS: Final = ("cacheprovider", "randomly", "random_order", "reverse", "sugar")
_OVERRIDES: Final = (
    *("-o", "addopts="),
    *("-W", "ignore::pytest.PytestConfigWarning"),  # settings of a plugin that is blocked
    "--continue-on-collection-errors",  # what cannot be imported is set aside, the rest counts
    "--rootdir=.",  # so that the names of tests never depend on which folders are given
)
# Settings that would be an error or undo the above where their plugin is blocked or idle.
# Each with its new value, and with the names of other settings that imply it.
_SETTINGS_OVERRIDDEN: Final[Mapping[str, tuple[str, ...]]] = {
    "required_plugins": ("",),
    "timeout": ("0",),
    "strict_config": ("false", "strict"),
    "reruns": ("0",),
}


def neutral_arguments(addopts: Sequence[str], settings: Mapping[str, object]) -> tuple[str, ...]:
    """Return the arguments for a neutral run of a project with these ``addopts``.

    ``settings`` are the rest of the project's pytest settings: those that would undo the
    neutralizing are overridden. The arguments switch the project's own ``addopts`` off and hold
    what is kept of them.
    """
    overridden = [
        part
        for key, (value, *aliases) in _SETTINGS_OVERRIDDEN.items()
        if any(name in settings for name in (key, *aliases))
        for part in ("-o", f"{key}={value}")
    ]
    blocked = [part for name in BLOCKED_PLUGINS for part in ("-p", f"no:{name}")]
    return (*_OVERRIDES, *overridden, *blocked, *kept_options(addopts))


def kept_options(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without those that would distort a measurement."""
    kept: list[str] = []
    waiting = list(arguments)
    while waiting:
        each = waiting.pop(0)
        if each == "--":
            return [*kept, each, *waiting]
        if each.startswith("--"):
            kept += _long(each, waiting)
        elif each.startswith("-") and len(each) > 1:
            kept += _short(each, waiting)
        else:
            kept.append(each)
    return kept


def _long(option: str, waiting: list[str]) -> list[str]:
    name, equals, _ = option.partition("=")
    if name == "--strict":  # in pytest 9 it is strict about settings of blocked plugins, too
        return ["--strict-markers"]
    takes = _DROPPED.get(name)
    if takes is None:
        return [] if name.startswith(_DROPPED_FAMILIES) else [option]
    next_is_option = not waiting or waiting[0].startswith("-")
    if not equals and (takes == "value" or (takes == "maybe" and not next_is_option)):
        del waiting[:1]
    return []


def _short(cluster: str, waiting: list[str]) -> list[str]:
    """Take a cluster of one-letter options apart; the first that takes a value ends it."""
    kept = ""
    for position, letter in enumerate(cluster[1:], start=2):
        if letter not in _SHORT_WITH_VALUE:
            kept += "" if letter in _SHORT_DROPPED else letter
            continue
        value = cluster[position:].removeprefix("=") or (waiting.pop(0) if waiting else "")
        flags = [f"-{kept}"] if kept else []
        return flags if _is_dropped(letter, value) else [*flags, f"-{letter}", value]
    return [f"-{kept}"] if kept else []


def _is_dropped(letter: str, value: str) -> bool:
    if letter == "p":
        return value.removeprefix("no:") in _PLUGINS_DROPPED or value == "no:cacheprovider"
    return letter in _SHORT_DROPPED or (letter == "o" and value.startswith("addopts="))
