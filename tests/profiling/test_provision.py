"""An environment is built once, whole, from the metadata, and never hides the copy under judgement."""

import io
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from perfbot.profiling.environment import Interpreter, NoInterpreter
from perfbot.profiling.install_policy import Network, Policy, Trust
from perfbot.profiling.provision import build, built_files
from perfbot.profiling.sandbox import Command, Completed, Sandbox, SandboxError, strongest
from perfbot.profiling.tree import export

WHEELS, NETWORK = Policy(network=Network.WHEELS_ONLY), Policy(network=Network.NETWORK)
PROJECT = '[project]\nname = "corner.shop"\nversion = "1.2"\n'
# A build backend in the tree, so that building needs no network; it makes what a real one makes.
BACKEND = """\
import os, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "corner_shop-1.2-py3-none-any.whl"
    info = "corner_shop-1.2.dist-info"
    version = os.environ["SETUPTOOLS_SCM_PRETEND_VERSION"]
    files = {
        "shop/__init__.py": open("src/shop/__init__.py").read(),
        "shop/_version.py": f"version = {version!r}\\n",
        "shop/_speed.so": "machine code",
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: corner.shop\\nVersion: 1.2\\n"
            "Requires-Dist: shelf\\nProvides-Extra: test\\nRequires-Dist: till; extra == 'test'\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{info}/entry_points.txt": "[console_scripts]\\nshop = shop:main\\n",
    }
    record = "".join(f"{each},,\\n" for each in files) + f"{info}/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for each, text in (files | {f"{info}/RECORD": record}).items():
            wheel.writestr(each, text)
    return name
"""
FILES = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
    'backend-path = ["."]\n[project]\nname = "corner.shop"\ndynamic = ["version", "dependencies"]\n'
    'optional-dependencies = {test = ["till"]}\n',
    "backend.py": BACKEND,
    "src/shop/__init__.py": "def main(): print('sold')\n",
    "PKG-INFO": "Version: 1.2\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def wheel(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{each},,\n" for each in files) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for each, text in (files | {f"{info}/RECORD": record}).items():
            archive.writestr(each, text)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    try:
        return strongest()
    except SandboxError:
        return strongest(trust=True)


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages, the only place that installers look at."""
    folder = tmp_path_factory.mktemp("shelves")
    wheel(folder, "shelf")
    wheel(folder, "till")
    return folder


def make(
    repository: Path,
    sandbox: Sandbox,
    *,
    install: str | None = None,
    policy: Policy = WHEELS,
    **environ: str,
) -> Interpreter:
    cache = repository.parent / "cache"
    base = Path(sys.executable)
    return build(repository, cache, sandbox, base, install, policy, {"PATH": os.defpath, **environ})


def python(sandbox: Sandbox, interpreter: Interpreter, code: str) -> str:
    argv = (str(interpreter.executable), "-c", code)
    completed = sandbox.run(Command(argv, Path("/"), interpreter.readable))
    return (completed.stdout + completed.stderr).decode().strip()


def test_a_project_without_needs_is_ready_without_network(tmp_path: Path, sandbox: Sandbox) -> None:
    text = PROJECT + 'scripts = {shop = "shop:main"}\n[project.entry-points.shops]\nx = "shop"\n'
    repository = write(tmp_path / "repository", {"pyproject.toml": text, "shop.py": "x = 1"})
    interpreter = make(repository, sandbox)
    assert interpreter.packages == {"corner-shop": "1.2"}
    assert interpreter.built is None
    code = "from importlib.metadata import *; print(version('corner.shop'), *entry_points(group='shops'))"
    assert python(sandbox, interpreter, code).startswith("1.2 EntryPoint(name='x', value='shop'")
    assert "No module" in python(sandbox, interpreter, "import shop")


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox, shelves: Path
) -> tuple[Path, Interpreter]:
    repository = write(tmp_path_factory.mktemp("work") / "repository", FILES)
    environ = {"PIP_FIND_LINKS": str(shelves), "PIP_NO_INDEX": "1"}
    return repository, make(repository, sandbox, **environ)


def test_what_the_project_and_its_tests_need_is_installed(shop: tuple[Path, Interpreter]) -> None:
    packages = shop[1].packages
    assert {name: packages[name] for name in ("shelf", "till", "corner-shop")} == {
        "shelf": "1.0",
        "till": "1.0",
        "corner-shop": "1.2",
    }


def test_of_the_project_only_metadata_and_scripts_stay(
    shop: tuple[Path, Interpreter], sandbox: Sandbox
) -> None:
    interpreter = shop[1]
    assert "No module" in python(sandbox, interpreter, "import shop")
    site = next(interpreter.prefix.glob("lib/python*/site-packages"))
    assert not (site / "shop").exists()
    record = (site / "corner_shop-1.2.dist-info" / "RECORD").read_text()
    assert "shop/__init__.py" not in record
    assert "METADATA" in record
    assert (interpreter.prefix / "bin" / "shop").is_file()


def test_files_that_only_the_build_makes_go_into_the_copy(
    shop: tuple[Path, Interpreter], tmp_path: Path
) -> None:
    repository, interpreter = shop
    built = built_files(interpreter)
    assert built == {
        "src/shop/_version.py": b"version = '1.2'\n",
        "src/shop/_speed.so": b"machine code",
    }
    copy = export(repository, tmp_path / "copy", built)
    assert set(built) < set(copy.files)
    assert (copy.root / "src/shop/_version.py").is_file()
    assert not (repository / "src/shop/_version.py").exists()


def test_files_of_the_repository_are_never_replaced(tmp_path: Path) -> None:
    repository = write(tmp_path / "repository", FILES)
    (repository / "link").symlink_to("src")
    added = {"src/shop/__init__.py": b"", "link/x.py": b"", "new/x.py": b"1"}
    copy = export(repository, tmp_path / "copy", added)
    assert set(copy.files) - {*FILES} == {"new/x.py"}
    assert (copy.root / "src/shop/__init__.py").stat().st_size > 0


def test_the_repository_is_left_as_it_was(shop: tuple[Path, Interpreter]) -> None:
    found = {path.relative_to(shop[0]).as_posix() for path in shop[0].rglob("*") if path.is_file()}
    assert found == set(FILES)


class Counting:
    """The real sandbox, with a note of each program that was run."""

    def __init__(self, inner: Sandbox) -> None:
        self.inner = inner
        self.level = inner.level
        self.programs: list[tuple[str, ...]] = []

    def run(self, command: Command) -> Completed:
        self.programs.append(command.argv)
        return self.inner.run(command)

    def builds(self) -> int:
        return sum("venv" in argv for argv in self.programs)


def test_one_build_serves_until_something_that_decides_changes(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    repository = write(tmp_path / "repository", {"pyproject.toml": PROJECT, "shop.py": ""})
    counting = Counting(sandbox)
    first = make(repository, counting)
    (repository / "shop.py").write_text("x = 1")
    assert make(repository, counting) == first
    assert counting.builds() == 1
    assert make(repository, counting, policy=Policy(Trust.FORK)).prefix != first.prefix
    (repository / "pyproject.toml").write_text(PROJECT.replace("1.2", "1.3"))
    assert make(repository, counting).packages == {"corner-shop": "1.3"}
    assert counting.builds() == 3


def test_an_interrupted_build_is_begun_afresh(tmp_path: Path, sandbox: Sandbox) -> None:
    class Interrupted(Counting):
        def run(self, command: Command) -> Completed:
            completed = super().run(command)
            if "venv" in command.argv:
                raise KeyboardInterrupt
            return completed

    repository = write(tmp_path / "repository", {"pyproject.toml": PROJECT, "shop.py": ""})
    with pytest.raises(KeyboardInterrupt):
        make(repository, Interrupted(sandbox))
    assert make(repository, sandbox).packages == {"corner-shop": "1.2"}


def test_an_install_that_fails_shows_its_last_lines(tmp_path: Path, sandbox: Sandbox) -> None:
    repository = write(tmp_path / "repository", {"shop.py": ""})
    with pytest.raises(NoInterpreter, match=r"(?s)no compiler.*workload: \{install:"):
        make(repository, sandbox, install="sh -c 'true && echo no compiler >&2; exit 1'")


def test_a_version_of_python_that_does_not_fit_is_named(tmp_path: Path, sandbox: Sandbox) -> None:
    text = PROJECT + 'requires-python = ">=3.99"\n'
    repository = write(tmp_path / "repository", {"pyproject.toml": text})
    with pytest.raises(NoInterpreter, match=r"needs Python >=3\.99"):
        make(repository, sandbox)
    with pytest.raises(NoInterpreter, match="on PATH"):
        build(repository, tmp_path / "cache", sandbox, None, None, WHEELS, {"PATH": ""})


class Watching(Counting):
    """The real sandbox, with a note of each command."""

    def __init__(self, inner: Sandbox) -> None:
        super().__init__(inner)
        self.commands: list[Command] = []

    def run(self, command: Command) -> Completed:
        self.commands.append(command)
        return super().run(command)

    def sees_source(self, command: Command) -> bool:
        granted = (*command.readable, *command.writable)
        sources = [each.cwd for each in self.commands if each.cwd.name == "source"]
        return any(source.is_relative_to(path) for source in sources for path in granted)


def test_credentials_are_not_passed_to_build_scripts(
    tmp_path: Path, sandbox: Sandbox, shelves: Path
) -> None:
    repository = write(tmp_path / "repository", {"shop.py": "", "requirements.txt": "shelf\n"})
    watching = Watching(sandbox)
    make(
        repository,
        watching,
        PIP_INDEX_URL="https://user:secret@packages.example/simple",
        PIP_FIND_LINKS=str(shelves),
        PIP_NO_INDEX="1",
        HTTPS_PROXY="http://proxy.example:3128",
        GITHUB_TOKEN="secret",
    )
    environments = [dict(each.environment) for each in watching.commands]
    assert any("HTTPS_PROXY" in each for each in environments)
    assert not any("secret" in value for each in environments for value in each.values())


def test_nobodys_code_runs_with_network_where_wheels_do(
    tmp_path: Path, sandbox: Sandbox, shelves: Path
) -> None:
    """With network runs the fetching of wheels alone, which sees nothing of the repository."""
    watching = Watching(sandbox)
    repository = write(tmp_path / "repository", FILES)
    make(repository, watching, PIP_FIND_LINKS=str(shelves), PIP_NO_INDEX="1")
    online = [each for each in watching.commands if each.network]
    assert online
    for command in online:
        assert command.argv[1:4] == ("-m", "pip", "download")
        assert ("--only-binary", ":all:") in zip(command.argv, command.argv[1:], strict=False)
        assert not watching.sees_source(command)
    assert any(watching.sees_source(each) for each in watching.commands)


SPYING_BACKEND = """\
import os, pathlib, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return []

