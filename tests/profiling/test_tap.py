"""The tap reaches exactly the function that stands in the source, and changes nothing else."""

import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from perfbot.profiling.inside import tap

INSIDE = Path(tap.__file__).parent
SOURCE = """\
import functools


def doubled(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return 2 * function(*arguments)
    return wrapper


@doubled
@doubled
def decorated(x):
    return x + 1


def again(x):
    return "first"


def again(x):
    return "second"


if True:
    def conditional(x):
        return "in an if"


class Box:
    @property
    def value(self):
        return "value"

    @classmethod
    def of(cls, x):
        return cls

    @staticmethod
    def plain(x):
        return x

    @functools.cached_property
    def late(self):
        return "late"

    def outer(self):
        def inner(x):
            return "inner"
        return inner

    class Nested:
        def deep(self):
            raise KeyError("deep")


async def waits(x):
    return x


def yields(x):
    yield x


def fails(x):
    raise ValueError(x)
"""


@pytest.fixture
def executed():
    """Execute a module with taps; return its names and the functions that were reached, by key."""

    def execute(*qualnames: str, wrap=None):
        found = {}

        def note(key, function):
            found[key.partition("::")[2]] = function
            return wrap(function) if wrap else function

        names: dict = {"__name__": "tapped"}
        tap._wrap = note
        exec(tap.tapped(SOURCE.encode(), "/tree/m.py", "m.py", qualnames), names)
        return names, found

    yield execute
    tap._wrap = None


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """The decorator that the hook adds imports the module by its name in a target."""
    monkeypatch.setitem(sys.modules, "_perfbot_inside.tap", tap)


def test_a_decorated_function_is_reached_below_its_decorators(executed):
    names, found = executed("decorated")
    assert found["decorated"](1) == 2
    assert names["decorated"](1) == 8


def test_a_wrapped_function_is_called_through_its_decorators(executed):
    names, _ = executed("decorated", wrap=lambda function: lambda x: 10 + function(x))
    assert names["decorated"](1) == 4 * 12


@pytest.mark.parametrize(
    ("qualname", "arguments"),
    [
        ("Box.value", ("self",)),
        ("Box.of", ("cls", 1)),
        ("Box.plain", (1,)),
        ("Box.late", ("self",)),
    ],
)
def test_methods_are_reached_below_their_descriptors(executed, qualname, arguments):
    names, found = executed(qualname)
    assert found[qualname].__qualname__ == qualname
    assert found[qualname](*arguments)
    assert isinstance(vars(names["Box"])["value"], property)


def test_of_definitions_with_one_name_the_last_is_meant(executed):
    _, found = executed("again")
    assert found["again"](0) == "second"


def test_a_line_tells_definitions_apart(executed):
    line = SOURCE.splitlines().index("def again(x):") + 1
    _, found = executed(f"again@{line}")
    assert found[f"again@{line}"](0) == "first"


def test_definitions_inside_statements_are_found(executed):
    _, found = executed("conditional")
    assert found["conditional"](0) == "in an if"


@pytest.mark.parametrize("name", ["Box.outer.inner", "Box.outer.<locals>.inner"])
def test_a_nested_function_is_reached_each_time_it_is_made(executed, name):
    names, found = executed(name)
    assert not found
    names["Box"]().outer()
    assert found[name](0) == "inner"


@pytest.mark.parametrize("qualname", ["waits", "yields", "Box.Nested.deep"])
def test_coroutines_generators_and_nested_classes_are_reached(executed, qualname):
    _, found = executed(qualname)
    assert found[qualname].__qualname__ == qualname


def test_a_name_that_is_no_function_is_left_alone(executed):
    _, found = executed("Box", "missing", "Box.missing")
    assert not found


@pytest.mark.parametrize("qualname", ["decorated", "fails", "Box.value"])
def test_line_numbers_stay(executed, qualname):
    plain: dict = {"__name__": "plain"}
    exec(compile(SOURCE, "/tree/m.py", "exec"), plain)
    _, found = executed(qualname)
    expected = plain["Box"].value.fget if qualname == "Box.value" else plain[qualname]
    while hasattr(expected, "__wrapped__"):
        expected = expected.__wrapped__
    assert found[qualname].__code__.co_firstlineno == expected.__code__.co_firstlineno
    assert list(found[qualname].__code__.co_lines()) == list(expected.__code__.co_lines())


