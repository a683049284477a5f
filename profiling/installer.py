"""Installing packages for a target, always inside the sandbox.

Wheels are fetched by name with network and without a file of the repository, which runs nobody's code;
what was fetched is installed without network, build scripts of the repository included. Only where the
operator allows it do build scripts have network, and then without the repository's files where that
does. They get no credentials: of the environment only what says where packages come from is passed on,
and not where a user name or password stands in it. Nothing is cached between installations, for what
one repository's build script wrote must not be installed for another.
"""

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfbot.profiling.environment import NoInterpreter, last_lines, permitted
from perfbot.profiling.sandbox import Command, Limits, Sandbox

_FAILED = (
    "{doing} failed:\n  {program}\n{output}\n"
    "Say how the project is installed in .perfbot.yml, for example workload: "
    '{{install: "pip install -e .[test]"}}, or make a virtual environment that its tests pass in '
    "and name it: workload: {{python: .venv/bin/python}}"
)
_SHOWN_LINES = 15
_PATH = "/usr/local/bin:/usr/bin:/bin"
_LIMITS = Limits(wall_s=1800, cpu_s=1800, file_bytes=4 << 30, processes=512)
# pip asks which system this is, and takes it ill when a file that exists cannot be read.
_RELEASE_FILES = tuple(
    map(
        Path,
        (
            "/etc/debian_version /etc/lsb-release /etc/redhat-release /etc/centos-release "
            "/etc/fedora-release /etc/system-release /etc/SuSE-release /etc/arch-release"
        ).split(),
    )
)
_WITH_CREDENTIALS = re.compile(r"://[^/\s]*@")
_PASSED = frozenset(
    (
        "PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_TRUSTED_HOST PIP_CERT "
        "PIP_DEFAULT_TIMEOUT UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL "
        "UV_FIND_LINKS UV_NATIVE_TLS UV_SYSTEM_CERTS SSL_CERT_FILE SSL_CERT_DIR "
        "REQUESTS_CA_BUNDLE HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy "
        "all_proxy no_proxy"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Installer:
    """Runs installing commands for one interpreter; ``readable`` is what that needs to start.

    ``work`` is a folder for what is thrown away afterwards. ``uv`` is used where it is there.
    """

    sandbox: Sandbox
    python: Path
    readable: tuple[Path, ...]
    work: Path
    variables: Mapping[str, str]  # the caller's environment

    @property
    def uv(self) -> Path | None:
        """The program ``uv``, if it is on PATH."""
        found = shutil.which("uv", path=self.variables.get("PATH", ""))
        return Path(found).resolve() if found else None

    @property
    def _wheels(self) -> Path:
        return self.work / "wheels"

    def fetch(self, requirements: Iterable[str], *, build: bool) -> None:
        """Fetch what these requirements take, for installing it without network.

        Their spelling is perfbot's own, see ``wheels``. ``build``: what is not there as a wheel is
        built, by its authors' code and with network. Raises NoInterpreter when something is not there.
        """
        wanted = self.work / "wanted.txt"
        wanted.write_text("".join(f"{each}\n" for each in requirements))
        self._wheels.mkdir(exist_ok=True)
        self.run(
            [*self._fetching(build=build), "-r", str(wanted)],
            "fetching what the project needs",
            cwd=self._wheels,
            writable=(self._wheels, *self._uv_cache()),
            readable=(wanted, self.python.parent.parent),
        )

    def _fetching(self, *, build: bool) -> list[str]:
        wheels_only = [] if build else ["--only-binary", ":all:"]
        if self.uv is None:
            what = ["wheel", "--wheel-dir"] if build else ["download", "--dest"]
            pip = [str(self.python), "-m", "pip", *what, str(self._wheels), "--no-input"]
            return [*pip, *wheels_only]
        # uv has no command for fetching; what it has installed somewhere is in its cache.
        trash = str(self._wheels / "unpacked")
        uv = [str(self.uv), "pip", "install", "--python", str(self.python), "--target", trash]
        return [*uv, *wheels_only]

    def _uv_cache(self) -> tuple[Path, ...]:
        if self.uv is None:
            return ()
        (self.work / "uv").mkdir(exist_ok=True)
        return (self.work / "uv",)

    def install(
        self,
        *arguments: str,
        cwd: Path,
        writable: Sequence[Path],
        network: bool,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Install with the arguments of ``pip install``; without network from what was fetched.

        Raises:
            NoInterpreter: with the last lines of the installer's output.
        """
        if self.uv is not None:
            argv = [str(self.uv), "pip", "install", "--python", str(self.python), *arguments]
        else:
            argv = [str(self.python), "-m", "pip", "install", "--no-input", *arguments]
        doing = "installing what the project needs"
        self.run(argv, doing, cwd=cwd, writable=writable, network=network, extra=extra)

    def build_wheel(
        self, source: Path, into: Path, writable: Sequence[Path], extra: Mapping[str, str]
    ) -> None:
        """Build the project itself, without network and without what it needs to run."""
        if self.uv is not None:
            argv = [str(self.uv), "build", "--wheel", "--python", str(self.python), "--out-dir"]
            argv += [str(into), str(source)]
        else:
            argv = [
                str(self.python),
                "-m",
                "pip",
                "wheel",
                "--no-deps",
                "--no-input",
                "--wheel-dir",
            ]
            argv += [str(into), str(source)]
        doing = "building the project"
        self.run(argv, doing, cwd=source, writable=writable, network=False, extra=extra)

    def run(
        self,
        argv: Sequence[str],
        doing: str,
        *,
        cwd: Path,
        writable: Sequence[Path],
        readable: Sequence[Path] = (),
        network: bool = True,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Run one command; raise ``NoInterpreter`` when it fails."""
        passed = _passed(self.variables) if network else self._offline()
        places = permitted(Path(value) for value in passed.values() if value.startswith("/"))
        released = (path for path in _RELEASE_FILES if path.is_file())
        uv = [self.uv] if self.uv else []
        granted = dict.fromkeys((*self.readable, *readable, *places, *released, *uv))
        completed = self.sandbox.run(
            Command(
                tuple(argv),
                cwd,
                tuple(path for path in granted if not any(map(path.is_relative_to, writable))),
                tuple(writable),
                {**passed, **self._settings(), **(extra or {})},
                limits=_LIMITS,
                network=network,
            )
        )
        if completed.returncode != 0 or completed.ending != "exited":
            output = last_lines(completed, _SHOWN_LINES) or f"it ended: {completed.ending}"
            program = " ".join(argv)
            raise NoInterpreter(_FAILED.format(doing=doing, program=program, output=output))

    def _offline(self) -> dict[str, str]:
        """Say to pip and uv, and to those that they start for a build, that there is nothing but wheels."""
        wheels = {"PIP_FIND_LINKS": str(self._wheels)} if self._wheels.is_dir() else {}
        return {**wheels, "PIP_NO_INDEX": "1", "UV_OFFLINE": "1"}

    def _settings(self) -> dict[str, str]:
        return {
            "PATH": f"{self.python.parent}:{_PATH}",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1",
            "UV_CACHE_DIR": str(self.work / "uv"),
            "UV_LINK_MODE": "copy",
            "UV_PYTHON_DOWNLOADS": "never",
        }


def _passed(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name in _PASSED and not _WITH_CREDENTIALS.search(value)
    }