def readable(path):
    try:
        path.read_bytes()
    except OSError:
        return False  # Landlock hides no names, only what is in files and folders
    return True

def build_wheel(folder, config_settings=None, metadata_directory=None):
    found = [path for root in ({roots!r}) for path in pathlib.Path(root).rglob("shop.py")]
    seen = [str(path) for path in found if readable(path)]
    info = "crate-1.0.dist-info"
    files = {{
        "crate.py": f"seen = {{seen!r}}\\n",
        f"{{info}}/METADATA": "Metadata-Version: 2.1\\nName: crate\\nVersion: 1.0\\n",
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{{info}}/RECORD": "",
    }}
    name = "crate-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for each, text in files.items():
            wheel.writestr(each, text)
    return name
"""


def source_distribution(folder: Path, roots: list[str]) -> None:
    """Pack a project whose build looks for the source of whoever installs it."""
    folder.mkdir()
    settings = '[build-system]\nrequires = []\nbuild-backend = "spy"\nbackend-path = ["."]\n'
    files = {
        "pyproject.toml": settings + '[project]\nname = "crate"\nversion = "1.0"\n',
        "spy.py": SPYING_BACKEND.format(roots=roots),
        "PKG-INFO": "Metadata-Version: 2.1\nName: crate\nVersion: 1.0\n",
    }
    with tarfile.open(folder / "crate-1.0.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"crate-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.fixture
def crated(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A repository that needs what there is no wheel of, and the settings for where that lies."""
    source_distribution(tmp_path / "index", [str(tmp_path / "cache"), str(tmp_path / "repository")])
    repository = write(tmp_path / "repository", {"shop.py": "", "requirements.txt": "crate\n"})
    return repository, {"PIP_FIND_LINKS": str(tmp_path / "index"), "PIP_NO_INDEX": "1"}


