"""What a ``.perfbot.yml`` means, and what its author is told when it is wrong."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.bot.config import (
    Accept,
    Backend,
    Capability,
    Config,
    ConfigError,
    Group,
    Operator,
    Schedule,
    Telemetry,
    load,
    read,
)
from perfbot.bot.globs import matches
from perfbot.optimizer.objective import Objective
from perfbot.optimizer.readability import Kept
from perfbot.optimizer.refinement import Refinement

FULL = b"""\
version: 1
workload: {python: .venv/bin/python, install: "pip install -e .[test]", tests: "pytest -q",
           benchmarks: benchmarks/, commands: ["python -m shop.report data/big.csv"]}
paths: {include: ["src/**"], exclude: ["**/migrations/**"]}
hotspots: {at_most: 3, min_share: 0.05}
accept: {objective: memory, min_speedup: 1.20, confidence: 0.95, max_memory_ratio: 1.5,
         max_complexity_increase: 2, max_length_ratio: 3, max_nesting_increase: 0,
         keep: [docstrings, style], min_kill_rate: 0.5, tolerance: 1e-9}
overrides: [{paths: ["src/billing/**"], accept: {min_speedup: 1.5, tolerance: null}}]
models: {planner: {backend: vllm}, optimizer: {backend: openai},
         feedback: {rounds: 5, history: false, samples: 4, temperature: 1, queries: 0}}
budget: {time: 1h30m, candidates: 4, usd: 0, tokens: 0}
pull_requests: {open_at_most: 1, draft: false, labels: [fast], schedule: monthly,
                group: file, dashboard: true,
                commit_prefix: "perf(shop):", co_author: "Ada L. <ada@shop.example>"}
