"""The index holds what the text of the files tells for certain, and nothing that is in them can harm."""

import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfbot.optimizer.indexing import proposed_sql
from perfbot.optimizer.project_index import (
    IndexUnavailable,
    Kind,
    Link,
    Manner,
    ProjectIndex,
    QueryRefused,
)

SHOP = {
    "shop/__init__.py": '"""A shop."""\nfrom shop.prices import total as total\nfrom .stock import *\n',
    "shop/prices.py": '''\
"""What things cost."""
import functools
import numpy as np
from shop.base import Priced

LIMIT = 3


def total(items, *, limit: int = LIMIT) -> float:
    """Add up prices.

    More of it.
    """
    return sum(each.price() for each in items[:limit]) + np.linalg.norm(items)


@functools.cache
def _cheapest(items):
    return min(items)


class Basket(Priced):
    """What is bought."""

    size = 0

    def __init__(self, items):
        self.items = items
        self.first = Priced()

    def price(self):
        def inner(each):
            return total([each])

        return total(self.items) + inner(1) + self.first.base_price() + self.base_price()

    @property
    def cheapest(self):
        return _cheapest(self.items)
''',
    "shop/base.py": """\
class Priced:
    def base_price(self):
        return 1

    def very_own(self): ...
""",
    "shop/stock.py": """\
import shop
from shop.prices import Basket


def value(basket: Basket, other):
    other.very_own()
    return basket.price() + shop.total([]) + Basket([]).price()
""",
    "tests/test_prices.py": """\
import shop


def test_total():
    assert shop.total([]) == 0


def test_value():
    assert shop.value(None, None)
""",
}


def written(root: Path, files: Mapping[str, str | bytes]) -> list[str]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(files)


def indexed(root: Path, files: Mapping[str, str | bytes]) -> ProjectIndex:
    index = ProjectIndex.open(":memory:")
    index.update(root, written(root, files))
    return index


@pytest.fixture
def shop(tmp_path: Path) -> ProjectIndex:
    return indexed(tmp_path, SHOP)


def places(links: tuple[Link, ...]) -> list[tuple[str, tuple[int, ...], bool]]:
    return [(link.symbol.qualname, link.lines, link.certain) for link in links]


# What is defined


def test_a_definition_has_its_signature_lines_and_the_docstrings_first_line(
    shop: ProjectIndex,
) -> None:
    found = shop.definition("shop/prices.py", "total")
    assert found is not None
    assert found.signature == "def total(items, *, limit: int=LIMIT) -> float"
    assert (found.kind, found.first_line, found.end_line) == (Kind.FUNCTION, 9, 14)
    assert found.docstring == "Add up prices."
    assert found.is_public


def test_the_source_of_a_symbol_has_its_decorators(shop: ProjectIndex) -> None:
    found = shop.definition("shop/prices.py", "_cheapest")
    assert found is not None
    assert shop.source(found).startswith("@functools.cache\ndef _cheapest(items):")
    assert not found.is_public
    assert found.decorators == "@functools.cache"


def test_the_source_is_that_which_was_indexed(shop: ProjectIndex, tmp_path: Path) -> None:
    found = shop.definition("shop/base.py", "Priced.base_price")
    (tmp_path / "shop/base.py").write_text("")
    assert found is not None
    assert shop.source(found) == "    def base_price(self):\n        return 1"


def test_the_locals_part_of_a_qualname_may_be_left_out(shop: ProjectIndex) -> None:
    found = shop.definition("shop/prices.py", "Basket.price.inner")
    assert found is not None
    assert found.qualname == "Basket.price.<locals>.inner"
    assert found.parent == "Basket.price"


def test_of_namesakes_the_last_one_counts(tmp_path: Path) -> None:
    index = indexed(tmp_path, {"a.py": "def f(): return 1\ndef f(x): return 2\n"})
    found = index.definition("a.py", "f")
    assert found is not None
    assert found.first_line == 2


def test_what_is_not_there_is_nothing(shop: ProjectIndex) -> None:
    assert shop.definition("shop/prices.py", "nope") is None
    assert shop.definition("nope.py", "total") is None
    assert shop.callers("nope.py", "total") == shop.callees("nope.py", "x") == ()
    assert shop.members("nope.py", "x") == shop.subclasses("nope.py", "x") == ()
    assert shop.references("nope") == shop.symbols("nope") == ()


