"""What became of each test, told by small real repositories, and what counts as lost."""

import pytest

from perfbot.profiling.suite import (
    Baseline,
    Outcome,
    SuiteRun,
    baseline,
    run_suite,
)
from perfbot.profiling.suite import Tested as Result
from perfbot.profiling.tree import UnusableRepository
from perfbot.profiling.workload import WorkloadSettings, discover

TESTS = """\
import unittest

import pytest


@pytest.fixture
def broken():
    raise RuntimeError("setup")


@pytest.fixture
def leaky():
    yield
    raise RuntimeError("teardown")


class Address:
    pass


def test_passes():
    pass


def test_fails():
    assert 1 == 2, "one is not two"


def test_setup(broken):
    pass


def test_teardown(leaky):
    pass


def test_fails_then_teardown(leaky):
    assert False


@pytest.mark.skip(reason="not here")
def test_skipped():
    pass


def test_skips_itself():
    pytest.skip("not now")


@pytest.mark.xfail
def test_xfails():
    assert False


@pytest.mark.xfail
def test_xpasses():
    pass


@pytest.mark.xfail(strict=True)
def test_xpasses_strictly():
    pass


@pytest.mark.parametrize("value", [object(), object()], ids=repr)
def test_address(value):
    pass


class TestCase(unittest.TestCase):
    def test_unit(self):
        with self.subTest("one"):
            pass
"""
FILES = {
    "thing.py": "def double(x):\n    return 2 * x\n\n\nif __name__ == '__main__':\n    print(double(4))\n",
    "tests/test_all.py": TESTS,
    "tests/test_broken.py": "import no_such_module\n",
}


def settings(**options):
    return WorkloadSettings(**options)


@pytest.fixture(scope="module")
def run(target, plant):
    tree = plant(FILES)
    commands = ("python thing.py", "python no_such.py")
    return run_suite(target, tree, discover(tree, settings(commands=commands)), wall_s=120)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("test_passes", Outcome.PASSED),
        ("test_fails", Outcome.FAILED),
        ("test_setup", Outcome.ERROR),
        ("test_teardown", Outcome.ERROR),
        ("test_fails_then_teardown", Outcome.FAILED),
        ("test_skipped", Outcome.SKIPPED),
        ("test_skips_itself", Outcome.SKIPPED),
        ("test_xfails", Outcome.XFAILED),
        ("test_xpasses", Outcome.XPASSED),
        ("test_xpasses_strictly", Outcome.FAILED),
        ("TestCase::test_unit", Outcome.PASSED),
    ],
)
def test_the_three_phases_of_a_test_become_one_outcome(run, name, outcome):
    assert run.tests[f"tests/test_all.py::{name}"].outcome is outcome


def test_a_failure_says_why(run):
    assert "one is not two" in run.tests["tests/test_all.py::test_fails"].why


def test_a_module_that_cannot_be_imported_is_an_error_of_collection(run):
    assert "no_such_module" in run.collect_errors["tests/test_broken.py"]


def test_commands_are_told_by_their_exit_code(run):
    assert run.commands["python thing.py"] == 0
    assert run.commands["python no_such.py"] != 0


@pytest.mark.parametrize("command", ["make all", "python -c pass", "python"])
def test_a_command_that_cannot_run_in_the_harness_is_refused(target, plant, command):
    tree = plant({"thing.py": ""})
    with pytest.raises(UnusableRepository, match=r"python FILE"):
        run_suite(target, tree, discover(tree, settings(commands=(command,))), wall_s=120)


def test_the_baseline_sets_aside_what_does_not_pass_and_counts_the_rest(run):
    known = baseline(run, run)
    names = {name.rpartition("::")[2] for name in known.counted}
    assert {"test_passes", "test_xfails", "test_unit"} <= names
    assert not names & {"test_fails", "test_setup", "test_skipped"}
    assert "tests/test_all.py::test_fails" in known.failing
    assert "tests/test_all.py::test_skipped" in known.skipped
    assert known.commands == {"python thing.py": 0}


def test_ids_with_addresses_are_matched_by_their_number(run, target, plant):
    tree = plant(FILES)
    other = run_suite(target, tree, discover(tree, settings()), wall_s=120)
    known = baseline(run, run)
    assert any("0x" in name for name in known.counted)
    assert not [lost for lost in known.lost(other) if "address" in lost.test]


