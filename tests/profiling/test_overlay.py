"""A target without pytest gets one that fits, after its own packages."""

import subprocess
import sys
import venv
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from perfbot.profiling.environment import Interpreter, NoInterpreter, query
from perfbot.profiling.overlay import fitting, overlay
from perfbot.profiling.sandbox import strongest

SANDBOX = strongest(trust=True)


@pytest.fixture
def bare(tmp_path: Path) -> Interpreter:
    venv.create(tmp_path / "venv", symlinks=True)
    return query(tmp_path / "venv" / "bin" / "python", SANDBOX)


def test_a_target_that_lacks_nothing_gets_nothing(tmp_path: Path) -> None:
    own = query(Path(sys.executable), SANDBOX)
    assert overlay(own, tmp_path / "cache", SANDBOX, {}) == ()


def test_fitting_versions_are_copied_without_network(tmp_path: Path, bare: Interpreter) -> None:
    (folder,) = overlay(bare, tmp_path / "cache", SANDBOX, {})
    assert overlay(bare, tmp_path / "cache", SANDBOX, {}) == (folder,)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    (tmp_path / "test_it.py").write_text("def test_it(benchmark): benchmark(sum, [1])\n")
    code = f"import sys; sys.path.append({str(folder)!r}); import pytest; sys.exit(pytest.main())"
    argv = [str(bare.executable), "-B", "-c", code]
    run = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in run.stdout, run.stdout + run.stderr


def test_what_does_not_fit_is_not_copied(bare: Interpreter) -> None:
    assert fitting(["pytest"], bare) is not None
    assert fitting(["pytest"], replace(bare, packages={"pluggy": "0.13.1"})) is None
    assert fitting(["pytest-benchmark"], replace(bare, packages={"pytest": "7.4.4"})) is None
    assert fitting(["pytest"], replace(bare, version=(3, 9, 0))) is None
    assert fitting(["no-such-distribution-anywhere"], bare) is None


def test_what_the_target_has_is_not_copied(bare: Interpreter) -> None:
    chosen = fitting(["pytest"], replace(bare, packages={"pluggy": "1.6.0"}))
    assert chosen is not None
    assert "pluggy" not in {each.metadata["Name"] for each in chosen}


def test_else_fitting_versions_are_installed(tmp_path: Path, bare: Interpreter) -> None:
    """An old pluggy in the target: perfbot's own pytest does not fit, an older one does."""
    base = query(Path(sys.base_prefix) / "bin" / "python3", SANDBOX)
    if "pip" not in base.packages:
        pytest.skip("the Python that perfbot's environment is made from has no pip")
    for name, version, needs in (
        ("pytest", "7.4", "pluggy<1"),
        ("pytest", "9.9", "pluggy>=1.6"),
        ("pytest_benchmark", "4.0", "pytest>=3.8"),
        ("pluggy", "0.13.1", ""),
    ):
        wheel(tmp_path, name, version, needs)
    target = replace(base, packages={"pluggy": "0.13.1", "pip": base.packages["pip"]})
    environ = {"PIP_FIND_LINKS": str(tmp_path), "PIP_NO_INDEX": "1"}
    (folder,) = overlay(target, tmp_path / "cache", SANDBOX, environ)
    installed = {path.name for path in folder.glob("*.dist-info")}
    assert {"pytest-7.4.dist-info", "pytest_benchmark-4.0.dist-info"} <= installed
    unfit = replace(target, packages={"pluggy": "0.12", "pip": base.packages["pip"]})
    with pytest.raises(NoInterpreter, match="installing what the project needs failed"):
        overlay(unfit, tmp_path / "cache", SANDBOX, environ)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def wheel(folder: Path, name: str, version: str, needs: str) -> None:
    info = f"{name}-{version}.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{each},,\n" for each in files) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for each, text in (files | {f"{info}/RECORD": record}).items():
            archive.writestr(each, text)