def test_members_are_methods_properties_and_attributes(shop: ProjectIndex) -> None:
    members = {each.name: each.kind for each in shop.members("shop/prices.py", "Basket")}
    assert members == {
        "size": Kind.ATTRIBUTE,
        "__init__": Kind.METHOD,
        "items": Kind.ATTRIBUTE,
        "first": Kind.ATTRIBUTE,
        "price": Kind.METHOD,
        "cheapest": Kind.PROPERTY,
    }


def test_a_module_says_what_it_exports(tmp_path: Path) -> None:
    index = indexed(tmp_path, {"a.py": "__all__ = ['f']\ndef f(): ...\ndef g(): ...\n"})
    assert [each.is_public for each in index.symbols_of("a.py")] == [False, True, False]


# Who uses what


def test_callers_are_found_through_imports_reexports_and_stars(shop: ProjectIndex) -> None:
    assert places(shop.callers("shop/prices.py", "total")) == [
        ("Basket.price", (35,), True),
        ("Basket.price.<locals>.inner", (33,), True),
        ("value", (7,), True),
        ("test_total", (5,), True),
    ]
    assert places(shop.callers("shop/stock.py", "value")) == [("test_value", (9,), True)]


def test_methods_are_found_through_self_bases_annotations_and_constructors(
    shop: ProjectIndex,
) -> None:
    assert places(shop.callers("shop/base.py", "Priced.base_price")) == [
        ("Basket.price", (35,), True)
    ]
    assert ("value", (7,), True) in places(shop.callers("shop/prices.py", "Basket.price"))


def test_an_attribute_of_something_unknown_is_a_guess_where_only_one_has_the_name(
    shop: ProjectIndex,
) -> None:
    assert places(shop.callers("shop/base.py", "Priced.very_own")) == [("value", (6,), False)]
    assert ("Priced.very_own", (6,), False) in places(shop.callees("shop/stock.py", "value"))


def test_who_makes_an_object_calls_its_init(shop: ProjectIndex) -> None:
    assert places(shop.callers("shop/prices.py", "Basket.__init__")) == [("value", (7,), True)]


def test_callees_include_those_of_functions_inside(shop: ProjectIndex) -> None:
    callees = [link.symbol.qualname for link in shop.callees("shop/prices.py", "Basket.price")]
    assert callees == ["Priced.base_price", "total", "Basket.price.<locals>.inner"]


def test_references_tell_what_they_mean(shop: ProjectIndex) -> None:
    found = [(each.path, each.line, each.manner, each.target) for each in shop.references("LIMIT")]
    assert found == [("shop/prices.py", 9, Manner.READ, shop.definition("shop/prices.py", "LIMIT"))]
    assert [each.target for each in shop.references("norm")] == [None]


def test_a_local_variable_hides_the_function_of_that_name(tmp_path: Path) -> None:
    code = "def f(): ...\ndef g(f):\n    f()\ndef h():\n    for f in []: f()\ndef k(): f()\n"
    index = indexed(tmp_path, {"a.py": code})
    assert [link.symbol.qualname for link in index.callers("a.py", "f")] == ["k"]


def test_a_method_is_not_seen_from_another_methods_body_without_self(tmp_path: Path) -> None:
    code = "class A:\n    def f(self): ...\n    def g(self):\n        f()\n"
    index = indexed(tmp_path, {"a.py": code})
    assert index.callers("a.py", "A.f") == ()


def test_a_name_with_two_origins_is_not_certain(tmp_path: Path) -> None:
    files = {
        "a.py": "def f(): ...\n",
        "b.py": "def f(): ...\n",
        "c.py": "try:\n    from a import f\nexcept ImportError:\n    from b import f\nf()\n",
    }
    index = indexed(tmp_path, files)
    assert index.callers("a.py", "f") == index.callers("b.py", "f") == ()


def test_a_variable_that_holds_two_classes_is_not_certain(tmp_path: Path) -> None:
    code = (
        "class A:\n    def go(self): ...\nclass B:\n    def go(self): ...\n"
        "def f(flag):\n    x = A()\n    if flag:\n        x = B()\n    x.go()\n"
        "def g():\n    x = A()\n    x.go()\n"
    )
    index = indexed(tmp_path, {"a.py": code})
    assert places(index.callers("a.py", "A.go")) == [("g", (12,), True)]
    assert index.callers("a.py", "B.go") == ()