def suite(**outcomes: str) -> SuiteRun:
    tests = {name: Result(Outcome(outcome), 0.0) for name, outcome in outcomes.items()}
    return SuiteRun(tests, {}, {}, 1.0)


def counted(**outcomes: str) -> Baseline:
    return baseline(suite(**outcomes), suite(**outcomes))


def test_a_missing_test_result_counts_as_a_failure():
    (lost,) = counted(a="passed", b="passed").lost(suite(a="passed"))
    assert (lost.test, lost.before, lost.now) == ("b", "passed", None)


@pytest.mark.parametrize("now", ["skipped", "failed", "error", "xfailed", "xpassed"])
def test_a_pass_that_is_one_no_more_is_lost(now):
    (lost,) = counted(a="passed").lost(suite(a=now))
    assert lost.now == now


def test_an_expected_failure_that_passes_is_another_outcome():
    assert counted(a="passed", b="xfailed").lost(suite(a="passed", b="xpassed"))


def test_new_tests_and_tests_set_aside_do_not_matter():
    known = counted(a="passed", b="failed")
    assert not known.lost(suite(a="passed", b="passed", c="failed"))


def test_a_test_that_changes_between_two_runs_is_set_aside_by_name():
    known = baseline(
        suite(a="passed", b="passed", c="failed"), suite(a="passed", b="failed", c="passed")
    )
    assert known.flaky == ("b", "c")
    assert set(known.counted) == {"a"}
    assert not known.lost(suite(a="passed"))


def test_one_of_two_tests_with_addresses_may_not_get_lost():
    known = counted(**{"t[<a at 0x7f0000000001>]": "passed", "t[<a at 0x7f0000000002>]": "passed"})
    assert not known.lost(
        suite(**{"t[<a at 0x7f0000000003>]": "passed", "t[<a at 0x7f0000000004>]": "passed"})
    )
    assert len(known.lost(suite(**{"t[<a at 0x7f0000000003>]": "passed"}))) == 1


def test_a_command_that_ends_otherwise_is_lost():
    first = SuiteRun({}, {}, {"python a.py": 0}, 1.0)
    known = baseline(first, first)
    assert known.lost(SuiteRun({}, {}, {"python a.py": 1}, 1.0))[0].now == "exit 1"
    assert known.lost(SuiteRun({}, {}, {}, 1.0))[0].now is None


def test_nothing_that_passes_is_no_baseline():
    with pytest.raises(
        UnusableRepository, match=r"no test passes before any change \(1 collected\)"
    ):
        counted(a="failed")


def test_no_tests_at_all_are_no_baseline():
    with pytest.raises(UnusableRepository, match="collected no tests"):
        counted()


def test_tests_of_an_installed_copy_judge_nothing():
    run = SuiteRun(
        {"a": Result(Outcome.PASSED, 0.0)}, {}, {}, 1.0, elsewhere=(("m", "/site/m.py"),)
    )
    with pytest.raises(UnusableRepository, match=r"/site/m\.py"):
        baseline(run, run)


def test_a_process_that_ends_before_its_tests_do_loses_them(target, plant):
    files = {
        "m.py": "",
        "tests/test_m.py": "def test_a():\n    pass\n\ndef test_b():\n    import os\n    os._exit(0)\n",
    }
    tree = plant(files)
    run = run_suite(target, tree, discover(tree, settings()), wall_s=120)
    assert set(run.tests) == {"tests/test_m.py::test_a"}
    assert run.trouble
    known = counted(**{"tests/test_m.py::test_a": "passed", "tests/test_m.py::test_b": "passed"})
    assert [lost.test for lost in known.lost(run)] == ["tests/test_m.py::test_b"]


def test_what_a_test_writes_into_the_pipe_of_results_is_not_believed(target, plant):
    forging = (
        "import json, os\n\ndef test_a():\n"
        "    told = {'kind': 'test', 'test': 'tests/test_m.py::test_a', 'outcome': 'passed', 'seconds': 0}\n"
        "    line = json.dumps(told)\n"
        "    for fd in range(3, 600):\n        try:\n            os.write(fd, line.encode() + b'\\n')\n"
        "        except OSError:\n            pass\n    assert False\n"
    )
    tree = plant({"m.py": "", "tests/test_m.py": forging})
    run = run_suite(target, tree, discover(tree, settings()), wall_s=120)
    assert run.tests["tests/test_m.py::test_a"].outcome is Outcome.FAILED