def test_what_has_no_wheel_is_refused_unless_the_operator_allows_builds(
    crated: tuple[Path, dict[str, str]], sandbox: Sandbox
) -> None:
    repository, environ = crated
    with pytest.raises(NoInterpreter, match=r"(?s)wheels alone.*crate.*PERFBOT_NETWORK_INSTALL"):
        make(repository, sandbox, policy=WHEELS, **environ)


def test_a_build_with_network_does_not_see_the_source(
    crated: tuple[Path, dict[str, str]], sandbox: Sandbox
) -> None:
    repository, environ = crated
    interpreter = make(repository, sandbox, policy=NETWORK, **environ)
    assert python(sandbox, interpreter, "import crate; print(crate.seen)") == "[]"


def test_an_address_in_a_requirement_file_is_not_followed_by_wheels_alone(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """pip would build what is there, with its authors' code."""
    watching = Watching(sandbox)
    text = "till @ git+https://stranger.example/till\n"
    repository = write(tmp_path / "repository", {"shop.py": "", "requirements.txt": text})
    with pytest.raises(NoInterpreter, match="till names an address"):
        make(repository, watching)
    assert not any(each.network for each in watching.commands)


def test_the_command_of_a_repository_has_no_network_where_wheels_have_to_do(
    tmp_path: Path, sandbox: Sandbox, shelves: Path
) -> None:
    watching = Watching(sandbox)
    repository = write(tmp_path / "repository", FILES)
    install = "pip install .[test]"
    environ = {"PIP_FIND_LINKS": str(shelves), "PIP_NO_INDEX": "1"}
    assert "till" in make(repository, watching, install=install, **environ).packages
    assert not any(each.network for each in watching.commands if watching.sees_source(each))


UV = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


@pytest.mark.skipif(UV is None, reason="uv is not installed here")
def test_uv_fetches_apart_and_installs_without_network_too(
    tmp_path: Path, sandbox: Sandbox, shelves: Path
) -> None:
    watching = Watching(sandbox)
    repository = write(tmp_path / "repository", FILES)
    path = f"{Path(UV or '').parent}:{os.defpath}"
    (tmp_path / "index").mkdir()
    nowhere = (tmp_path / "index").as_uri()
    environ = {"UV_FIND_LINKS": str(shelves), "UV_DEFAULT_INDEX": nowhere, "PATH": path}
    assert {"shelf", "till"} <= set(make(repository, watching, **environ).packages)
    online = [each for each in watching.commands if each.network]
    assert [each.argv[1:3] for each in online] == [("pip", "install")]
    assert not any(watching.sees_source(each) for each in online)


def test_an_environment_serves_no_other_policy(tmp_path: Path, sandbox: Sandbox) -> None:
    """A fork's environment never serves the base, nor one built with network one without."""
    repository = write(tmp_path / "repository", {"pyproject.toml": PROJECT, "shop.py": ""})
    policies = [Policy(trust, network) for trust in Trust for network in Network]
    prefixes = {make(repository, sandbox, policy=each).prefix for each in policies}
    assert len(prefixes) == len(policies)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands environments to another user")
def test_an_environment_is_taken_back_from_the_sandboxs_user(
    shop: tuple[Path, Interpreter],
) -> None:
    assert {path.lstat().st_uid for path in shop[1].prefix.rglob("*")} == {0}
