"""Installing packages for a target, inside the sandbox but with network.

Build scripts of a repository and of everything it depends on run here. They get no credentials:
of the environment only what says where packages come from is passed on, and not where a user name
or password stands in it. Nothing is cached between installations, for what one repository's build
script wrote must not be installed for another.
"""

import re
import shutil
from collections.abc import Mapping, Sequence
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

    def install(
        self,
        *arguments: str,
        cwd: Path,
        writable: Path,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Install with the arguments of ``pip install``.

        Raises:
            NoInterpreter: with the last lines of the installer's output.
        """
        if self.uv is not None:
            argv = [str(self.uv), "pip", "install", "--python", str(self.python), *arguments]
        else:
            argv = [str(self.python), "-m", "pip", "install", "--no-input", *arguments]
        self.run(argv, "installing what the project needs", cwd=cwd, writable=writable, extra=extra)

    def run(
        self,
        argv: Sequence[str],
        doing: str,
        *,
        cwd: Path,
        writable: Path,
        network: bool = True,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Run one command; raise ``NoInterpreter`` when it fails."""
        passed = _passed(self.variables)
        places = permitted(Path(value) for value in passed.values() if value.startswith("/"))
        released = (path for path in _RELEASE_FILES if path.is_file())
        readable = (*self.readable, *places, *released, *([self.uv] if self.uv else []))
        completed = self.sandbox.run(
            Command(
                tuple(argv),
                cwd,
                tuple(
                    path for path in dict.fromkeys(readable) if not path.is_relative_to(writable)
                ),
                (writable,),
                {**passed, **self._settings(), **(extra or {})},
                limits=_LIMITS,
                network=network,
            )
        )
        if completed.returncode != 0 or completed.ending != "exited":
            output = last_lines(completed, _SHOWN_LINES) or f"it ended: {completed.ending}"
            program = " ".join(argv)
            raise NoInterpreter(_FAILED.format(doing=doing, program=program, output=output))

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
