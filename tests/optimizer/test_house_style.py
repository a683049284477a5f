"""What a project says of its style is found wherever it says so, and nothing of it is trusted."""

import pytest

from perfbot.optimizer.house_style import BLACK, OWN, RUFF, HouseStyle, Quotes, house_style

RUFF_TOML = b'line-length = 72\nindent-width = 2\n[format]\nquote-style = "single"\n'


def style(files: dict[str, bytes], path: str = "src/shop/prices.py") -> HouseStyle:
    return house_style(files.get, path)


def test_ruff_is_read_from_its_own_file_and_from_the_project() -> None:
    (ruff, own) = style({"ruff.toml": RUFF_TOML}).formatters
    assert (ruff.name, ruff.width, ruff.indent_width, ruff.quotes) == (RUFF, 72, 2, Quotes.SINGLE)
    assert (own.name, own.width, own.quotes) == (OWN, 72, Quotes.PRESERVE)
    project = b'[tool.ruff.format]\nindent-style = "tab"\nskip-magic-trailing-comma = true\n'
    ruff = style({"pyproject.toml": project}).formatters[0]
    assert (ruff.name, ruff.width, ruff.tabs, ruff.magic_comma) == (RUFF, 88, True, False)


def test_black_is_read_from_the_project_and_from_pre_commit() -> None:
    project = b"[tool.black]\nline-length = 100\nskip-string-normalization = true\n"
    black = style({"pyproject.toml": project}).formatters[0]
    assert (black.name, black.width, black.quotes) == (BLACK, 100, Quotes.PRESERVE)
    hooks = b"repos: [{repo: x, hooks: [{id: black, args: [--line-length=79, -S]}, {id: flake8}]}]"
    black = style({".pre-commit-config.yaml": hooks}).formatters[0]
    assert (black.name, black.width, black.quotes) == (BLACK, 79, Quotes.PRESERVE)


def test_the_nearest_folder_is_asked_first() -> None:
    files = {"ruff.toml": RUFF_TOML, "src/.ruff.toml": b"line-length = 100\n"}
    assert style(files).formatters[0].width == 100
    assert style(files, "tools/x.py").formatters[0].width == 72


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("setup.cfg", b"[flake8]\nmax-line-length = 120\n"),
        ("tox.ini", b"[pycodestyle]\nmax_line_length = 120\n"),
        (".flake8", b"[flake8]\nmax-line-length = 120\n"),
        (".style.yapf", b"[style]\nbased_on_style = google\ncolumn_limit = 120\n"),
        ("setup.cfg", b"[yapf]\ncolumn_limit = 120\n"),
        ("pyproject.toml", b"[tool.yapf]\ncolumn_limit = 120\n"),
    ],
)
def test_the_line_length_of_other_tools_counts(file: str, content: bytes) -> None:
    found = style({file: content})
    assert (found.width, found.formatters[0].width) == (120, 120)


@pytest.mark.parametrize(
    "content",
    [
        b"[tool.black\n",
        b"\xff\xfe",
        b"tool = 3\n",
        b"[tool]\nblack = 3\nruff = [1]\n",
        b'[tool.black]\nline-length = "; rm -rf /"\n',
        b"[tool.black]\nline-length = 100000\n[tool.ruff]\nformat = 3\nindent-width = true\n",
        b'[tool.ruff.format]\nquote-style = "none\\" --config x"\n',
        b"a = " + b"[" * 5000,
        b"[tool.black]\nline-length = 100\n" + b"#" * (1 << 17),
    ],
)
def test_nonsense_counts_as_not_there(content: bytes) -> None:
    found = style({"pyproject.toml": content})
    assert {each.width for each in found.formatters} == {88}
    assert {each.quotes for each in found.formatters} <= {Quotes.DOUBLE, Quotes.PRESERVE}


@pytest.mark.parametrize(
    "content", [b"repos: 3", b"repos: [3, {hooks: {id: black}}]", b": : :", b"\xff", b"[" * 900]
)
def test_hooks_that_are_none_are_left_out(content: bytes) -> None:
    assert [each.name for each in style({".pre-commit-config.yaml": content}).formatters] == [OWN]


def test_settings_with_odd_sections_are_left_out() -> None:
    for content in (b"no section\n", b"[flake8]\nmax-line-length = %(x)s\n", b"\xff"):
        assert style({"setup.cfg": content}).width is None
