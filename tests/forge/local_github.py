"""A GitHub on loopback: its REST API and Git over HTTP on one origin, with state in real Git.

    with LocalGitHub(folder) as github:
        shop = github.world.repository("ada/shop", {"shop.py": "…"})
        app = github.register("perfbot", permissions={"contents": "write", …}, repositories=[shop])
        …  # PyGithub at github.api, git at github.web
        github.faults.add(Fault.lost_answer("POST", "/pulls$"))
        assert not github.violations

Every request and every answer is checked against GitHub's published description (contract.py): a bad
request gets GitHub's 422, a bad answer becomes a 500, and both are noted in ``violations``.
"""

import json
import os
import re
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock, RLock, Thread
from typing import Self
from urllib.parse import urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

import app_endpoints  # noqa: F401 - fills the table of endpoints
import contract
import git_endpoints  # noqa: F401
import talk_endpoints  # noqa: F401
from endpoint import Answer, Call, Endpoint, routes
from hosted import AppRecord, Hosted, Installation, Token, World
from rights import Caller, RefusedError, allows, caller, check, living
from shapes import Shapes

PREFIX = "/api/v3"
JSON = "application/json; charset=utf-8"
VERSIONS = {None, "2022-11-28"}
DOCUMENTATION = "https://docs.github.com/rest"
PRIMARY = "API rate limit exceeded for installation ID 1."
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
GIT_PATH = re.compile(r"^/([^/]+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)$")

MANIFEST_PATH = re.compile(r"^/(?:organizations/([^/]+)/)?settings/apps/new$")


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests that fit; ``after``: the work is done first."""

    verb: str
    path: str
    times: int
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    delay_s: float = 0.0
    after: bool = False
    hang_up: bool = False
    first: Callable[[], object] = bool

    @classmethod
    def meanwhile(cls, verb: str, path: str, happens: Callable[[], object]) -> "Fault":
        """Something else happens between the client's request and its handling."""
        return cls(verb, path, 1, first=happens)

    @classmethod
    def lost_answer(cls, verb: str, path: str, times: int = 1) -> "Fault":
        """GitHub does it, and then a proxy on the way says 502."""
        return cls(verb, path, times, 502, message="Server Error", after=True)

    @classmethod
    def burst(cls, verb: str, path: str, times: int, status: int = 502) -> "Fault":
        return cls(verb, path, times, status, message="Server Error")

    @classmethod
    def slow(cls, verb: str, path: str, delay_s: float, times: int = 1) -> "Fault":
        return cls(verb, path, times, delay_s=delay_s)

    @classmethod
    def hangs_up(cls, verb: str, path: str, times: int = 1, after: bool = True) -> "Fault":
        return cls(verb, path, times, hang_up=True, after=after)

    @classmethod
    def primary_limit(cls, verb: str, path: str, reset_in_s: float, times: int = 1) -> "Fault":
        reset = str(int(time.time() + reset_in_s))
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
        return cls(verb, path, times, 403, headers, PRIMARY)

    @classmethod
    def secondary_limit(
        cls, verb: str, path: str, retry_after_s: int | None, status: int = 403, times: int = 1
    ) -> "Fault":
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        return cls(verb, path, times, status, headers, SECONDARY)


class Faults:
    """The faults to come."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def take(self, verb: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self._waiting:
                fits = fault.verb in ("*", verb) and re.search(fault.path, path)
                if fits and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None


@dataclass(frozen=True)
class Seen:
    """A request that came in, and what it was answered."""

    verb: str
    path: str
    status: int
    authorization: str | None
    version: str | None


@dataclass(frozen=True)
class Registered:
    """An App with what only its owner has: the private key, in PEM."""

    record: AppRecord
    private_key: str
    installation: Installation


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: tests read ``requests``."""


