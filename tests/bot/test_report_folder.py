"""The report's folder is written whole or not at all."""

import json
import os
import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from perfbot.bot.files import write_together
from perfbot.bot.report_folder import ReportError, patch_name, write

from shop_report import Example


def test_everything_of_a_run_is_written(shop: Example, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "report"
    written = write(shop.report, folder, shop.patches, shop.samples)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["01-cart.Cart.total.patch", "report.html", "report.json", "samples.json"]
    assert Path(written.results[0].patch or "").read_bytes() == next(iter(shop.patches.values()))
    document = json.loads((folder / "report.json").read_text())
    assert document["results"][0]["patch"] == str(folder / "01-cart.Cart.total.patch")
    assert document["results"][1]["patch"] is None


def test_a_written_benchmark_lies_in_a_folder_of_its_own(shop: Example, tmp_path: Path) -> None:
    name = "benchmarks/test_bench_cart_total.py"
    written = write(shop.report, tmp_path, shop.patches, shop.samples, {name: b"# kept\n"})
    assert written.results[0].benchmark_file == str(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"# kept\n"
    assert written.results[1].benchmark_file is None


def test_a_folder_that_cannot_be_made_is_one_clear_sentence(shop: Example, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"could not be written to .*--report DIR"):
        write(shop.report, tmp_path / "file" / "report", shop.patches, shop.samples)


def test_a_full_disk_leaves_the_old_report_and_nothing_half_written(
    shop: Example, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the disk: writing fails in the middle of a file."""
    write(shop.report, tmp_path, shop.patches, shop.samples)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    changed = replace(shop.report, perfbot="9.9.9")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with pytest.raises(ReportError, match="File too large"):
            write(changed, tmp_path, shop.patches, shop.samples)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_replaced_file_keeps_its_mode_and_a_new_one_gets_the_usual(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("old")
    script.chmod(0o751)
    mask = os.umask(0o027)
    try:
        write_together({script: b"new", tmp_path / "fresh": b"x"})
    finally:
        os.umask(mask)
    assert script.read_bytes() == b"new"
    assert script.stat().st_mode & 0o777 == 0o751
    assert (tmp_path / "fresh").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("src/shop/cart.py::Cart.total", "02-cart.Cart.total.patch"),
        ("a.py::f.<locals>.g", "02-a.f.-locals-.g.patch"),
        ("ü/../x y.py::été", "02-x-y.-t.patch"),
        ("a.py::" + "x" * 300, "02-a." + "x" * 58 + ".patch"),
    ],
)
def test_patch_names_are_short_and_plain(function: str, name: str) -> None:
    assert patch_name(2, function) == name
