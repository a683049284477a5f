"""Reading slow/fast pairs: what is a record, and that nothing is lost without a word."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.training.readers import reading
from perfbot.training.readers.files import read_samples
from perfbot.training.readers.functions import read_enamel
from perfbot.training.readers.programs import TOO_FEW, read_code_contests, read_pie
from perfbot.training.readers.reading import DataError, Example, Malformed, Reading, Source

ENAMEL = {
    "task_id": "HumanEval/0",
    "prompt": 'def double(x: int) -> int:\n    """Twice x."""',
    "reference_solution": "    return 2 * x\n",
    "slow": ["def double(x: int) -> int:\n    return sum([x, x])\n"],
    "entry_point": "double",
    "input_generator": "def generate_input(size, lid, cid):\n    return size + cid,\n",
    "input_levels": "10 100 1000",
    "checker": "def __check(input, answer, output):\n    return answer == output\n",
}
PIE = {
    "problem_id": "p1",
    "submission_id_v0": "s1",
    "submission_id_v1": "s2",
    "input": "print(sum(range(int(input()))))",
    "target": "n = int(input())\nprint(n * (n - 1) // 2)",
}
CONTESTS = {
    "solutions": [
        ["print(int(input()) * 2)  # the long way", True],
        ["print(int(input())*2)", True],
        ["print(0)", False],
        ["print 2", True],
    ],
    "tests": [{"input": ["1\n"], "output": ["2\n"]}],
    "stress_inputs": ["def generate_input():\n    return '1'"],
}


def written(folder: Path, *lines: object) -> Path:
    """Write lines, JSON unless they are text already."""
    path = folder / "data.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def reasons(found: Reading) -> list[str]:
    return [each.reason for each in found.malformed]


def without(record: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in record.items() if key != name}


def test_an_enamel_record_gives_whole_modules_and_its_levels(tmp_path: Path) -> None:
    (pair,) = read_enamel(written(tmp_path, ENAMEL)).pairs
    names: dict[str, Callable[[int], int]] = {}
    exec(pair.fast, names)
    assert names["double"](4) == 8
    assert pair.slow == ENAMEL["slow"][0]
    assert (pair.source, pair.record, pair.entry_point) == (Source.ENAMEL, "HumanEval/0", "double")
    assert pair.generator is not None
    assert pair.generator.sizes == (10, 100, 1000)


def test_a_gzip_file_is_read_as_the_plain_one(tmp_path: Path) -> None:
    plain = written(tmp_path, ENAMEL)
    packed = tmp_path / "data.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_enamel(packed) == read_enamel(plain)


def test_pie_pairs_of_one_problem_share_it_and_differ_in_their_names(tmp_path: Path) -> None:
    found = read_pie(written(tmp_path, PIE, {**PIE, "submission_id_v1": "s3"})).pairs
    assert [each.record for each in found] == ["p1:s1:s2", "p1:s1:s3"]
    assert {each.problem for each in found} == {"p1"}
    assert found[0].entry_point == ""


def test_code_contests_gives_two_correct_programs_that_parse(tmp_path: Path) -> None:
    (pair,) = read_code_contests(written(tmp_path, CONTESTS)).pairs
    assert "the long way" in pair.slow
    assert pair.fast == "print(int(input())*2)"
    assert pair.examples == (Example("1\n", "2\n"),)


def test_the_samples_of_a_statement_are_its_inputs_with_their_outputs(tmp_path: Path) -> None:
    shown = (
        "<h3>Sample Input 1</h3><pre>\n1 &lt; 2\n</pre><h3>Sample Output 1</h3>\n<pre>yes\n</pre>"
    )
    odd = "<h3>Sample Input 1</h3><pre>1</pre>"
    path = written(tmp_path, {"p1": shown, "p2": odd, "p3": "no samples"})
    assert read_samples(path) == {"p1": (Example("1 < 2\n", "yes\n"),), "p2": (), "p3": ()}


def test_statements_that_are_no_json_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not JSON"):
        read_samples(written(tmp_path, "<html>"))


def test_each_line_that_is_no_record_is_told_with_its_reason(tmp_path: Path) -> None:
    found = read_enamel(
        written(
            tmp_path,
            "{not json",
            "[1, 2]",
            without(ENAMEL, "prompt"),
            {**ENAMEL, "entry_point": 3},
            {**ENAMEL, "slow": []},
            {**ENAMEL, "slow": ["def double(x) return"]},
            {**ENAMEL, "slow": ["def other(x): return 1"]},
            {**ENAMEL, "input_levels": "10 many"},
            ENAMEL,
        )
    )
    assert len(found.pairs) == 1
    assert found.malformed[0] == Malformed(1, reading.NOT_JSON)
    assert reasons(found)[1:] == [
        reading.NOT_AN_OBJECT,
        "has no field 'prompt'",
        "field 'entry_point' is not text",
        "field 'slow' is not a list of programs",
        "'slow' is not Python that parses",
        "'slow' does not define the entry point",
        "field 'input_levels' is not a list of sizes",
    ]


def test_reasons_are_counted(tmp_path: Path) -> None:
    found = read_pie(written(tmp_path, "{", "{", without(PIE, "input"), PIE))
    assert found.reasons == {reading.NOT_JSON: 2, "has no field 'input'": 1}


def test_one_correct_program_is_no_pair(tmp_path: Path) -> None:
    alone = {**CONTESTS, "solutions": [["print(1)", True], ["print(2)", False]]}
    assert reasons(read_code_contests(written(tmp_path, alone))) == [TOO_FEW]


@pytest.mark.parametrize("name", ["solutions", "tests", "stress_inputs"])
def test_lists_of_the_wrong_shape_are_refused(tmp_path: Path, name: str) -> None:
    found = read_code_contests(written(tmp_path, {**CONTESTS, name: [3]}))
    assert not found.pairs
    assert len(found.malformed) == 1


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.jsonl"):
        read_pie(tmp_path / "nothing.jsonl")


def test_a_cut_gzip_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(PIE).encode())[:-12])
    with pytest.raises(DataError, match="cut"):
        read_pie(path)


@given(
    lines=st.lists(st.one_of(st.sampled_from([PIE, {}, [], "x"]), st.text(max_size=8)), max_size=8)
)
def test_every_line_is_a_pair_or_malformed(
    tmp_path_factory: pytest.TempPathFactory, lines: list[object]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "data.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = read_pie(path)
    assert len(found.pairs) + len(found.malformed) == len(lines)
