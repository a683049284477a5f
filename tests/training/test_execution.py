"""Programs run in the real sandbox: what they print, how they end, and what is counted of them."""

import pytest

from perfbot.training.comparing import exact, same
from perfbot.training.execution import ExecutionError, Fate, Runner, Task
from perfbot.training.records import Language

SUM = "n = int(input())\nprint(sum(range(n)))\n"
LOOP = "n = int(input())\ntotal = 0\nfor i in range(n):\n    total += i\nprint(total)\n"
CPP = (
    "#include <iostream>\nint main() { long n; std::cin >> n; std::cout << n * 2 << std::endl; }\n"
)


def tasks(
    programs: Runner, text: str, *stdin: str, language: Language = Language.PYTHON
) -> list[Task]:
    prepared = programs.prepared(language, text)
    return [Task(prepared, programs.input_file(each)) for each in stdin]


def test_a_program_prints_the_same_as_alone_for_each_input(programs: Runner) -> None:
    first, second = programs.run(tasks(programs, LOOP, "4\n", "10\n"))
    assert (first.stdout, second.stdout) == ("6\n", "45\n")
    assert first.fate is Fate.DONE


@pytest.mark.parametrize(
    ("text", "fate", "why"),
    [
        ("raise ValueError('no number')", Fate.CRASHED, "ValueError: no number"),
        ("import sys\nsys.exit(3)", Fate.CRASHED, "ended with 3"),
        ("while True:\n    pass", Fate.TIME_UP, "longer than 2 s"),
        ("print('a' * 2_000_000)", Fate.TOO_MUCH, "too much"),
        ("import sys\nsys.stdout.buffer.write(b'\\xff')", Fate.TOO_MUCH, "no text"),
        ("import os\nos.kill(os.getppid(), 9)", Fate.CRASHED, "process that runs it ended"),
    ],
)
def test_what_does_not_end_well_is_told(programs: Runner, text: str, fate: Fate, why: str) -> None:
    (ran,) = programs.run(tasks(programs, text, ""))
    assert ran.fate is fate
    assert why in ran.why


def test_one_run_leaves_nothing_behind_for_the_next(programs: Runner) -> None:
    writer = "import builtins\nbuiltins.left = 1\nprint(1)"
    reader = "import builtins\nprint(hasattr(builtins, 'left'))"
    ran = programs.run([*tasks(programs, writer, ""), *tasks(programs, reader, "")])
    assert [each.stdout for each in ran] == ["1\n", "False\n"]


def test_a_program_reaches_no_file_of_the_user(programs: Runner) -> None:
    (ran,) = programs.run(tasks(programs, "print(open('/root/.bashrc').read())", ""))
    assert ran.fate is Fate.CRASHED


def test_a_program_may_exit_and_read_its_input_by_its_descriptor(programs: Runner) -> None:
    text = "import sys\nprint(open(0).read().strip())\nsys.exit()"
    (ran,) = programs.run(tasks(programs, text, "hello\n"))
    assert (ran.fate, ran.stdout) == (Fate.DONE, "hello\n")


def test_counted_instructions_are_the_same_twice_and_more_for_more_work(programs: Runner) -> None:
    if programs.counter is None:
        pytest.skip("no Cachegrind works here, so nothing is counted")
    wanted = tasks(programs, LOOP, "100\n", "5000\n") + tasks(programs, SUM, "5000\n")
    first = programs.instructions(wanted)
    assert first == programs.instructions(wanted)
    small, large, by_sum = first
    assert small is not None
    assert large is not None
    assert by_sum is not None
    assert small < by_sum < large


def test_what_crashes_is_not_counted(programs: Runner) -> None:
    if programs.counter is None:
        pytest.skip("no Cachegrind works here, so nothing is counted")
    assert programs.instructions(tasks(programs, "1 / 0", "")) == [None]


def test_cpp_is_compiled_once_and_run(programs: Runner) -> None:
    (task,) = tasks(programs, CPP, "21\n", language=Language.CPP)
    before = task.program.file.stat().st_mtime_ns
    (again,) = tasks(programs, CPP, "21\n", language=Language.CPP)
    assert again.program.file.stat().st_mtime_ns == before
    (ran,) = programs.run([task])
    assert ran.stdout == "42\n"


def test_what_does_not_compile_says_why(programs: Runner) -> None:
    with pytest.raises(ExecutionError, match="was not declared"):
        programs.prepared(Language.CPP, "int main() { return missing; }")
    with pytest.raises(ExecutionError, match="no Python 3"):
        programs.prepared(Language.PYTHON, "print 1")


@pytest.mark.parametrize(
    ("output", "expected", "alike"),
    [
        ("1  2\n", "1 2", True),
        ("0.30000000000000004", "0.3", True),
        ("0.31", "0.3", False),
        ("1 2", "1 2 3", False),
        ("1000000", "1000001", False),
        ("yes", "no", False),
    ],
)
def test_outputs_are_compared_as_judges_do(output: str, expected: str, alike: bool) -> None:
    assert same(output, expected) is alike


def test_a_ratio_of_counts_leaves_the_drivers_own_out_and_makes_nothing_of_next_to_nothing() -> (
    None
):
    found = exact([3_000_000, 2_000_000, 1_000_000])
    assert found is not None
    assert found.estimate == 2.0
    tiny = exact([40_000, 1])
    assert tiny is not None
    assert tiny.estimate == 2.0
    assert exact([None, 5]) is None
