"""The webhook server's application: it verifies, writes down, answers, and does nothing else.

The package github-webhook routes deliveries to hooks. It checks SHA-1 only, nothing at all with an
empty secret, and fails on odd payloads, so every request passes our own guard first
(``deliveries.check``); then the package gets the SHA-1 signature that it understands, made by us.
"""

import logging
import time
from collections.abc import Mapping
from typing import assert_never

from flask import Flask, Response, g, request
from github_webhook import Webhook
from github_webhook.webhook import EVENT_DESCRIPTIONS
from werkzeug.exceptions import HTTPException

from perfbot.bot.database import DatabaseError
from perfbot.bot.deliveries import (
    EVENTS,
    LARGEST_BYTES,
    Delivery,
    Ignored,
    Json,
    Refused,
    Secrets,
    check,
)
from perfbot.bot.inbox import Inbox
from perfbot.bot.metrics import Metrics

WEBHOOK_PATH = "/webhook"
NO_LENGTH = "Content-Length is missing."
NOT_KEPT = "The delivery could not be written down; it has to be sent again."
NOT_OURS = "This event starts nothing."
BROKEN = "perfbot failed; its log says why."
HEALTHY = "ok"

_log = logging.getLogger("perfbot.server")


def application(inbox: Inbox, secrets: Secrets) -> Flask:
    """Return the WSGI application: /webhook, /healthz, /readyz and /metrics."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BYTES
    app.before_request(_start_clock)  # the first, as a later one may answer
    metrics = Metrics(inbox)
    _serve_webhook(app, inbox, secrets, metrics)
    _serve_state(app, inbox, metrics)
    app.register_error_handler(DatabaseError, _unkept)
    app.register_error_handler(Exception, _failed)
    return app


def _serve_webhook(app: Flask, inbox: Inbox, secrets: Secrets, metrics: Metrics) -> None:
    EVENT_DESCRIPTIONS.clear()  # it would format payload text into the log, and fail on odd payloads
    hooks = Webhook(app, WEBHOOK_PATH, secrets.values[0])

    def guard() -> Response | None:
        return _guarded(secrets) if request.endpoint == WEBHOOK_PATH else None

    def keep(_payload: Json) -> None:
        g.outcome = "kept" if inbox.keep(g.delivery) else "repeated"

    def record(response: Response) -> Response:
        if request.endpoint == WEBHOOK_PATH:
            _recorded(response, metrics)
        return response

    for event in EVENTS:
        hooks.hook(event)(keep)
    app.before_request(guard)
    app.after_request(record)


def _guarded(secrets: Secrets) -> Response | None:
    """Answer what is no delivery; let through what is, with the signature that the package reads."""
    if request.content_length is None:
        return _answer(NO_LENGTH, 411)
    body = request.get_data()
    headers = {name.lower(): value for name, value in request.headers.items()}
    checked = check(headers, body, secrets)
    match checked:
        case Refused(status, sentence):
            return _answer(sentence, status)
        case Ignored():
            g.delivery, g.outcome = checked, "ignored"
            return _answer(NOT_OURS, 202)
        case Delivery():
            g.delivery = checked
            request.environ["HTTP_X_HUB_SIGNATURE"] = secrets.sign(body, "sha1")
            return None
        case _:
            assert_never(checked)


def _serve_state(app: Flask, inbox: Inbox, metrics: Metrics) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return _answer(HEALTHY, 200)

    @app.get("/readyz")
    def readyz() -> Response:
        inbox.waiting()
        return _answer(HEALTHY, 200)

    @app.get("/metrics")
    def numbers() -> Response:
        content, kind = metrics.page()
        return Response(content, 200, content_type=kind)


def _start_clock() -> None:
    g.started_s = time.perf_counter()


def _recorded(response: Response, metrics: Metrics) -> None:
    """Count and log a delivery: ids and outcomes, never what it says."""
    delivery: Delivery | Ignored | None = g.get("delivery")
    outcome = g.get("outcome", "refused" if response.status_code < 500 else "failed")
    duration_s = time.perf_counter() - g.started_s
    event = delivery.event if isinstance(delivery, Delivery) else "other"
    metrics.delivered(event, outcome, duration_s)
    fields: Mapping[str, object] = {
        "delivery": delivery.id if delivery else None,
        "event": delivery.event if delivery else None,
        "outcome": outcome,
        "status": response.status_code,
        "duration_s": round(duration_s, 6),
    }
    _log.info("delivery", extra=fields)


def _answer(sentence: str, status: int) -> Response:
    return Response(sentence + "\n", status, content_type="text/plain; charset=utf-8")


def _unkept(error: DatabaseError) -> Response:
    """GitHub shows the delivery as failed, so the reconciler can ask for it again."""
    _log.error("%s", error)
    return _answer(NOT_KEPT, 503)


def _failed(error: Exception) -> Response | HTTPException:
    if isinstance(error, HTTPException):
        return error
    _log.error(BROKEN, exc_info=error)
    return _answer(BROKEN, 500)
