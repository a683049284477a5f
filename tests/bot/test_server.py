"""The webhook server as GitHub and strangers meet it: a real process, real HTTP, a real database."""

import gzip
import json
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from perfbot.bot.deliveries import EVENTS, Delivery
from perfbot.bot.inbox import Inbox, State
from perfbot.bot.server import NOT_KEPT

from bot_process import (
    PERFBOT,
    SECRET,
    Server,
    comment_payload,
    headers_for,
    signature,
    wait_for,
)
from postgres import postgres

BODY = json.dumps(comment_payload()).encode()
EXAMPLES: dict[str, list[dict[str, Any]]] = json.loads(
    gzip.decompress((Path(__file__).parent / "data" / "webhook_examples.json.gz").read_bytes())
)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def server(state: Path) -> Iterator[Server]:
    running = Server(state)
    yield running
    running.kill()


@pytest.fixture
def inbox(state: Path, server: Server) -> Iterator[Inbox]:
    kept = inbox_in(state)
    yield kept
    kept.close()


def inbox_in(state: Path) -> Inbox:
    return Inbox(f"sqlite:///{state}/perfbot/bot/deliveries.sqlite")


def new_id() -> str:
    return str(uuid.uuid4())


def test_a_delivery_is_in_the_inbox_when_it_is_answered(server: Server, inbox: Inbox) -> None:
    id = new_id()
    assert server.send(BODY, headers_for(BODY, delivery=id)) == (204, "")
    assert inbox.state(id) == (State.RECEIVED, "")
    assert Delivery(id, "issue_comment", BODY) in inbox.oldest(10_000)


def test_a_redelivery_is_answered_and_changes_nothing(server: Server, inbox: Inbox) -> None:
    id = new_id()
    for body in (BODY, BODY, BODY + b" "):
        assert server.send(body, headers_for(body, delivery=id))[0] == 204
    assert [one.body for one in inbox.oldest(10_000) if one.id == id] == [BODY]


def test_a_settled_delivery_does_not_come_back_by_a_replay(server: Server, inbox: Inbox) -> None:
    id = new_id()
    assert server.deliver(comment_payload(), id=id) == 204
    inbox.settle(id, State.QUEUED, "comment-7-1")
    assert server.deliver(comment_payload(), id=id) == 204
    assert inbox.state(id) == (State.QUEUED, "comment-7-1")


def test_every_published_event_is_answered_and_only_listed_ones_are_kept(
    server: Server, inbox: Inbox
) -> None:
    for event, payloads in EXAMPLES.items():
        for payload in payloads:
            id = new_id()
            assert server.deliver(payload, event, id) == (204 if event in EVENTS else 202)
            assert (inbox.state(id) is not None) == (event in EVENTS)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"X-Hub-Signature-256": "sha256=" + "0" * 64}, 401),
        ({"X-Hub-Signature-256": signature(BODY, "some other secret")}, 401),
        ({"X-Hub-Signature-256": "sha256=" + "é" * 64}, 401),
        ({"X-Hub-Signature-256": None}, 401),
        ({"X-GitHub-Delivery": None}, 400),
        ({"X-GitHub-Delivery": "1; drop table perfbot_deliveries"}, 400),
        ({"X-GitHub-Event": None}, 400),
        ({"Content-Type": None}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
)
def test_what_is_no_delivery_is_refused_with_a_sentence(
    server: Server, changed: dict[str, str | None], status: int
) -> None:
    given = {**headers_for(BODY), **changed}
    headers = {name: value.encode() for name, value in given.items() if value is not None}
    answered, sentence = server.send(BODY, {k: v.decode("latin-1") for k, v in headers.items()})
    assert answered == status
    assert sentence.endswith(".\n")
    assert sentence.count("\n") == 1


def test_a_form_that_is_signed_as_github_signs_forms_is_refused(server: Server) -> None:
    body = b"payload=" + BODY
    headers = headers_for(body) | {"Content-Type": "application/x-www-form-urlencoded"}
    assert server.send(body, headers)[0] == 415


