"""Import roots and pytest's settings are read from whatever file a project keeps them in."""

from pathlib import Path

import pytest

from perfbot.profiling.project import import_roots, pytest_settings

# (files, roots expected before ".")
LAYOUTS: dict[str, tuple[dict[str, str], list[str]]] = {
    "flat": ({"shop/__init__.py": ""}, []),
    "src without metadata": ({"src/shop/__init__.py": ""}, ["src"]),
    "src is a package": ({"src/__init__.py": ""}, []),
    "a module in src": ({"src/shop.py": ""}, ["src"]),
    "setuptools package-dir": (
        {"lib/shop.py": "", "pyproject.toml": '[tool.setuptools]\npackage-dir = {"" = "lib"}'},
        ["lib"],
    ),
    "setuptools package by package": (
        {
            "code/shop/x.py": "",
            "pyproject.toml": '[tool.setuptools.package-dir]\nshop = "code/shop"\nother = "odd"',
        },
        ["code"],
    ),
    "setuptools find": (
        {"a/x.py": "", "pyproject.toml": '[tool.setuptools.packages.find]\nwhere = ["a", "no"]'},
        ["a"],
    ),
    "hatch": (
        {
            "python/shop/x.py": "",
            "pyproject.toml": '[tool.hatch.build.targets.wheel]\npackages = ["python/shop"]',
        },
        ["python"],
    ),
    "poetry": (
        {
            "lib/shop/x.py": "",
            "pyproject.toml": '[[tool.poetry.packages]]\ninclude = "shop"\nfrom = "lib"',
        },
        ["lib"],
    ),
    "setup.cfg": (
        {"lib/x.py": "", "setup.cfg": "[options]\npackage_dir =\n    = lib\n"},
        ["lib"],
    ),
    "setup.cfg find": (
        {"lib/x.py": "", "setup.cfg": "[options.packages.find]\nwhere = lib\n"},
        ["lib"],
    ),
    "setup.py": (
        {
            "lib/x.py": "",
            "setup.py": "from setuptools import *\nsetup(package_dir={'': 'lib'}, packages=find_packages('lib'))",
        },
        ["lib"],
    ),
    "pytest's pythonpath": (
        {"app/x.py": "", "pytest.ini": "[pytest]\npythonpath = app ../outside /etc"},
        ["app"],
    ),
    "everything broken": (
        {"pyproject.toml": "[", "setup.cfg": "x\ny", "setup.py": "def", "x.py": ""},
        [],
    ),
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize("layout", LAYOUTS)
def test_import_roots(tmp_path: Path, layout: str) -> None:
    files, roots = LAYOUTS[layout]
    assert import_roots(write(tmp_path, files)) == (*roots, ".")


SETTINGS = {
    "pytest.toml": '[pytest]\naddopts = ["-q", "-x"]',
    "pytest.ini": "[pytest]\naddopts = -q\n  -x\n",
    ".pytest.ini": "[pytest]\naddopts = -q -x",
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q -x"',
    "tox.ini": "[tox]\nenvlist = py\n[pytest]\naddopts = -q -x",
    "setup.cfg": "[tool:pytest]\naddopts = -q %(x) -x",
}


@pytest.mark.parametrize("file", SETTINGS)
def test_pytest_settings_are_found_in_each_file(tmp_path: Path, file: str) -> None:
    settings = pytest_settings(write(tmp_path, {file: SETTINGS[file]}))
    assert settings is not None
    assert settings.file == file
    assert [word for word in settings.words("addopts") if word.startswith("-")] == ["-q", "-x"]


def test_the_first_file_in_pytests_order_counts(tmp_path: Path) -> None:
    write(tmp_path, SETTINGS | {"pytest.toml": ""})
    settings = pytest_settings(tmp_path)
    assert settings is not None
    assert (settings.file, settings.words("addopts")) == ("pytest.toml", [])


def test_files_without_a_section_for_pytest_are_passed_over(tmp_path: Path) -> None:
    assert (
        pytest_settings(write(tmp_path, {"tox.ini": "[tox]", "pyproject.toml": "[project]"}))
        is None
    )


def test_native_settings_of_pytest_9(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": '[tool.pytest]\ntestpaths = ["a b"]'})
    settings = pytest_settings(tmp_path)
    assert settings is not None
    assert settings.words("testpaths") == ["a b"]
