"""report.json keeps its schema, whatever it is filled with."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbot.bot.report import (
    Growth,
    Reason,
    ReportFileError,
    Samples,
    Verdict,
    from_json,
    samples_from_json,
    samples_to_json,
    to_json,
)
from perfbot.optimizer.strategies import Category
from perfbot.optimizer.verdict import Why
from perfbot.profiling.conditions import Conditions

from shop_report import Example, example

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def validated(text: str) -> Mapping[str, object]:
    document = json.loads(text)
    VALIDATOR.validate(document)
    assert isinstance(document, dict)
    return document


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_full_report_is_valid_and_keeps_its_order(shop: Example) -> None:
    document = validated(to_json(shop.report))
    assert list(document) == [
        *("schema", "perfbot", "repository", "environment", "noise", "workload"),
        *("hotspots", "results", "unchanged", "cost"),
    ]


def test_an_empty_report_is_valid(shop: Example) -> None:
    bare = replace(shop.report, noise=None, workload=None, hotspots=(), results=(), unchanged=())
    validated(to_json(bare))


def test_numbers_that_json_does_not_have_become_null(shop: Example) -> None:
    result = replace(
        shop.report.results[0], memory_ratio=math.inf, growth=Growth(math.nan, 1.0, 0.1, 0.1)
    )
    text = to_json(replace(shop.report, results=(result,)))
    validated(text)
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text)["results"][0]["growth"]["before"] is None


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_any_text_can_be_encoded_and_parsed(detail: str) -> None:
    from shop_report import example

    report = example().report
    result = replace(report.results[1], detail=detail)
    validated(to_json(replace(report, results=(result,))).encode().decode())


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (Verdict, SCHEMA["$defs"]["result"]["properties"]["verdict"]),
        (Why, SCHEMA["$defs"]["result"]["properties"]["why"]),
        (Reason, SCHEMA["properties"]["unchanged"]["items"]["properties"]["reason"]),
        (
            Category,
            SCHEMA["$defs"]["result"]["properties"]["strategies"]["items"]["properties"][
                "category"
            ],
        ),
    ],
)
def test_closed_lists_are_the_same_in_code_and_schema(
    kind: type[StrEnum], place: Mapping[str, object]
) -> None:
    assert [str(member) for member in kind] == place["enum"]


def test_samples_are_written_pair_by_pair() -> None:
    text = samples_to_json({"a.py::f": Samples(((0.2, 0.1),), 1.1, ((8, 0.3),))})
    (found,) = json.loads(text)["functions"].values()
    assert (found["pairs"], found["threshold"]) == ([[0.2, 0.1]], 1.1)
    assert (found["sizes_before"], found["sizes_after"]) == ([[8, 0.3]], [])


def test_samples_say_under_what_conditions_they_were_measured() -> None:
    samples = Samples(((0.2, 0.1),), 1.1, conditions=Conditions((0, 3), None, 0.5))
    (found,) = json.loads(samples_to_json({"a.py::f": samples}))["functions"].values()
    assert found["conditions"] == {"cpus": [0, 3], "megahertz": None, "load": 0.5}


def test_a_report_that_was_written_can_be_read_back(shop: Example) -> None:
    """What the document does not have is at its default; what it has is as it was."""
    results = tuple(
        replace(each, survivors=(), energy_ratio=None, loads=()) for each in shop.report.results
    )
    assert from_json(to_json(shop.report).encode()) == replace(shop.report, results=results)
    assert samples_from_json(samples_to_json(shop.samples).encode()) == shop.samples


def test_an_interval_without_an_upper_end_is_read_back_as_one(shop: Example) -> None:
    first = shop.report.results[0]
    assert first.speedup
    endless = replace(first, speedup=replace(first.speedup, high=math.inf))
    report = replace(shop.report, results=(endless,))
    assert from_json(to_json(report).encode()).results[0].speedup == endless.speedup


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"schema": 2}',
        b'{"schema": 1, "perfbot": "1"}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"schema": 1, "results": "' + b"x" * 16_000_000 + b'"}',
    ],
    ids=["nothing", "list", "empty", "newer", "half", "deep", "bytes", "large"],
)
def test_what_is_no_report_is_an_error_and_nothing_else(content: bytes) -> None:
    with pytest.raises(ReportFileError):
        from_json(content)


@given(st.data())
def test_a_report_that_somebody_changed_is_read_or_refused(data: st.DataObject) -> None:
    """One value anywhere in it becomes another of any kind."""
    document = json.loads(to_json(example().report))
    place: object = document
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key, holder = data.draw(st.sampled_from(keys)), place
        place = holder[key]
        if data.draw(st.booleans()) or not isinstance(place, dict | list):
            holder[key] = data.draw(
                st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.just({})
            )
            break
    try:
        read = from_json(json.dumps(document).encode())
    except ReportFileError:
        return
    assert from_json(to_json(read).encode()) == read