def test_a_method_that_a_foreign_base_may_override_is_not_certain(tmp_path: Path) -> None:
    code = (
        "from elsewhere import Foreign\nclass Own:\n    def go(self): ...\n    def go2(self): ...\n"
        "class A(Foreign, Own):\n    def f(self): self.go()\n"
        "class B(Own, Foreign):\n    def f(self): self.go2()\n"
    )
    index = indexed(tmp_path, {"a.py": code})
    assert index.callers("a.py", "Own.go") == ()
    assert places(index.callers("a.py", "Own.go2")) == [("B.f", (8,), True)]


def test_super_means_the_bases(tmp_path: Path) -> None:
    code = "class A:\n    def f(self): ...\nclass B(A):\n    def f(self): super().f()\n"
    index = indexed(tmp_path, {"a.py": code})
    assert places(index.callers("a.py", "A.f")) == [("B.f", (4,), True)]
    assert index.callers("a.py", "B.f") == ()


def test_relative_imports_are_of_the_package(tmp_path: Path) -> None:
    files = {
        "p/__init__.py": "",
        "p/a.py": "def f(): ...\n",
        "p/q/__init__.py": "",
        "p/q/b.py": "from ..a import f\nfrom ... import far\nf()\n",
    }
    index = indexed(tmp_path, files)
    assert places(index.callers("p/a.py", "f")) == [("<module>", (3,), True)]
    assert [each.module for each in index.imports_of("p/q/b.py")] == ["p.a", "..."]


def test_folders_that_are_installed_under_another_name_are_known_by_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.setuptools.package-dir]\n"brand.core" = "core"\n'
    )
    files = {"core/a.py": "def f(): ...\n", "use.py": "from brand.core.a import f\nf()\n"}
    index = indexed(tmp_path, files)
    assert places(index.callers("core/a.py", "f")) == [("<module>", (2,), True)]


def test_imports_are_told_in_order(shop: ProjectIndex) -> None:
    found = [(each.module, each.name, each.local) for each in shop.imports_of("shop/prices.py")]
    assert found == [
        ("functools", "", "functools"),
        ("numpy", "", "np"),
        ("shop.base", "Priced", "Priced"),
    ]


def test_subclasses_are_found_across_files(shop: ProjectIndex) -> None:
    assert [each.qualname for each in shop.subclasses("shop/base.py", "Priced")] == ["Basket"]


def test_tests_that_name_a_function_are_found(shop: ProjectIndex) -> None:
    found = shop.tests_naming("shop/prices.py", "total")
    assert [each.qualname for each in found] == ["test_total"]


def test_a_misspelt_name_finds_the_one_that_was_meant(shop: ProjectIndex) -> None:
    assert shop.nearest_names("totla")[0].qualname == "total"
    assert shop.nearest_names("baset")[0].qualname == "Basket"
    assert shop.nearest_names("zzzzzzzz") == ()


# Up to date


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    index = ProjectIndex.open(tmp_path / "index.db")
    paths = written(tmp_path, SHOP)
    assert index.update(tmp_path, paths).added == tuple(sorted(paths))
    again = index.update(tmp_path, paths)
    assert again.added == again.changed == again.removed == ()
    (tmp_path / "shop/base.py").write_text("def new(): ...\n")
    (tmp_path / "shop/stock.py").unlink()
    after = index.update(tmp_path, [path for path in paths if path != "shop/stock.py"])
    assert (after.changed, after.removed) == (("shop/base.py",), ("shop/stock.py",))
    assert index.symbols("value") == ()


def test_a_refresh_leaves_other_files_alone(shop: ProjectIndex, tmp_path: Path) -> None:
    (tmp_path / "shop/base.py").write_text("class Priced: ...\n")
    (tmp_path / "shop/stock.py").unlink()
    updated = shop.refresh(tmp_path, ["shop/base.py", "shop/stock.py"])
    assert (updated.changed, updated.removed) == (("shop/base.py",), ("shop/stock.py",))
    assert shop.symbols("base_price") == ()
    assert len(shop.symbols("total")) == 1