telemetry: none
allow: [network, ctypes]
"""


def test_every_key_of_the_documented_file_is_read() -> None:
    config = read(FULL)
    assert config.workload.commands == ("python -m shop.report data/big.csv",)
    assert config.workload.tests == "pytest -q"
    assert config.hotspots.at_most == 3
    assert config.accept == Accept(
        objective=Objective.MEMORY,
        min_speedup=1.2,
        confidence=0.95,
        max_memory_ratio=1.5,
        max_complexity_increase=2,
        max_length_ratio=3.0,
        max_nesting_increase=0,
        keep=frozenset({Kept.DOCSTRINGS, Kept.STYLE}),
        min_kill_rate=0.5,
        tolerance=1e-9,
    )
    assert (config.models.planner, config.models.optimizers) == (Backend.VLLM, (Backend.OPENAI,))
    assert config.models.feedback == Refinement(5, False, 4, 1.0, 0)
    assert (config.budget.time_s, config.budget.usd, config.budget.tokens) == (5400, 0, 0)
    assert config.pull_requests.schedule is Schedule.MONTHLY
    assert config.pull_requests.group is Group.FILE
    assert config.pull_requests.dashboard
    assert config.pull_requests.commit_prefix == "perf(shop):"
    assert config.pull_requests.co_author == "Ada L. <ada@shop.example>"
    assert config.telemetry is Telemetry.NONE
    assert config.allow == {Capability.NETWORK, Capability.CTYPES}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"# only a comment\n",
        b"version: 1\n",
        b"paths:\n",
        b"paths: {include: }\noverrides:\n",
        b"\xef\xbb\xbf",
    ],
)
def test_everything_has_a_default(text: bytes) -> None:
    assert read(text) == Config()


def test_to_keep_nothing_is_not_to_say_nothing() -> None:
    assert read(b"accept: {}\n").accept.keep == frozenset(Kept)
    assert read(b"accept: {keep: []}\n").accept.keep == frozenset()
    one = read(b"overrides: [{paths: ['a.py'], accept: {keep: [names]}}]\n")
    assert one.accept_for("a.py").keep == {Kept.NAMES}
    assert one.accept_for("b.py").keep == frozenset(Kept)


def test_overrides_change_only_what_they_name_and_the_last_one_wins() -> None:
    config = read(FULL)
    assert config.accept_for("src/shop/cart.py") == config.accept
    billing = config.accept_for("src/billing/vat.py")
    assert (billing.min_speedup, billing.tolerance, billing.confidence) == (1.5, None, 0.95)


WRONG = [
    ("acept: {}\n", 1, "acept", "did you mean 'accept'"),
    ("version: 2\n", 1, "version", "whole number from 1 to 1"),
    ("version: 1\nbudget:\n  time: 15\n", 3, "budget.time", "such as 90s"),
    ("budget: {time: 15 minutes}\n", 1, "budget.time", 'found "15 minutes"'),
    ("budget: {time: 1s}\n", 1, "budget.time", "from 10s to 24h"),
    ("accept:\n  min_speedup: 0.5\n", 2, "accept.min_speedup", "a number from 1 to 1000"),
    ("accept: {min_speedup: fast}\n", 1, "accept.min_speedup", 'found "fast"'),
    ('accept: {min_speedup: "1.5"}\n', 1, "accept.min_speedup", 'found "1.5"'),
    ("accept: {min_speedup: .nan}\n", 1, "accept.min_speedup", "found .nan"),
    ("accept: {min_speedup: .inf}\n", 1, "accept.min_speedup", "found .inf"),
    ("accept: {max_length_ratio: 0.5}\n", 1, "accept.max_length_ratio", "from 1 to 1000"),
    ("accept: {keep: [comment]}\n", 1, "accept.keep", "did you mean 'comments'"),
    ("accept: {keep: style}\n", 1, "accept.keep", "a list of these: comments, docstrings"),
    ("accept: {tolerance: [1]}\n", 1, "accept.tolerance", "found a list"),
    ("accept: 3\n", 1, "accept", "expected a mapping, found 3"),
    ("accept: {objective: tim}\n", 1, "accept.objective", "did you mean 'time'"),
    ("hotspots: {at_most: 2.5}\n", 1, "hotspots.at_most", "whole number"),
    ("hotspots: {at_most: true}\n", 1, "hotspots.at_most", "found true"),
    ("paths: {include: src}\n", 1, "paths.include", "a list of texts"),
    ("paths:\n  include:\n  - a\n  - 3\n", 4, "paths.include[1]", "a text, found 3"),
    ("pull_requests: {draft: 1}\n", 1, "pull_requests.draft", "true or false"),
    ("pull_requests: {commit_prefix: 'a #1'}\n", 1, "pull_requests.commit_prefix", "such as perf:"),
    (
        "pull_requests: {commit_prefix: 'perf: '}\n",
        1,
        "pull_requests.commit_prefix",
        "such as perf:",
    ),
    ('pull_requests: {co_author: "A <a@b>\\nB: c"}\n', 1, "pull_requests.co_author", "in one line"),
    ("pull_requests: {co_author: Ada}\n", 1, "pull_requests.co_author", "expected a person"),
    ("telemetry: cloud\n", 1, "telemetry", "one of local, redacted, none"),
    ("allow: [netwrok]\n", 1, "allow", "did you mean 'network'"),
    ("allow: network\n", 1, "allow", "a list of these: network, processes"),
    ("overrides: [{accept: {}}]\n", 1, "overrides[0].paths", "at least one pattern"),
    ("overrides:\n- paths: [a]\n  acept: {}\n", 3, "overrides[0].acept", "did you mean 'accept'"),
    ("models: {planner: {url: 'http://x'}}\n", 1, "models.planner.url", "set by the operator"),
    ("models: {feedback: {rounds: 0}}\n", 1, "models.feedback.rounds", "from 1 to 20"),
    ("models: {feedback: {histroy: 1}}\n", 1, "models.feedback.histroy", "did you mean 'history'"),
    ("budget: {tokens: -1}\n", 1, "budget.tokens", "whole number from 0"),
    ("models: {planner: {backend: gpt}}\n", 1, "models.planner.backend", "embedded, openai"),
    ("version: 1\nversion: 1\n", 2, "version", "given twice; first in line 1"),
    ("workload: {tests: ''}\n", 1, "workload.tests", 'found ""'),
    ("a: [\n", 2, "", "no valid YAML"),
    ("paths:\n\tinclude: []\n", 2, "", "no valid YAML"),
    ("- 1\n", 1, "", "expected a mapping, found a list"),
    ("{[1]: 2}\n", 1, "", "a key must be a word"),
    ("accept: &a {}\noverrides: [*a]\n", 1, "", "anchors and aliases"),
    ("a: 1\n---\nb: 2\n", 2, "", "no valid YAML"),
    ("version: 1\nx: \x07\n", 2, "", "control character"),
    ("accept: !!python/object/apply:os.system ['true']\n", 1, "accept", "found a list"),
    ("[" * 5000, 1, "", "nested deeper"),
    ("#" * 70_000, 1, "", "at most 65,536"),
]


@pytest.mark.parametrize(("text", "line", "key", "hint"), WRONG, ids=[row[0][:25] for row in WRONG])
def test_an_error_names_the_file_the_line_the_key_and_what_is_allowed(
    text: str, line: int, key: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text.encode())
    assert (caught.value.line, caught.value.key) == (line, key)
    assert str(caught.value).startswith(f".perfbot.yml:{line}: ")
    assert hint in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_file_that_is_not_utf_8_is_refused_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"\.perfbot\.yml:2: this is not UTF-8"):
        read(b"version: 1\ntelemetry: \xe9\n")


@given(
    st.binary(max_size=300)
    | st.text(alphabet="ab:{}[]&*!-#'\"|>\n \t,", max_size=80).map(str.encode)
)
def test_any_bytes_are_read_or_refused_with_a_line(content: bytes) -> None:
    line = 1
    try:
        read(content)
    except ConfigError as error:
        line = error.line
    assert line >= 1


def test_a_repository_without_the_file_gets_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Config()


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("telemetry: none\n")
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / ".perfbot.yml").symlink_to(tmp_path / "secret")
    with pytest.raises(ConfigError, match="outside the repository"):
        load(repository)


def test_a_given_file_must_exist_and_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path, tmp_path / "missing.yml")
    with pytest.raises(ConfigError, match="not a regular file"):
        load(tmp_path, tmp_path)
    os.mkfifo(tmp_path / ".perfbot.yml")
    with pytest.raises(ConfigError, match="not a regular file"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("**", "a/b.py", True),
        ("src/**", "src/a/b.py", True),
        ("src/**", "srcs/a.py", False),
        ("**/migrations/**", "migrations/0001.py", True),
        ("**/migrations/**", "a/b/migrations/c/d.py", True),
        ("*.py", "a/b.py", False),
        ("**/*.py", "b.py", True),
        ("migrations/", "migrations/a/b.py", True),
        ("./src/a.py", "src/a.py", True),
        ("a/**/b.py", "a/b.py", True),
        ("a/**/b.py", "a/x/y/b.py", True),
        ("A.py", "a.py", False),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches(path, (pattern,)) is expected


def test_no_pattern_makes_matching_slow() -> None:
    assert not matches("/".join("a" * 500), ("/".join(["**", "a"] * 200) + "/b",))


def test_perfbots_own_virtual_environment_is_not_the_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    import sys

    own = Operator.from_environment({"VIRTUAL_ENV": sys.prefix, "CONDA_PREFIX": ""})
    assert (own.virtual_environment, own.conda_environment) == (None, None)
    assert own.cache == tmp_path / "cache" / "perfbot"
    assert own.state == tmp_path / "state" / "perfbot"
    other = Operator.from_environment({"VIRTUAL_ENV": str(tmp_path)})
    assert other.virtual_environment == tmp_path
