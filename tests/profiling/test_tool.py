"""A tool of perfbot's own answers, or there is an error that says which one did not and why."""

import sys

import pytest

from perfbot.profiling.sandbox import ToolError, run_tool


def test_a_tool_reads_its_input_and_sees_no_environment() -> None:
    script = "import os, sys; print(sys.stdin.read(), sorted(set(os.environ) - {'LC_CTYPE'}))"
    assert run_tool([sys.executable, "-c", script], b"hello", 20) == b"hello []\n"


def test_a_tool_that_fails_is_an_error_with_what_it_said() -> None:
    with pytest.raises(ToolError, match="exited with 1: no such thing"):
        run_tool([sys.executable, "-c", "raise SystemExit('no such thing')"], b"", 20)


def test_a_tool_that_hangs_is_ended() -> None:
    with pytest.raises(ToolError, match="no answer within"):
        run_tool([sys.executable, "-c", "import time; time.sleep(60)"], b"", 0.5)


def test_a_tool_that_is_missing_is_an_error() -> None:
    with pytest.raises(ToolError, match="cannot be started"):
        run_tool(["/no/such/tool"], b"", 5)
