"""What counts as a delivery, tried on real bytes."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.bot.deliveries import (
    DEEPEST,
    LARGEST_BYTES,
    Delivery,
    Ignored,
    Json,
    Refused,
    SecretError,
    Secrets,
    check,
    payload,
)

SECRET = "It's a Secret to Everybody"
SECRETS = Secrets.read(SECRET)
ID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
BODY = b'{"action": "created"}'
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def headers(body: bytes = BODY, **changed: str) -> dict[str, str]:
    signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-github-delivery": ID,
        "x-github-event": "push",
        "x-hub-signature-256": f"sha256={signed}",
    } | {name.replace("_", "-"): value for name, value in changed.items()}


def refusal(body: bytes = BODY, **changed: str) -> int:
    found = check(headers(body, **changed), body, SECRETS)
    assert isinstance(found, Refused)
    assert found.sentence.endswith(".")
    return found.status


def test_a_signed_delivery_is_taken_as_it_came() -> None:
    assert check(headers(), BODY, SECRETS) == Delivery(ID, "push", BODY)


def test_the_signature_is_the_one_of_githubs_own_documentation() -> None:
    """The example of "Validating webhook deliveries": secret, payload and signature."""
    documented = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    body = b"Hello, World!"
    assert SECRETS.sign(body) == documented
    assert SECRETS.signed(body, bytes.fromhex(documented.removeprefix("sha256=")))


def test_an_event_that_starts_nothing_is_ignored() -> None:
    assert check(headers(x_github_event="ping"), BODY, SECRETS) == Ignored(ID, "ping")


def test_both_secrets_count_during_a_rotation_and_one_after_it() -> None:
    new = "another secret, long enough"
    assert isinstance(check(headers(), BODY, Secrets.read(f"{new}\n{SECRET}")), Delivery)
    signed = headers(x_hub_signature_256=Secrets.read(new).sign(BODY))
    assert isinstance(check(signed, BODY, Secrets.read(f"{new}\n{SECRET}")), Delivery)
    assert isinstance(check(signed, BODY, Secrets.read(new)), Delivery)
    assert check(headers(), BODY, Secrets.read(new)) == check(headers(), b"{}", SECRETS)


@pytest.mark.parametrize("text", ["", "\n \n", "fifteen letters", f"{SECRET}\nshort"])
def test_without_a_proper_secret_there_is_no_server(text: str) -> None:
    with pytest.raises(SecretError) as raised:
        Secrets.read(text)
    assert "fifteen letters" not in str(raised.value)
    assert "16" in str(raised.value)


def test_secrets_do_not_show_themselves() -> None:
    assert SECRET not in repr(SECRETS)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + hmac.new(SECRET.encode(), BODY, "sha1").hexdigest(),
        SECRETS.sign(BODY).upper(),
        SECRETS.sign(BODY) + ", " + SECRETS.sign(BODY),
        SECRETS.sign(BODY) + "\n",
        "sha256=" + "é" * 64,
        "sha256=" + "٣" * 64,
        "\udcff",
    ],
)
def test_a_wrong_signature_is_refused(signature: str) -> None:
    assert refusal(x_hub_signature_256=signature) == 401


def test_an_empty_secrets_signature_is_refused() -> None:
    empty = "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert refusal(x_hub_signature_256=empty) == 401


@pytest.mark.parametrize(
    ("missing", "status"),
    [
        ("content-type", 415),
        ("x-hub-signature-256", 401),
        ("x-github-delivery", 400),
        ("x-github-event", 400),
    ],
)
def test_a_missing_header_is_refused(missing: str, status: int) -> None:
    given = {name: value for name, value in headers().items() if name != missing}
    found = check(given, BODY, SECRETS)
    assert isinstance(found, Refused)
    assert found.status == status


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/json", "application/json; charset=utf-16"]
)
def test_only_json_in_utf_8_is_taken(kind: str) -> None:
    assert refusal(content_type=kind) == 415


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_say_its_encoding(kind: str) -> None:
    assert isinstance(check(headers(content_type=kind), BODY, SECRETS), Delivery)


@pytest.mark.parametrize(
    "id", ["", "1", ID + "0", f" {ID}", "../../etc/passwd", "é" * 36, ID + "\n"]
)
def test_a_delivery_id_is_a_uuid(id: str) -> None:
    assert refusal(x_github_delivery=id) == 400


def test_a_delivery_id_is_the_same_in_any_case() -> None:
    found = check(headers(x_github_delivery=ID.upper()), BODY, SECRETS)
    assert isinstance(found, Delivery)
    assert found.id == ID


@pytest.mark.parametrize("event", ["", "Push", "push\n", "p" * 65, "push,ping", "пуш"])
def test_an_event_has_a_name(event: str) -> None:
    assert refusal(x_github_event=event) == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1}{}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": "é"}'.encode("latin-1"),
        '{"a": 1}'.encode("utf-16"),
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a": ' * 500 + b"1" + b"}" * 500,
        b"payload=%7B%7D",
    ],
)
def test_a_body_that_is_no_sound_json_object_is_refused(body: bytes) -> None:
    assert refusal(body) == 400


def test_json_nests_as_deep_as_the_limit_and_no_deeper() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a": ' * levels + b"1" + b"}" * levels

    assert payload(nested(DEEPEST))
    with pytest.raises(ValueError, match=f"more than {DEEPEST} levels"):
        payload(nested(DEEPEST + 1))


def test_the_largest_body_is_githubs_own() -> None:
    room = LARGEST_BYTES - len(b'{"a": ""}')
    largest = b'{"a": "' + b"x" * room + b'"}'
    assert isinstance(check(headers(largest), largest, SECRETS), Delivery)
    larger = largest + b" "
    assert refusal(larger) == 413


def test_the_signature_is_judged_before_the_body_is_read() -> None:
    assert refusal(b"not json", x_hub_signature_256="sha256=" + "0" * 64) == 401


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_whatever_object_is_signed_is_taken(value: dict[str, Json]) -> None:
    body = json.dumps(value).encode()
    assert check(headers(body), body, SECRETS) == Delivery(ID, "push", body)
    assert payload(body) == json.loads(body)


@given(st.binary(max_size=200), st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_breaks_the_signature(body: bytes, place: int, change: int) -> None:
    body = body or b"x"
    other = bytearray(body)
    other[place % len(body)] ^= change
    found = check(headers(body), bytes(other), SECRETS)
    assert isinstance(found, Refused)
    assert found.status == 401


@given(
    st.dictionaries(st.sampled_from(list(headers())), st.text(max_size=80)),
    st.binary(max_size=80),
)
def test_whatever_comes_is_answered_and_never_taken(given: dict[str, str], body: bytes) -> None:
    found = check(headers() | given if given else given, body, SECRETS)
    assert isinstance(found, Refused) or body == BODY
    if isinstance(found, Refused):
        assert 400 <= found.status < 500
