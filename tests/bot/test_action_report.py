"""A report folder that a stranger made: whatever it holds, it is read as it should be or not at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfbot.bot import action_summary
from perfbot.bot.action_report import HandedError, read
from perfbot.bot.exits import Exit
from perfbot.bot.report_folder import write

from shop_report import MATCH, TOTAL, Example

PATCH = "01-cart.Cart.total.patch"


@pytest.fixture
def folder(shop: Example, tmp_path: Path) -> Path:
    write(shop.report, tmp_path / "report", shop.patches, shop.samples)
    return tmp_path / "report"


def changed(folder: Path, change: Callable[[dict], object]) -> Path:
    file = folder / "report.json"
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(HandedError) as caught:
        read(folder)
    assert caught.value.code is Exit.USAGE
    assert "\n" not in str(caught.value)
    return str(caught.value).partition(" is not published: ")[2]


def test_what_a_run_writes_is_read_back(folder: Path, shop: Example) -> None:
    handed = read(folder)
    assert [one.function for one in handed.report.results] == [TOTAL, MATCH]
    assert handed.patch_of(handed.report.results[0]) == shop.patches[PATCH]
    assert handed.samples == shop.samples


@pytest.mark.parametrize("name", ["report.json", "samples.json", PATCH])
def test_a_link_is_never_followed(folder: Path, name: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(secret)
    assert refused(folder) == f"{name} is missing or is no plain file"


@pytest.mark.parametrize("name", ["report.json", "samples.json", PATCH])
def test_a_pipe_is_not_waited_for_and_a_folder_not_opened(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert refused(folder) == f"{name} is missing or is no plain file"
    (folder / name).unlink()
    (folder / name).mkdir()
    assert refused(folder) == f"{name} is missing or is no plain file"


def test_a_folder_that_is_a_link_is_none(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert refused(link) == "there is no such folder"
    assert refused(tmp_path / "nowhere") == "there is no such folder"


@pytest.mark.parametrize("name", ["report.json", "samples.json", PATCH])
def test_a_huge_file_is_not_read_to_its_end(folder: Path, name: str) -> None:
    with (folder / name).open("r+b") as stream:
        stream.truncate(1 << 40)  # sparse: reading it would never end
    assert refused(folder).startswith(f"{name} is larger than ")


@pytest.mark.parametrize(
    "place",
    [
        "../../../etc/passwd",
        "/etc/passwd",
        "..",
        "",
        "report.json",
        "01-x.patch/../../secret",
        "01-\n.patch",
        "01-x.patch\0",
    ],
)
def test_a_patch_lies_in_the_folder_under_a_name_of_ours(folder: Path, place: str) -> None:
    (folder.parent / "secret").write_text("secret")
    said = refused(changed(folder, lambda it: it["results"][0].update(patch=place)))
    assert "what no run of perfbot says" in said or "is missing or is no plain file" in said


@pytest.mark.parametrize(
    "function",
    [
        "../x.py::f",
        "/x.py::f",
        "a/../../x.py::f",
        "x.txt::f",
        "x.py",
        "x.py::",
        "::f",
        "x.py::f\nbuy now",
        "x.py::" + "f" * 600,
        "x.py::\u202ef",
    ],
)
def test_a_function_has_a_name_that_a_run_gives(folder: Path, function: str) -> None:
    for rows in ("results", "hotspots", "unchanged"):
        said = refused(changed(folder, lambda it, rows=rows: it[rows][0].update(function=function)))
        assert said == "it says of a function what no run of perfbot says"


@pytest.mark.parametrize(
    "speedup",
    [
        {"low": 9.0},
        {"low": 0},
        {"low": -1},
        {"estimate": 1e300, "high": 1e300},
        {"confidence": 1.0},
        {"pairs": 0},
        {"pairs": 10**40},
        {"low": None},
        {"high": "2"},
    ],
)
def test_a_speedup_is_one_that_can_be(folder: Path, speedup: dict[str, object]) -> None:
    assert refused(changed(folder, lambda it: it["results"][0]["speedup"].update(speedup)))


def test_an_interval_may_have_an_open_end(folder: Path) -> None:
    read(changed(folder, lambda it: it["results"][0]["speedup"].update(high=None)))


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(schema=2),
        lambda it: it.pop("schema"),
        lambda it: it.pop("cost"),
        lambda it: it["results"][0].update(verdict="perfect"),
        lambda it: it["results"][0].update(why=["faster"]),
        lambda it: it["results"][0].update(speedup=None),
        lambda it: it["results"][0].update(memory_ratio=1e200),
        lambda it: it["results"][0].update(detail="x" * 30_000),
        lambda it: it["repository"].update(commit="main"),
        lambda it: it["hotspots"][0].update(calls=10**30),
        lambda it: it.update(results=it["results"] * 60),
        lambda it: it.update(hotspots=it["hotspots"] * 500),
    ],
)
def test_what_no_run_says_is_refused(folder: Path, change: Callable[[dict], object]) -> None:
    assert refused(changed(folder, change))


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"\xff\xfe", b"[" * 1_000_000, b'{"schema": 1}', b"NaN"]
)
def test_what_is_no_report_is_refused_and_not_quoted(folder: Path, content: bytes) -> None:
    (folder / "report.json").write_bytes(content)
    assert refused(folder) == "report.json is none of this version of perfbot"


def test_fields_that_are_not_known_are_passed_over(folder: Path) -> None:
    read(changed(folder, lambda it: it.update(pull_request=1, head="f" * 40)))


TEXT = st.text(min_size=1, max_size=200)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(TEXT, st.floats(allow_nan=False, allow_infinity=False), st.integers())
def test_whatever_is_read_can_be_shown(folder: Path, text: str, number: float, count: int) -> None:
    """A summary is written of any report that was read: no text formats, no number ends it."""
    original = (folder / "report.json").read_text()

    def change(it: dict) -> None:
        result = it["results"][0]
        result["detail"] = result["planner"] = text
        result["strategies"][0].update(name=text, why=text)
        result["growth"]["before"] = result["memory_ratio"] = number
        result["gates"][0].update(detail=text, seconds=number)
        it["hotspots"][0].update(share=number, calls=count)
        it["environment"].update(python=text, cores=count)
        it["noise"]["high"] = it["cost"]["seconds"] = number

    try:
        handed = read(changed(folder, change))
    except HandedError:
        handed = None
    finally:
        (folder / "report.json").write_text(original)
    if handed:
        for summary in (
            action_summary.optimized(handed),
            action_summary.judged(handed),
            action_summary.profiled(handed.report),
        ):
            assert "<script" not in summary
            assert summary.encode("utf-8", "backslashreplace")