PIECES = (
    "def f(): ...",
    "def f():\n    return g()",
    "from b import f",
    "from a import g as f",
    "from b import *",
    "import a",
    "import c as b",
    "class K:\n    def m(self): self.n()\n    def n(self): ...",
    "class K(L): ...",
    "class L:\n    def n(self): ...",
    "from c import L",
    "x = K()",
    "x = L()",
    "f(); x.m(); x.n(); a.f(); b.f(); K().n(); a.x.n()",
    "def g(k: K): k.m(); k.n()",
)
MODULES = st.dictionaries(
    st.sampled_from(["a.py", "b.py", "c.py"]),
    st.lists(st.sampled_from(PIECES), max_size=6).map("\n".join),
)


def everything(index: ProjectIndex) -> list[object]:
    """Return all rows as the views show them, independent of the order of insertion."""
    found: list[object] = []
    for view in ("files", "symbols", "imports", "uses", "bases"):
        rows = index._rows(f"SELECT * FROM {view}", [])
        found.append(sorted(map(repr, rows)))
    return found


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(MODULES, min_size=2, max_size=4))
def test_an_updated_index_is_the_one_that_would_be_made_anew(
    tmp_path_factory: pytest.TempPathFactory, versions: list[dict[str, str]]
) -> None:
    root = tmp_path_factory.mktemp("project")
    with ProjectIndex.open(":memory:") as kept:
        for files in versions:
            kept.update(root, written(root, files))
            with ProjectIndex.open(":memory:") as fresh:
                fresh.update(root, list(files))
                assert everything(kept) == everything(fresh)


def test_many_files_are_read_by_several_processes(tmp_path: Path) -> None:
    files = {f"m{number}.py": f"def f{number}(): ...\n" for number in range(100)}
    index = indexed(tmp_path, {**files, "broken.py": "def"})
    assert [each.path for each in index.unread()] == ["broken.py"]
    assert len(index.symbols("f99")) == 1


# Files that somebody else wrote


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    files = {
        "good.py": "def good(): ...\n",
        "syntax.py": "def (:\n",
        "latin.py": 'x = "ä"\n'.encode("latin-1"),
        "binary.py": b"x = 1\0",
        "huge.py": "#" * 3_000_000,
        "deep.py": "x = " + "(" * 5000,
        "coding.py": "# coding: nonsense\n",
    }
    paths = written(tmp_path, files)
    (tmp_path / "link.py").symlink_to("/etc/hostname")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "linked").symlink_to("/etc")
    strange = [
        "link.py",
        "folder.py",
        "pipe.py",
        "linked/x.py",
        "../out.py",
        "/etc/x.py",
        "gone.py",
    ]
    index = ProjectIndex.open(":memory:")
    updated = index.update(tmp_path, [*paths, *strange, "name\udcff.py", "notes.txt"])
    assert updated.added == ("good.py",)
    why = {each.path: each.why for each in updated.unread}
    assert set(why) == {*paths, *strange, "name\udcff.py"} - {"good.py"}
    assert "link" in why["link.py"]
    assert "link" in why["linked/x.py"]
    assert "regular" in why["pipe.py"]
    assert "bytes" in why["huge.py"]
    assert "out of the project" in why["../out.py"]
    assert "No such file" in why["gone.py"]
    assert len(index.unread()) == len(updated.unread)


def test_latin_1_is_read_where_the_file_says_so(tmp_path: Path) -> None:
    text = '# coding: latin-1\ndef f():\n    """Größe"""\n'.encode("latin-1")
    index = indexed(tmp_path, {"a.py": text})
    assert index.symbols("f")[0].docstring == "Größe"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_may_in_python(tmp_path: Path, end: str) -> None:
    index = indexed(tmp_path, {"a.py": f"x = 1{end}y = 2{end}def f():{end}    return y{end}"})
    (found,) = index.symbols("f")
    assert found.first_line == 3
    assert index.source(found) == "def f():\n    return y"
    assert index.symbols("y")[0].signature == "y = 2"


