"""Runs perfbot on real libraries and keeps what it found.

    python benchmarks/real_libraries.py [--only NAME]... [--time-budget 10m] [--again] [--render]

The source archives are downloaded once, with their hashes checked; each library is then unpacked
into a temporary folder and given to ``perfbot optimize`` as anybody would. What came out is kept as
build/real/NAME.json, so an interrupted run goes on where it was; ``--again`` does libraries anew.
benchmarks/real_libraries.md is written from these files after each library (``--render``: only that).
"""

import argparse
import datetime
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perfbot.bot.findings import cpu_model
from perfbot.profiling import environment
from perfbot.profiling.installer import Installer
from perfbot.profiling.sandbox import Sandbox, strongest

HERE = Path(__file__).resolve().parent
KEPT = HERE.parent / "build" / "real"
TABLE = HERE / "real_libraries.md"
_AT_MOST_S = 3600
_SHOWN_HOTSPOTS = 8
_TAIL = 1500

INTRODUCTION = """\
# Real libraries

What `perfbot optimize` finds in libraries as their authors published them: the source archive is
unpacked, its own tests are the workload, nothing is configured. Nothing here was chosen for being
slow. Reproduce: `python benchmarks/real_libraries.py --again`.
"""
SHARED = "Other work was running on the machine (load average {load:.1f} on {cores} cores)."


@dataclass(frozen=True)
class Library:
    """A source archive that carries its tests; ``shape`` says why it is here."""

    name: str
    version: str
    sha256: str
    shape: str


LIBRARIES = (
    Library(
        "tomlkit",
        "0.15.2",
        "83e32755ba1d20d9340bd069ee97e9f6232ba2346b63ffcba425de01f7e327a6",
        "parser that keeps the style of a document",
    ),
    Library(
        "sqlparse",
        "0.6.1",
        "ca722573f848ff2d30e40ea30f53a104b7dea7635ea9285891263eb2c58fb6e7",
        "SQL formatter",
    ),
    Library(
        "mistune",
        "3.4.0",
        "2eaf7952af928ca8d33b779762effc1da517b62c6ad85ec8ca957e3b07b9782a",
        "Markdown renderer, src layout, unittest",
    ),
    Library(
        "h11",
        "0.16.0",
        "4e35b956cf45792e4caa5885e69fba00bdbc6ffafbfa020300e549b208ee5ff1",
        "protocol state machine, tests inside the package",
    ),
    Library(
        "natsort",
        "8.4.0",
        "45312c4a0e5507593da193dedd04abb1469253b601ecaf63445ad80f0a1ea581",
        "natural sorting, property-based tests",
    ),
    Library(
        "toolz",
        "1.2.0",
        "9667a038e9d6ecba37995e26cb2f59ec6420b6ad8dd9677de59db9b956b08490",
        "functional tools, tests beside the code",
    ),
    Library(
        "marshmallow",
        "4.4.0",
        "9e6ffa8511012ca89732324c1c253efd7b4d35632dcbdf80aa793fe01804af3e",
        "object serialization, src layout",
    ),
    Library(
        "inflect",
        "7.6.0",
        "b46875b50534a7cd5fcfb5a7c971bb93fe68948c43ca53e9833bd1e1a69221bd",
        "English words, import mode importlib, doctests",
    ),
    Library(
        "boltons",
        "26.2.0",
        "d39cfd15c1a1c3bd4d705c82252fa9edb8e4f5e8cc039f8e39afac7b1b47e92c",
        "data structures and helpers of all kinds",
    ),
    Library(
        "parso",
        "0.8.7",
        "eaaac4c9fdd5e9e8852dc778d2d7405897ec510f2a298071453e5e3a07914bb1",
        "Python parser",
    ),
    Library(
        "tinycss2",
        "1.5.1",
        "d339d2b616ba90ccce58da8495a78f46e55d4d25f9fd71dfd526f07e7d53f957",
        "CSS parser",
    ),
    Library(
        "anytree",
        "2.13.0",
        "c9d3aa6825fdd06af7ebb05b4ef291d2db63e62bb1f9b7d9b71354be9d362714",
        "tree data structure, src layout",
    ),
)