class LocalGitHub:
    """The server; ``api`` is where REST begins, ``web`` where repositories are cloned from."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.faults = Faults()
        self.requests: list[Seen] = []
        self.violations: list[str] = []
        self._lock = RLock()
        self._routes = routes()
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Quiet)
        self.web = f"http://127.0.0.1:{self._server.server_port}"
        self.api = self.web + PREFIX
        self._shapes = Shapes(self.api, self.web)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def register(
        self, slug: str, permissions: Mapping[str, str], repositories: Sequence[Hosted]
    ) -> Registered:
        """Register an App with a new key and install it in the account of the repositories."""
        record = self._app(slug, permissions)
        account = self.world.person(repositories[0].owner)
        numbers = [one.id for one in repositories]
        installation = Installation(next(self.world.ids), record, account, numbers)
        self.world.installations[installation.id] = installation
        return Registered(record, _pem(_key(slug)), installation)

    def _app(self, slug: str, permissions: Mapping[str, str]) -> AppRecord:
        public = (
            _key(slug)
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        record = AppRecord(next(self.world.ids), slug, public, permissions)
        self.world.apps[record.id] = record
        return record

    def __call__(self, environ: dict[str, object], start: Callable[..., object]) -> Iterable[bytes]:
        request = Request(environ)
        fault = self.faults.take(request.method, request.path)
        response = self._faulty(request, fault) if fault else self._answer(request)
        facts = (request.headers.get(name) for name in ("Authorization", "X-GitHub-Api-Version"))
        self.requests.append(Seen(request.method, request.path, response.status_code, *facts))
        return response(environ, start)

    def _faulty(self, request: Request, fault: Fault) -> Response:
        time.sleep(fault.delay_s)
        fault.first()
        wanted = self._answer(request) if fault.after or not fault.status else None
        if fault.hang_up:
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return Response(status=499)
        if not fault.status:
            assert wanted
            return wanted
        request.get_data()
        return _error(fault.status, fault.message, headers=fault.headers)

    def _answer(self, request: Request) -> Response:
        if found := GIT_PATH.match(request.path):
            return self._git(request, *found.groups())
        if found := MANIFEST_PATH.match(request.path):
            return self._registered(request, found[1])
        with self._lock:
            return self._rest(request)

    def _rest(self, request: Request) -> Response:
        try:
            endpoint, named = self._route(request)
        except RefusedError as refused:
            return _error(refused.status, refused.message)
        try:
            call = self._call(request, endpoint, named)
            answer = endpoint.handle(call)
        except RefusedError as refused:
            response = _error(refused.status, refused.message, refused.errors)
        else:
            response = _full(endpoint, answer)
        if fault := contract.answer_fault(request, response, endpoint.template, PREFIX):
            return self._violated(f"answer to {request.method} {request.path}: {fault}", 500)
        return response

    def _violated(self, what: str, status: int) -> Response:
        self.violations.append(what)
        return _error(status, what)

    def _route(self, request: Request) -> tuple[Endpoint, Mapping[str, object]]:
        path = request.path.removeprefix(PREFIX)
        try:
            found, named = self._routes.bind("").match(path, method=request.method)
        except HTTPException:
            self.violations.append(f"no such operation: {request.method} {request.path}")
            raise RefusedError(404, "Not Found") from None
        return found, named

    def _call(self, request: Request, endpoint: Endpoint, named: Mapping[str, object]) -> Call:
        who = self._caller(request, endpoint)
        repository = self._repository(who, endpoint, named)
        body = _body(request)
        if fault := contract.request_fault(request, PREFIX):
            self.violations.append(f"{request.method} {request.path}: {fault}")
            raise RefusedError(422, f"Invalid request.\n\n{fault}")
        return Call(self.world, request, who, self._shapes, named, body, repository)

    def _caller(self, request: Request, endpoint: Endpoint) -> Caller:
        if not request.headers.get("User-Agent"):
            raise RefusedError(403, "Request forbidden by administrative rules.")
        if request.headers.get("X-GitHub-Api-Version") not in VERSIONS:
            raise RefusedError(400, "Unsupported API version")
        who = caller(self.world, request.headers.get("Authorization"))
        if endpoint.needs == "jwt" and not isinstance(who, AppRecord):
            raise RefusedError(401, "A JSON web token could not be decoded")
        if endpoint.needs == "token" and not isinstance(who, Token):
            raise RefusedError(403, "Resource not accessible by integration")
        return who

    def _repository(
        self, who: Caller, endpoint: Endpoint, named: Mapping[str, object]
    ) -> Hosted | None:
        if "owner" not in named:
            return None
        hosted = self.world.find(str(named["owner"]), str(named["repo"]))
        if hosted is None:
            raise RefusedError(404, "Not Found")
        if ":" in endpoint.needs:
            check(who, hosted, endpoint.needs)
        return hosted

    def _git(self, request: Request, owner: str, name: str, service: str) -> Response:
        hosted = self.world.find(owner, name)
        writing = "git-receive-pack" in (service, request.args.get("service"))
        try:
            token = self._bearer(request)
            if hosted is None or (hosted.id not in token.repository_ids and hosted.private):
                raise RefusedError(404, "Repository not found.")
            needed = "contents:write" if writing else "contents:read"
            inside = hosted.id in token.repository_ids
            if not (inside and allows(token.permissions, needed)) and (writing or hosted.private):
                raise RefusedError(403, "Write access to repository not granted.")
        except RefusedError as refused:
            request.get_data()
            headers = {"WWW-Authenticate": 'Basic realm="GitHub"'} if refused.status == 401 else {}
            return Response(refused.message + "\n", refused.status, headers, "text/plain")
        return _http_backend(request, hosted, service, token)

    def _registered(self, request: Request, organization: str | None) -> Response:
        """Play the page where a person presses "Create": an App from a manifest, and a code for it."""
        wanted = json.loads(request.form["manifest"])
        app = self._app(wanted["name"], wanted["default_permissions"])
        code = secrets.token_hex(20)
        self.world.manifest_codes[code] = {
            "id": app.id,
            "slug": app.slug,
            "owner": {"login": organization or "ada", "id": 1, "type": "User"},
            "client_id": f"Iv1.{app.id}",
            "client_secret": secrets.token_hex(20),
            "webhook_secret": secrets.token_hex(20),
            "pem": _pem(_key(app.slug)),
            "html_url": f"{self.web}/apps/{app.slug}",
        }
        query = urlencode({"code": code, "state": request.args.get("state", "")})
        return Response(status=302, headers={"Location": f"{wanted['redirect_url']}?{query}"})

    def _bearer(self, request: Request) -> Token:
        given = request.authorization
        if given is None or given.type != "basic" or given.username != "x-access-token":
            raise RefusedError(401, "No anonymous access.")
        return living(self.world, given.password or "")


def _body(request: Request) -> dict[str, object]:
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError:
        raise RefusedError(400, "Problems parsing JSON") from None
    if not isinstance(body, dict):
        raise RefusedError(400, "Body should be a JSON object")
    return body


@cache
def _key(slug: str) -> rsa.RSAPrivateKey:
    """Make an App's key once: prime numbers take their time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


