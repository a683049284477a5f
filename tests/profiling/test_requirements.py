"""What tests need is read from whatever file a project names it in."""

from pathlib import Path

import pytest

from perfbot.profiling.requirements import (
    Requirements,
    is_installable,
    likely_version,
    needs_no_installer,
    requirements,
    requires_python,
)

PROJECT = '[project]\nname = "shop"\nversion = "1.0"\n'
CASES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "nothing": ({}, ()),
    "tools only": ({"pyproject.toml": "[tool.pytest.ini_options]"}, ()),
    "a project": ({"pyproject.toml": PROJECT}, (".",)),
    "requirements.txt alone": ({"requirements.txt": "a"}, ("-r", "requirements.txt")),
    "requirements.txt of a project": ({"requirements.txt": "a", "setup.py": ""}, (".",)),
    "an extra": (
        {"pyproject.toml": PROJECT + 'optional-dependencies = {Test = ["a"], docs = ["b"]}'},
        (".[Test]",),
    ),
    "an extra of setup.cfg": (
        {"setup.cfg": "[metadata]\nname=a\n[options.extras_require]\ntesting = a\ndev = b\n"},
        (".[testing]",),
    ),
    "an extra of setup.py": (
        {"setup.py": "setup(extras_require={'tests': ['a'], **more})"},
        (".[tests]",),
    ),
    "a group with another": (
        {
            "pyproject.toml": PROJECT
            + '[dependency-groups]\nbase = ["a"]\nself = [{include-group = "test"}]\n'
            + 'test = ["b>1", {include-group = "base"}, {include-group = "test"}]'
        },
        (".", "b>1", "a"),
    ),
    "developers' group, when there is none for tests": (
        {"pyproject.toml": PROJECT + '[dependency-groups]\ndev = ["a", "mypy>1", "sphinx-x"]'},
        (".", "a"),
    ),
    "poetry": (
        {
            "pyproject.toml": '[tool.poetry]\nname = "a"\n[tool.poetry.group.test.dependencies]\n'
            'pytest = "^8.1"\nb = "*"\nc = {version = "~1.2,!=1.3"}\nd = {git = "x"}\ne = "2.0"'
        },
        (".", "pytest>=8.1", "b", "c>=1.2,!=1.3", "e==2.0"),
    ),
    "pdm, hatch, uv": (
        {
            "pyproject.toml": PROJECT
            + '[tool.pdm.dev-dependencies]\ntests = ["a"]\n'
            + '[tool.hatch.envs.test]\ndependencies = ["b", "c {root:uri}"]\n'
            + '[tool.uv]\ndev-dependencies = ["never"]'
        },
        (".", "b", "a"),
    ),
    "files": (
        {"requirements-test.txt": "", "requirements/tests.txt": "", "requirements-dev.txt": ""},
        ("-r", "requirements-test.txt", "-r", "requirements/tests.txt"),
    ),
    "tox": (
        {
            "setup.py": "",
            "tox.ini": "[testenv]\ndeps =\n  pytest\n  py310: a\n  -r x.txt\n  b>1\n",
        },
        (".", "pytest", "b>1"),
    ),
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize("case", CASES)
def test_the_arguments_of_the_installer(tmp_path: Path, case: str) -> None:
    files, arguments = CASES[case]
    assert requirements(write(tmp_path, files)).arguments == arguments


@pytest.mark.parametrize(
    ("files", "fits", "fails"),
    [
        ({"pyproject.toml": PROJECT + 'requires-python = ">=3.11,<3.13"'}, "3.12.1", "3.13.0"),
        ({"setup.cfg": "[options]\npython_requires = >=3.12"}, "3.12.0", "3.11.9"),
        ({"setup.py": "setup(python_requires='!=3.11.*')"}, "3.12.0", "3.11.9"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.11"'}, "3.12.0", "3.10.0"),
    ],
)
def test_the_versions_of_python(
    tmp_path: Path, files: dict[str, str], fits: str, fails: str
) -> None:
    wanted = requires_python(write(tmp_path, files))
    assert wanted.contains(fits)
    assert not wanted.contains(fails)


def test_nonsense_about_versions_is_no_wish(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT + 'requires-python = "three"'})
    assert requires_python(tmp_path).contains("3.12.0")


@pytest.mark.parametrize(
    ("more", "offline"),
    [
        ("", True),
        (
            'dependencies = []\noptional-dependencies = {test = ["pytest>=8", "pytest_benchmark"]}',
            True,
        ),
        ('optional-dependencies = {test = ["pytest<8"]}', False),
        ('dependencies = ["a"]', False),
        ('dynamic = ["dependencies"]', False),
        ('[tool.hatch.build.hooks.vcs]\nversion-file = "v.py"', False),
        ("[tool.setuptools_scm]", False),
        ('[dependency-groups]\ntest = ["hypothesis"]', False),
    ],
)
def test_who_needs_nothing_needs_no_network(tmp_path: Path, more: str, offline: bool) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT + more})
    assert needs_no_installer(tmp_path, requirements(tmp_path)) is offline


def test_a_setup_py_must_be_run(tmp_path: Path) -> None:
    write(tmp_path, {"setup.py": ""})
    assert is_installable(tmp_path)
    assert not needs_no_installer(tmp_path, Requirements(project=True))


def test_the_version_is_guessed_from_tags_or_the_sdist(tmp_path: Path) -> None:
    assert likely_version(tmp_path) == "0.0"
    packed = "# pack-refs\nabc refs/tags/v1.10.0\nabc refs/tags/1.9\nabc refs/tags/nightly\n"
    write(tmp_path, {".git/packed-refs": packed, ".git/refs/tags/shop-1.2": ""})
    assert likely_version(tmp_path) == "1.10.0"
    write(tmp_path, {"PKG-INFO": "Metadata-Version: 2.1\nName: shop\nVersion: 3.1\n"})
    assert likely_version(tmp_path) == "3.1"