def main() -> None:
    """Run what is asked for, and write the table."""
    options = _options()
    KEPT.mkdir(parents=True, exist_ok=True)
    for library in LIBRARIES if not options.render else ():
        if options.only and library.name not in options.only:
            continue
        record = KEPT / f"{library.name}.json"
        if options.again or not _is_done(record, library):
            print(f"{library.name} {library.version} …", flush=True)
            record.write_text(json.dumps(_run(library, options.time_budget), indent=1))
            TABLE.write_text(_rendered())
    TABLE.write_text(_rendered())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [library.name for library in LIBRARIES]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME")
    parser.add_argument("--time-budget", default="10m")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--render", action="store_true")
    return parser.parse_args()


def _is_done(record: Path, library: Library) -> bool:
    try:
        kept = json.loads(record.read_text())
    except (OSError, ValueError):
        return False
    return bool(kept["library"] == asdict(library))


def _run(library: Library, budget: str) -> dict[str, Any]:
    """Run perfbot on a library in a fresh folder and return all that came out."""
    load = os.getloadavg()[0]
    perfbot = Path(sys.executable).parent / "perfbot"
    with tempfile.TemporaryDirectory(prefix="real-libraries-") as folder:
        repository = _unpacked(library, _archive(library), Path(folder))
        reports = Path(folder) / "report"
        argv = [perfbot, "optimize", repository, "--time-budget", budget, "--report", reports]
        started = time.monotonic()
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_AT_MOST_S)
        seconds = time.monotonic() - started
        patches = {path.name: path.read_text() for path in sorted(reports.rglob("*.patch"))}
        report = reports / "report.json"
        return {
            "library": asdict(library),
            "date": datetime.date.today().isoformat(),
            "machine": f"{cpu_model()}, {os.cpu_count()} cores, {platform.system()}",
            "load": max(load, os.getloadavg()[1]),
            "time_budget": budget,
            "exit_code": done.returncode,
            "seconds": seconds,
            "said": done.stderr[-_TAIL:],
            "report": json.loads(report.read_text()) if report.is_file() else None,
            "patches": patches,
        }


def _archive(library: Library) -> Path:
    """Return the library's archive, downloaded unless it is there; its hash is always checked."""
    folder = KEPT / "archives"
    folder.mkdir(exist_ok=True)
    path = folder / f"{library.name}-{library.version}.tar.gz"
    if not path.is_file():
        _download(library, folder)
    if hashlib.sha256(path.read_bytes()).hexdigest() != library.sha256:
        path.unlink()
        raise SystemExit(f"{path.name} has not the hash that was expected; it was removed")
    return path


def _download(library: Library, folder: Path) -> None:
    """Let pip fetch the archive, in the sandbox: to read its metadata, pip runs its build script."""
    pinned = f"{library.name}=={library.version} --hash=sha256:{library.sha256}"
    python, sandbox = _python_with_pip(), strongest()
    argv = f"{python} -m pip download --quiet --no-deps --no-binary :all: --require-hashes".split()
    with tempfile.TemporaryDirectory(prefix="real-libraries-") as work:
        here = Path(work).resolve()  # it changes its owner: the sandbox's process writes to it
        (here / "wanted.txt").write_text(pinned + "\n")
        _installer(python, sandbox, here).run(
            [*argv, "-r", "wanted.txt", "-d", str(here)], "downloading", cwd=here, writable=(here,)
        )
        for archive in here.glob("*.tar.gz"):
            shutil.copyfile(archive, folder / archive.name)


def _installer(python: Path, sandbox: Sandbox, work: Path) -> Installer:
    readable = environment.query(python, sandbox).readable
    return Installer(sandbox, python, readable, work, dict(os.environ))


def _python_with_pip() -> Path:
    for python in (Path(sys.executable), Path(sys.base_prefix) / "bin" / "python3"):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0:
            return python
    raise SystemExit("no pip was found beside this Python; make a virtual environment with it")