def test_tracebacks_name_the_line_of_the_source(executed):
    names, _ = executed("fails")
    with pytest.raises(ValueError, match="1") as caught:
        names["fails"](1)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, SOURCE.splitlines()[last.lineno - 1].strip()) == (
        "/tree/m.py",
        "raise ValueError(x)",
    )


PROGRAM = """\
import importlib.machinery, importlib.util, json, sys
spec = importlib.machinery.ModuleSpec("_perfbot_inside", None, is_package=True)
spec.submodule_search_locations = [{inside!r}]
sys.modules["_perfbot_inside"] = importlib.util.module_from_spec(spec)
from _perfbot_inside import tap
sys.path[:0] = {path!r}
try:
    function = tap.reach({tree!r}, {roots!r}, {file!r}, "f", {modules!r})
except LookupError as error:
    print(error)
else:
    print(function.__code__.co_filename, function())
"""


def reached(tree: Path, file: str, *modules: str, roots=(".",), path=()) -> str:
    program = PROGRAM.format(
        inside=str(INSIDE), path=list(map(str, path)), tree=str(tree), roots=list(roots), file=file,
        modules=list(modules),
    )  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_copy_is_imported_before_an_installed_one(tmp_path):
    file = write(tmp_path / "copy/pkg/m.py", "def f():\n    return 'copy'\n")
    write(tmp_path / "copy/pkg/__init__.py", "")
    write(tmp_path / "site/pkg/m.py", "def f():\n    return 'installed'\n")
    write(tmp_path / "site/pkg/__init__.py", "")
    found = reached(tmp_path / "copy", "pkg/m.py", "pkg.m", path=[tmp_path / "site"])
    assert found == f"{file} copy"


def test_the_copy_is_imported_before_an_editable_install(tmp_path):
    """Editable installs put a finder of their own at the front of ``sys.meta_path``."""
    file = write(tmp_path / "copy/src/solo.py", "def f():\n    return 'copy'\n")
    elsewhere = write(tmp_path / "checkout/solo.py", "def f():\n    return 'checkout'\n")
    write(
        tmp_path / "site/sitecustomize.py",
        "import sys, importlib.util\n"
        "class Editable:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        known = name == 'solo' and {str(elsewhere)!r}\n"
        "        return importlib.util.spec_from_file_location(name, known) if known else None\n"
        "sys.meta_path.insert(0, Editable)\n",
    )
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import sitecustomize\n"
    program += PROGRAM.format(
        inside=str(INSIDE), path=[], tree=str(tmp_path / "copy"), roots=["src"], file="src/solo.py",
        modules=["solo"],
    )  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == f"{file} copy"


def test_namespace_packages_are_reached(tmp_path):
    file = write(tmp_path / "copy/space/part/m.py", "def f():\n    return 'space'\n")
    found = reached(tmp_path / "copy", "space/part/m.py", "space.part.m", path=[tmp_path / "copy"])
    assert found == f"{file} space"


def test_the_next_name_is_tried_where_the_first_defines_nothing(tmp_path):
    write(tmp_path / "copy/other.py", "")
    file = write(tmp_path / "copy/m.py", "def f():\n    return 'm'\n")
    assert reached(tmp_path / "copy", "m.py", "other", "m") == f"{file} m"


def test_a_function_that_no_module_defines_is_said_to_be_missing(tmp_path):
    write(tmp_path / "copy/m.py", "x = 1\n")
    assert "was not defined" in reached(tmp_path / "copy", "m.py", "m")


def test_a_stale_bytecode_file_is_not_used(tmp_path):
    file = write(tmp_path / "copy/m.py", "def f():\n    return 'old'\n")
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(file)], check=True)
    assert reached(tmp_path / "copy", "m.py", "m") == f"{file} old"