def test_the_signature_that_the_package_trusts_is_not_enough(server: Server) -> None:
    """github-webhook reads X-Hub-Signature only; who knows no secret must not get past our guard."""
    given = headers_for(BODY) | {"X-Hub-Signature": "sha1=" + "0" * 40}
    assert server.send(BODY, given)[0] == 204, "an old header that is wrong is of no interest"
    del given["X-Hub-Signature-256"]
    assert server.send(BODY, given)[0] == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a": NaN}',
        b"\xff\xfe",
    ],
)
def test_a_signed_body_that_is_no_json_object_is_refused(server: Server, body: bytes) -> None:
    assert server.send(body, headers_for(body))[0] == 400


def test_odd_payloads_of_a_listed_event_are_kept_and_never_break_the_server(server: Server) -> None:
    for payload in ({}, {"sender": "text"}, {"repository": []}, {"action": "\ud800"}):
        for event in EVENTS:
            assert server.deliver(payload, event) == 204


def test_a_body_larger_than_githubs_largest_is_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 30) as raw:
        raw.sendall(
            b"POST /webhook HTTP/1.1\r\nHost: perfbot\r\nContent-Type: application/json\r\n"
            b"Content-Length: 30000000\r\nConnection: close\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_other_methods_and_paths_are_not_served(server: Server) -> None:
    assert server.send(b"", {}, method="GET")[0] == 405
    assert server.send(BODY, headers_for(BODY), "/")[0] == 404
    assert server.send(BODY, headers_for(BODY), "/static/x")[0] == 404


def test_slow_and_silent_clients_keep_nobody_waiting(server: Server) -> None:
    """More of them than there are threads, each in the middle of its request."""
    slow = [socket.create_connection(("127.0.0.1", server.port), 30) for _ in range(50)]
    for number, one in enumerate(slow):
        begun = b"POST /webhook HTTP/1.1\r\nHost: a\r\n"
        one.sendall(begun + (b"Content-Length: 100\r\n\r\nabc" if number % 2 else b"X-Gi"))
    assert server.deliver(comment_payload()) == 204
    for one in slow:
        one.close()


def test_health_and_readiness_are_told(server: Server) -> None:
    assert server.get("/healthz") == (200, "ok\n")
    assert server.get("/readyz") == (200, "ok\n")


def test_metrics_are_prometheuss_own_format_and_strangers_add_no_labels(server: Server) -> None:
    server.deliver({}, "ping")
    server.deliver({}, "an_event_of_my_own")
    status, text = server.get("/metrics")
    assert status == 200
    families = {one.name: one for one in text_string_to_metric_families(text)}
    samples = families["perfbot_deliveries"].samples
    assert {one.labels["event"] for one in samples if one.labels} <= EVENTS | {"other"}
    assert {one.labels["outcome"] for one in samples if one.labels} <= {
        "kept",
        "repeated",
        "ignored",
        "refused",
    }
    assert families["perfbot_inbox_waiting"].samples[0].value > 0
    assert families["perfbot_delivery_seconds"].samples


def test_logs_hold_ids_and_outcomes_and_no_text_of_payloads(server: Server) -> None:
    id, marked = new_id(), comment_payload(text="/optimize MARKED-TEXT")
    server.deliver(marked | {"repository": {"full_name": "MARKED-NAME/x"}}, id=id)
    server.deliver({"zen": "MARKED-ZEN"}, "ping")
    server.send(b"MARKED-BODY", headers_for(b"MARKED-BODY"))
    record = wait_for(
        lambda: next((one for one in server.records() if one.get("delivery") == id), None)
    )
    assert record["outcome"] == "kept"
    assert record["event"] == "issue_comment"
    assert record["status"] == 204
    assert record["duration_s"] > 0
    assert "MARKED" not in "".join(server.lines)
    assert SECRET not in "".join(server.lines)


def test_both_secrets_are_taken_during_a_rotation(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f"the new secret, long enough\n{SECRET}\n")
    server = Server(
        tmp_path, "ignored when a file is named", arguments=["--secret-file", str(file)]
    )
    try:
        for secret, status in (
            (SECRET, 204),
            ("the new secret, long enough", 204),
            ("x" * 16, 401),
        ):
            assert server.send(BODY, headers_for(BODY, secret=secret))[0] == status
    finally:
        server.kill()


def test_nothing_that_was_answered_is_lost_by_a_kill(tmp_path: Path) -> None:
    server, answered, stop = Server(tmp_path), list[str](), threading.Event()

    def send() -> None:
        while not stop.is_set():
            id = new_id()
            try:
                if server.deliver(comment_payload(), id=id) == 204:
                    answered.append(id)
            except (OSError, HTTPException):
                return

    senders = [threading.Thread(target=send) for _ in range(4)]
    for one in senders:
        one.start()
    wait_for(lambda: len(answered) > 50)
    server.kill()
    stop.set()
    for one in senders:
        one.join()
    inbox = inbox_in(tmp_path)
    assert all(inbox.state(id) for id in answered)
    inbox.close()
    again = Server(tmp_path)
    assert again.deliver(comment_payload(), id=answered[0]) == 204
    assert again.end() == 130


def test_a_delivery_that_cannot_be_written_down_is_not_acknowledged(tmp_path: Path) -> None:
    """And when the database is back, the same delivery passes."""
    server, id = Server(tmp_path), new_id()
    locked = sqlite3.connect(tmp_path / "perfbot" / "bot" / "deliveries.sqlite")
    try:
        locked.execute("BEGIN EXCLUSIVE")
        body = json.dumps(comment_payload(text="/optimize MARKED")).encode()
        status, sentence = server.send(body, headers_for(body, delivery=id))
        assert (status, sentence) == (503, f"{NOT_KEPT}\n")
        assert server.get("/healthz")[0] == 200
        locked.rollback()
        assert server.send(body, headers_for(body, delivery=id))[0] == 204
        assert "MARKED" not in "".join(server.lines)
    finally:
        locked.close()
        server.kill()


def test_a_database_that_is_gone_makes_the_server_unready(tmp_path: Path) -> None:
    with postgres() as url:
        server = Server(tmp_path, PERFBOT_DATABASE_URL=url)
        assert server.deliver(comment_payload()) == 204
        assert server.get("/readyz")[0] == 200
    try:
        assert server.deliver(comment_payload()) == 503
        assert server.get("/readyz")[0] == 503
        assert server.get("/healthz")[0] == 200
        assert "perfbot_deliveries_total" in server.get("/metrics")[1]
    finally:
        server.kill()


@pytest.mark.parametrize("secret", ["", "fifteen letters"])
def test_without_a_proper_secret_the_server_does_not_start(tmp_path: Path, secret: str) -> None:
    told = refused(tmp_path, secret)
    assert "16 characters" in told or "at least 16" in told
    assert not secret or secret not in told


def test_what_else_keeps_the_server_from_starting_is_told(tmp_path: Path, server: Server) -> None:
    assert "cannot be read" in refused(tmp_path, SECRET, "--secret-file", str(tmp_path / "none"))
    taken = refused(tmp_path, SECRET, "--listen", f"127.0.0.1:{server.port}")
    assert "cannot be listened on" in taken
    assert "no HOST:PORT" in refused(tmp_path, SECRET, "--listen", "8080")
    address = {"PERFBOT_DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/none"}
    told = refused(tmp_path, SECRET, **address)
    assert "cannot be used" in told
    assert "hunter2" not in told
    for wrong in ("mysql://x/y", "x", "postgresql://me:hunter2@host:port/x"):
        told = refused(tmp_path, SECRET, PERFBOT_DATABASE_URL=wrong)
        assert "no database address" in told
        assert "hunter2" not in told
    (tmp_path / "file").touch()
    assert "cannot be made" in refused(tmp_path / "file", SECRET)


def test_the_folder_of_deliveries_belongs_to_the_operator(state: Path, server: Server) -> None:
    assert stat.S_IMODE((state / "perfbot" / "bot").stat().st_mode) == 0o700


def refused(state: Path, secret: str, *arguments: str, **environ: str) -> str:
    given = {"XDG_STATE_HOME": str(state), "PERFBOT_WEBHOOK_SECRET": secret, "PATH": "/usr/bin"}
    done = subprocess.run(
        [PERFBOT, "serve", *arguments],
        env=given | environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_worker_without_an_app_says_how_to_get_one(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run([PERFBOT, "worker"], env=environ, capture_output=True, text=True)
    assert done.returncode == 2
    assert "holds no GitHub App: register one with `perfbot app create`" in done.stderr
    assert not list(tmp_path.iterdir())


def test_without_the_extra_the_server_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['waitress'] = None\n"
        "from perfbot.bot.cli import main; sys.exit(main(['serve']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'perfbot[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_web_process_does_not_load_what_works_on_jobs() -> None:
    code = (
        "import sys, perfbot.bot.serve; print([x for x in ('dbos', 'libcst') if x in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