def _unpacked(library: Library, archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / f"{library.name}-{library.version}"


def _rendered() -> str:
    records = [
        json.loads(path.read_text())
        for library in LIBRARIES
        if (path := KEPT / f"{library.name}.json").is_file()
    ]
    return "\n".join(
        [INTRODUCTION, *_machines(records), "", *_summary(records), *_details(records)]
    )


def _machines(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    for machine in dict.fromkeys(record["machine"] for record in records):
        here = [record for record in records if record["machine"] == machine]
        dates = sorted(record["date"] for record in here)
        when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
        budgets = ", ".join(dict.fromkeys(record["time_budget"] for record in here))
        yield f"{machine}; {when}; time budget {budgets}."
        load, cores = max(record["load"] for record in here), os.cpu_count() or 1
        if load > cores / 2:
            yield SHARED.format(load=load, cores=cores)


def _summary(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| library | shape | collected | passed | failed | skipped | flaky | proven | judged | seconds |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for record in records:
        yield f"| {' | '.join(map(str, _summary_cells(record)))} |"


def _summary_cells(record: dict[str, Any]) -> list[object]:
    library, report = record["library"], record["report"]
    name = f"{library['name']} {library['version']}"
    if report is None:
        return [name, library["shape"], *["–"] * 7, round(record["seconds"])]
    work, results = report["workload"], report["results"]
    counts = [work[key] for key in ("collected", "passed", "failed", "skipped")]
    proven = sum(result["verdict"] == "accepted" for result in results)
    return [
        name,
        library["shape"],
        *counts,
        len(work["flaky"]),
        proven,
        len(results),
        round(record["seconds"]),
    ]


def _details(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    for record in records:
        library, report = record["library"], record["report"]
        yield f"\n## {library['name']} {library['version']}\n"
        if report is None:
            yield f"Exit code {record['exit_code']}:\n\n```\n{record['said'].strip()}\n```"
            continue
        yield from _hotspots(report)
        yield from _results(report)
        yield from _left(report)
        for patch in record["patches"].values():
            yield f"\n```diff\n{patch.strip()}\n```"


def _hotspots(report: dict[str, Any]) -> Iterator[str]:
    yield "| hotspot | share | native | calls | outcome |"
    yield "|---|--:|--:|--:|---|"
    outcomes = {each["function"]: each["reason"] for each in report["unchanged"]}
    outcomes |= {each["function"]: _verdict(each) for each in report["results"]}
    for spot in report["hotspots"][:_SHOWN_HOTSPOTS]:
        calls = "–" if spot["calls"] is None else f"{spot['calls']:,}"
        shares = f"{spot['share']:.1%} | {spot['native_share']:.0%}"
        outcome = outcomes.get(spot["function"], "")
        yield f"| `{spot['function']}` | {shares} | {calls} | {outcome} |"


def _verdict(result: dict[str, Any]) -> str:
    speed = result["speedup"]
    if speed is None:
        return f"{result['verdict']}: {result['why']}"
    interval = f"{speed['estimate']:.2f}× ({speed['low']:.2f}–{speed['high']:.2f}×)"
    return f"{result['verdict']}: {result['why']}, {interval}"


def _results(report: dict[str, Any]) -> Iterator[str]:
    for result in report["results"]:
        names = ", ".join(each["name"] for each in result["strategies"])
        yield f"\n`{result['function']}` — {_verdict(result)}" + (f"; {names}" if names else "")
        if result["verdict"] != "accepted":
            yield f": {_one_line(result['detail'])}"


def _left(report: dict[str, Any]) -> Iterator[str]:
    """Count the reasons for which nothing was proposed, and tell those that say something."""
    counts = Counter(each["reason"] for each in report["unchanged"])
    listed = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    yield f"\nNothing proposed for {counts.total()} functions: {listed or 'none'}."
    for each in report["unchanged"]:
        if each["detail"][:1].isdigit() and "versions were tried" in each["detail"]:
            yield f"- `{each['function']}`: {_one_line(each['detail'])}"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:400].replace("|", "\\|")


if __name__ == "__main__":
    main()
