"""The published formats beside ENAMEL, PIE and CodeContests, and the layouts that are folders."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from perfbot.training.readers.files import read_codenet, read_folders
from perfbot.training.readers.functions import (
    NO_CLASS,
    NO_GAP,
    TOO_FEW_REFERENCES,
    read_effibench,
    read_evalperf,
    read_mercury,
)
from perfbot.training.readers.programs import (
    REFUSED,
    UNKNOWN_LANGUAGE,
    read_ecco,
    read_pie,
    read_supersonic,
)
from perfbot.training.readers.reading import Claim, DataError, Example, Reading
from perfbot.training.records import Language, program

SLOW = "class Solution:\n    def double(self, x):\n        return sum([x, x])\n"
FAST = "class Solution:\n    def double(self, x):\n        return 2 * x\n"
ECCO = {
    "problem_id": "p1",
    "user_id": "u1",
    "submission_id_v0": "s1",
    "submission_id_v1": "s2",
    "cpu_time_v0": 100,
    "cpu_time_v1": 20,
    "input": "print(sum(range(int(input()))))",
    "target": "n = int(input())\nprint(n * (n - 1) // 2)",
}
PIE_CPP = {
    "problem_id": "p1",
    "src_code": "int main() { return 0; }",
    "tgt_code": "int main() {}",
}
MERCURY = {
    "slug_name": "double",
    "entry_point": "double",
    "solutions": [
        {"solution": SLOW, "runtime": "80ms"},
        {"solution": FAST, "runtime": "20ms"},
        {"solution": FAST + "# middle\n", "runtime": "50 ms"},
    ],
    "convert_offline": "def convert_offline(case):\n    return case['input'], case['expected']\n",
    "evaluate_offline": "def evaluate_offline(inputs, outputs, expected):\n    return outputs == expected\n",
    "test_cases": json.dumps([{"input": [2], "expected": 4}]),
}
EFFIBENCH = {
    "problem_idx": 7,
    "canonical_solution": FAST,
    "completion": f"```python\n{SLOW}```",
    "test_case": "assert solution.double(2) == 4",
}
EVALPERF = {
    "task_id": "HumanEval/9",
    "entry_point": "double",
    "reference": [
        "def double(x):\n    return sum([x, x])\n",
        "def double(x):\n    return x + x\n",
        "def double(x):\n    return 2 * x\n",
    ],
    "scores": [20.0, 60.0, 100.0],
    "pe_input": "[[1000]]",
}
SUPERSONIC = {
    "problem_id": "p1",
    "submission": "5",
    "ext": "cpp",
    "input": "int main() { return 0; }",
    "target": "int main() {}",
    "original_verdict": {"status": "STATE_ACCEPTED", "cpu_time": 3},
    "improved_verdict": {"status": ""},
}


def written(folder: Path, *records: Mapping[str, object]) -> Path:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path


def only_reason(found: Reading) -> str:
    assert not found.pairs
    (malformed,) = found.malformed
    return malformed.reason


def test_ecco_pairs_say_who_claims_what(tmp_path: Path) -> None:
    (pair,) = read_ecco(written(tmp_path, ECCO)).pairs
    assert pair.claim == Claim("u1", "s1", "s2", 100.0, 20.0)
    assert pair.licence == "CDLA-Permissive-2.0"
    assert "CodeNet" in pair.origin


def test_pie_has_cpp_under_its_own_names(tmp_path: Path) -> None:
    (pair,) = read_pie(written(tmp_path, PIE_CPP)).pairs
    assert (pair.language, pair.fast) == (Language.CPP, "int main() {}")


def test_a_language_that_is_neither_is_told(tmp_path: Path) -> None:
    assert only_reason(read_pie(written(tmp_path, ECCO | {"language": "Rust"}))) == UNKNOWN_LANGUAGE


def test_mercury_pairs_the_slowest_with_the_fastest(tmp_path: Path) -> None:
    (pair,) = read_mercury(written(tmp_path, MERCURY)).pairs
    assert (pair.slow, pair.fast, len(pair.others)) == (SLOW, FAST, 1)
    assert pair.claim is not None
    assert (pair.claim.slow_ms, pair.claim.fast_ms) == (80.0, 20.0)
    compile(program(pair.slow, pair.driver), "whole.py", "exec")


def test_mercury_without_a_gap_is_no_pair(tmp_path: Path) -> None:
    alike = [{"solution": SLOW, "runtime": "30ms"}, {"solution": FAST, "runtime": "20ms"}]
    assert only_reason(read_mercury(written(tmp_path, MERCURY | {"solutions": alike}))) == NO_GAP


def test_mercury_takes_no_code_for_a_name(tmp_path: Path) -> None:
    found = read_mercury(written(tmp_path, MERCURY | {"entry_point": "double(1); evil"}))
    assert "entry_point" in only_reason(found)


def test_effibench_pairs_a_completion_with_the_canonical_solution(tmp_path: Path) -> None:
    (pair,) = read_effibench(written(tmp_path, EFFIBENCH)).pairs
    assert (pair.problem, pair.slow, pair.fast) == ("7", SLOW.strip(), FAST)
    exec(program(pair.fast, pair.driver), {})


def test_an_effibench_completion_without_the_class_is_told(tmp_path: Path) -> None:
    found = read_effibench(written(tmp_path, EFFIBENCH | {"completion": "I cannot do that."}))
    assert only_reason(found) == NO_CLASS.format(name="completion")


def test_evalperf_pairs_the_first_reference_with_the_last(tmp_path: Path) -> None:
    (pair,) = read_evalperf(written(tmp_path, EVALPERF)).pairs
    assert (pair.slow, pair.fast) == (EVALPERF["reference"][0], EVALPERF["reference"][-1])
    names: dict[str, object] = {}
    assert pair.generator is not None
    exec(pair.generator.sources[0], names)
    assert names["generate_input"]() == "(1000,)\n"  # type: ignore[operator]


def test_evalperf_with_one_reference_is_no_pair(tmp_path: Path) -> None:
    alone = EVALPERF | {"reference": EVALPERF["reference"][:1]}
    assert only_reason(read_evalperf(written(tmp_path, alone))) == TOO_FEW_REFERENCES


def test_what_the_judge_refused_is_no_side(tmp_path: Path) -> None:
    refused = SUPERSONIC | {"improved_verdict": {"status": "STATE_WRONGANSWER"}}
    found = read_supersonic(written(tmp_path, SUPERSONIC, refused))
    assert len(found.pairs) == 1
    assert found.reasons == {REFUSED: 1}


def test_a_line_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"problem_id": "\xff"}\n')
    assert only_reason(read_pie(path)) == "is not UTF-8"


# -- folders ---------------------------------------------------------------------------------------

HEADER = (
    "submission_id,problem_id,user_id,date,language,original_language,filename_ext,"
    "status,cpu_time,memory,code_size,accuracy"
)


def a_checkout(folder: Path, *rows: str) -> Path:
    (folder / "metadata").mkdir()
    (folder / "metadata" / "p1.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    programs = folder / "data" / "p1" / "Python"
    programs.mkdir(parents=True)
    for number in (1, 2, 3):
        (programs / f"s{number}.py").write_text(f"print({number})\n")
    samples = folder / "derived" / "input_output" / "data" / "p1"
    samples.mkdir(parents=True)
    (samples / "input.txt").write_text("1\n")
    (samples / "output.txt").write_text("2\n")
    return folder


def row(number: int, date: int, ms: int, user: str = "u1", status: str = "Accepted") -> str:
    return f"s{number},p1,{user},{date},Python,Python (3.8),py,{status},{ms},9000,40,1/1"


def test_a_codenet_pair_is_a_submission_and_its_authors_next_faster_one(tmp_path: Path) -> None:
    found = read_codenet(a_checkout(tmp_path, row(2, 20, 90), row(1, 10, 80), row(3, 30, 50)))
    assert [each.record for each in found.pairs] == ["p1:s1:s3", "p1:s2:s3"]
    assert found.pairs[0].examples == (Example("1\n", "2\n"),)


def test_codenet_pairs_neither_other_users_nor_what_failed(tmp_path: Path) -> None:
    rows = (row(1, 10, 80), row(2, 20, 10, user="u2"), row(3, 30, 10, status="Wrong Answer"))
    assert read_codenet(a_checkout(tmp_path, *rows)).pairs == ()


def test_a_submission_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = a_checkout(tmp_path, row(1, 10, 80), row(3, 30, 50))
    (folder / "data" / "p1" / "Python" / "s3.py").unlink()
    assert only_reason(read_codenet(folder)) == "s3.py is not there"


def test_a_folder_without_metadata_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="metadata"):
        read_codenet(tmp_path)


def test_plain_folders_give_their_pairs_inputs_and_licence(tmp_path: Path) -> None:
    (tmp_path / "LICENCE.txt").write_text("MIT\n")
    for name, fast in (("good", True), ("alone", False), ("empty", None)):
        (tmp_path / name).mkdir()
        if fast is not None:
            (tmp_path / name / "slow.cpp").write_text("int main() { return 0; }")
        if fast:
            (tmp_path / name / "fast.cpp").write_text("int main() {}")
            (tmp_path / name / "input1.txt").write_text("1\n")
            (tmp_path / name / "output1.txt").write_text("2\n")
    found = read_folders(tmp_path)
    (pair,) = found.pairs
    assert (pair.problem, pair.licence, pair.language) == ("good", "MIT", Language.CPP)
    assert pair.examples == (Example("1\n", "2\n"),)
    assert sorted(found.reasons) == [
        "has no slow side: slow.py or slow.cpp",
        "has slow.cpp and no fast side of that name",
    ]


def test_a_side_of_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "slow.py").write_bytes(b"# \xe9\n")
    (tmp_path / "p" / "fast.py").write_text("")
    assert only_reason(read_folders(tmp_path)) == "slow.py is not UTF-8"


def test_a_side_of_ten_megabytes_is_told(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "slow.py").write_text("x = 1\n" * 1_700_000)
    (tmp_path / "p" / "fast.py").write_text("")
    assert "has more than" in only_reason(read_folders(tmp_path))