def _full(endpoint: Endpoint, answer: Answer) -> Response:
    limit = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999"}
    headers = {**limit, "X-RateLimit-Reset": "2000000000", **answer.headers}
    if answer.status == 204:
        return Response(status=204, headers=headers)
    body = contract.completed(endpoint.template, endpoint.verb, answer.status, answer.known)
    return Response(json.dumps(body), answer.status, headers, content_type=JSON)


def _error(
    status: int,
    message: str,
    errors: list[object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body: dict[str, object] = {
        "message": message,
        "documentation_url": DOCUMENTATION,
        "status": str(status),
    }
    if errors is not None:
        body["errors"] = errors
    return Response(json.dumps(body), status, headers, content_type=JSON)


def _http_backend(request: Request, hosted: Hosted, service: str, token: Token) -> Response:
    """Let Git itself answer; https://git-scm.com/docs/git-http-backend."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(hosted.bare.path),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PROJECT_ROOT": str(hosted.bare.path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{hosted.bare.path.name}/{service}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string.decode(),
        "CONTENT_TYPE": request.content_type or "",
        "REMOTE_USER": "x-access-token",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "MAY_CHANGE_WORKFLOWS": str(int(allows(token.permissions, "workflows:write"))),
    }
    with tempfile.TemporaryFile() as body:
        while chunk := request.stream.read(1 << 16):
            body.write(chunk)
        body.seek(0)
        done = subprocess.run(
            ["git", "http-backend"], env=environment, stdin=body, capture_output=True, check=True
        )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(headers.pop("Status", "200").split()[0])
    return Response(content, status, headers)