@pytest.mark.parametrize(
    "code",
    [
        'def f():\n    "\\ud800"\n',
        "x = " + "+".join("1" * 900),
        "f" + "()" * 90,
        "\n".join(f"x{n} = x{n - 1}.a()" for n in range(1, 2000)),
        "x = y()\ny = x()\nx.a()\ny.b()\n",
        "class A(A): ...\nA().f()\n",
        "from a import *\nf()\n",
        "from a import f\nf()\n",
        "def f() -> 'f': ...\nf().f().f().g()\n",
        "class A:\n" + "".join(f" def f{n}(self): self.f{n + 1}()\n" for n in range(1500)),
        "def " + "f" * 5000 + "(): ...",
        "x = 1\rdef f():\r\n  y = 2\n\f\nz = 3\r",
    ],
    ids=range(12),
)
def test_odd_code_is_indexed_all_the_same(tmp_path: Path, code: str) -> None:
    index = indexed(tmp_path, {"a.py": code})
    assert index.unread() == ()
    assert (
        max(len(each.signature) for each in [*index.symbols_of("a.py"), *index.symbols("a")]) <= 300
    )


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_no_bytes_of_a_file_are_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    root = tmp_path_factory.mktemp("project")
    with indexed(root, {"a.py": data}) as index:
        assert len(index.unread()) + len(index.query("SELECT path FROM files").rows) == 1


# The file of the index


def test_an_index_outlives_its_process(tmp_path: Path) -> None:
    with ProjectIndex.open(tmp_path / "cache" / "index.db") as index:
        index.update(tmp_path, written(tmp_path, SHOP))
    with ProjectIndex.open(tmp_path / "cache" / "index.db") as index:
        assert len(index.symbols("total")) == 1


def _older(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.executescript("PRAGMA application_id = 1; PRAGMA user_version = 0;")
    connection.close()


def _newer(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()


def _half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def _damaged(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4096 : len(data)] = b"\xff" * (len(data) - 4096)
    file.write_bytes(data)


@pytest.mark.parametrize(
    "spoil", [_older, _newer, _half, _damaged, lambda file: file.write_text("no database" * 500)]
)
def test_an_index_that_is_of_no_use_is_made_anew(tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "index.db"
    with ProjectIndex.open(file) as index:
        paths = written(tmp_path, SHOP)
        index.update(tmp_path, paths)
    spoil(file)
    with ProjectIndex.open(file) as index:
        index.update(tmp_path, paths)
        assert len(index.callers("shop/prices.py", "total")) == 4


def test_an_index_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexUnavailable, match="cache folder"):
        ProjectIndex.open(tmp_path / "file" / "index.db")


# What a model proposes


def test_a_model_sees_what_it_asks_for(shop: ProjectIndex) -> None:
    rows = shop.query(
        "SELECT path, inside, line FROM uses WHERE target = 'total' ORDER BY path, line;"
    )
    assert rows.columns == ("path", "inside", "line")
    assert rows.rows[0] == ("shop/prices.py", "Basket.price.<locals>.inner", "33")
    assert not rows.truncated
    assert rows.as_text().splitlines()[1] == "shop/prices.py | Basket.price.<locals>.inner | 33"
    assert shop.query("SELECT 1 WHERE 0").as_text() == "no rows"


def test_the_schema_that_is_shown_is_the_schema_that_there_is(shop: ProjectIndex) -> None:
    from perfbot.optimizer.project_index import SCHEMA_TEXT

    shown = [line for line in SCHEMA_TEXT.splitlines() if not line.startswith(" ")]
    assert len(shown) == 5
    for line in shown:
        view, _, columns = line.rstrip(")").partition("(")
        assert ", ".join(shop.query(f"SELECT * FROM {view}").columns) == columns


def test_rows_and_cells_have_limits(tmp_path: Path) -> None:
    code = "".join(f'def f{n}():\n    """{"long " * 200}"""\n' for n in range(60))
    index = indexed(tmp_path, {"a.py": code})
    rows = index.query("SELECT docstring || docstring FROM symbols WHERE kind = 'function'")
    assert len(rows.rows) == 50
    assert rows.truncated
    assert max(len(cell) for row in rows.rows for cell in row) == 300
    assert len(rows.as_text(1000)) < 1100
    assert "left out" in rows.as_text(1000)


ATTACKS = (
    "",
    ";",
    "-- nothing",
    "SELECT 1; DROP TABLE file",
    "INSERT INTO file VALUES (1, 'x', '', x'', 1, 0)",
    "WITH x AS (SELECT 1) DELETE FROM file",
    "WITH x AS (SELECT 1) INSERT INTO unread SELECT 'a', 'b'",
    "UPDATE symbol SET name = 'x'",
    "DROP VIEW files",
    "CREATE TEMP TABLE x (y)",
    "ATTACH DATABASE '/tmp/x.db' AS x",
    "VACUUM INTO '/tmp/x.db'",
    "PRAGMA query_only = OFF",
    "PRAGMA table_info(file)",
    "SELECT * FROM pragma_table_info('file')",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM sqlite_schema",
    "SELECT text FROM source",
    "WITH files AS (SELECT text FROM source) SELECT * FROM files",
    "SELECT (SELECT text FROM source LIMIT 1) FROM files",
    "SELECT vector FROM embedding",
    "SELECT * FROM word WHERE word MATCH 'a'",
    "SELECT * FROM word_data",
    "SELECT * FROM fts5vocab",
    "SELECT load_extension('/tmp/x.so')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('/tmp/x', 'y')",
    "SELECT sqlite_version()",
    "SELECT randomblob(900000000)",
    "SELECT zeroblob(900000000)",
    "SELECT printf('%.*c', 900000000, 'x')",
    "SELECT format('%.*c', 900000000, 'x')",
    "SELECT hex(zeroblob(100000000))",
    "SELECT char(1, 2)",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    "SELECT count(*) FROM uses a, uses b, uses c, uses d, uses e",
    "SELECT " + "(" * 3000 + "1" + ")" * 3000,
    "SELECT " + " + ".join("1" * 1500),
    "SELECT 1 " + "UNION ALL SELECT 1 " * 200,
    "SELECT '" + "x" * 10_000 + "'",
    "SELECT * FROM files WHERE path LIKE '" + "%a" * 200 + "'",
    "SELECT group_concat(a.path) FROM uses a, uses b, uses c, uses d",
    "SELECT nope FROM files",
    "SELECT * FROM functions",
    "SELECT ?",
    "SELECT :name",
    "SELECT '\ud800'",
    "SELECT 1\0; DROP TABLE file",
    "EXPLAIN SELECT * FROM files",
    "VALUES (1)",
    "BEGIN",
    "SELECT * FROM files AS a JOIN json_each('[1]')",
    "rm -rf /",
    "SELECT fts5('x')",
    "SELECT bm25(word) FROM word",
)


@pytest.mark.parametrize("sql", ATTACKS, ids=range(len(ATTACKS)))
def test_what_is_no_modest_select_over_the_index_is_refused_in_a_sentence(
    shop: ProjectIndex, sql: str
) -> None:
    before = everything(shop)
    with pytest.raises(QueryRefused, match=r"^this query was refused: ."):
        shop.query(sql)
    assert everything(shop) == before


def test_a_query_of_a_file_cannot_write_even_without_its_guard(tmp_path: Path) -> None:
    with ProjectIndex.open(tmp_path / "index.db") as index:
        index.update(tmp_path, written(tmp_path, SHOP))
        with (
            proposed_sql.read_only(index._address) as connection,
            pytest.raises(sqlite3.OperationalError, match="readonly"),
        ):
            connection.execute("DELETE FROM file")
        connection.close()


WORDS = st.sampled_from(
    (
        "SELECT FROM WHERE files symbols uses bases imports source embedding word sqlite_master path "
        "name count(*) * , ( ) = 'x' 1 AND OR LIKE GROUP BY ORDER LIMIT UNION ALL JOIN ON WITH "
        "RECURSIVE AS n PRAGMA ATTACH DELETE INSERT INTO VALUES hex load_extension ; -- /* */ NULL x'ff' "
        "CAST TEXT || . OVER PARTITION EXISTS CASE WHEN THEN END"
    ).split()
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(WORDS, max_size=14).map(lambda each: "SELECT " + " ".join(each)) | st.text(max_size=60)
)
def test_whatever_is_asked_is_answered_or_refused(shop: ProjectIndex, sql: str) -> None:
    try:
        rows = shop.query(sql)
    except QueryRefused:
        return
    assert len(rows.rows) <= 50
    assert all(isinstance(cell, str) and len(cell) <= 300 for row in rows.rows for cell in row)
    assert "source" not in sql or "text" not in rows.columns
