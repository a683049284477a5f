"""The App about itself: installations, tokens, deliveries, the manifest."""

from datetime import UTC, datetime

from endpoint import REPO, Answer, Call, endpoint
from hosted import Delivery, Installation, Token
from rights import LEVELS, RefusedError
from shapes import app, delivery, token


@endpoint("GET", "/app", "jwt")
def get_app(call: Call) -> Answer:
    return Answer(200, app(call.app))


@endpoint("POST", "/app-manifests/{code}/conversions", "")
def convert_manifest(call: Call) -> Answer:
    made = call.world.manifest_codes.pop(str(call.named["code"]), None)  # a code works once
    if made is None:
        raise RefusedError(404, "Not Found")
    return Answer(201, made)


@endpoint("GET", "/app/installations", "jwt")
def list_installations(call: Call) -> Answer:
    own = [one for one in call.world.installations.values() if one.app == call.app]
    return call.page([call.shapes.installation(one) for one in own])


@endpoint("GET", REPO + "/installation", "jwt")
def get_installation(call: Call) -> Answer:
    found = call.world.installation_in(call.hosted, call.app)
    if found is None:
        raise RefusedError(404, "Not Found")
    return Answer(200, call.shapes.installation(found))


@endpoint("POST", "/app/installations/{installation_id}/access_tokens", "jwt")
def create_token(call: Call) -> Answer:
    installation = call.world.installations.get(int(str(call.named["installation_id"])))
    if installation is None or installation.app != call.app:
        raise RefusedError(404, "Not Found")
    chosen = _chosen(call, installation)
    permissions = _permitted(call, installation)
    made = call.world.mint(installation, chosen, permissions)
    shown = [_repository(call, number) for number in chosen]
    return Answer(201, token(made, shown))


def _chosen(call: Call, installation: Installation) -> list[int]:
    wanted = call.body.get("repository_ids")
    names = call.body.get("repositories")
    if names is not None:
        hosted = [call.world.find(installation.account.login, name) for name in names]
        wanted = [one.id if one else -1 for one in hosted]
    if wanted is None:
        return list(installation.repository_ids)
    if not wanted or set(wanted) - set(installation.repository_ids):
        raise RefusedError(
            422,
            "There is at least one repository that does not exist or is not accessible to the "
            "parent installation.",
        )
    return list(wanted)


def _permitted(call: Call, installation: Installation) -> dict[str, str]:
    granted = installation.app.permissions
    wanted = call.body.get("permissions") or granted
    for name, level in wanted.items():
        if LEVELS[level] > LEVELS.get(granted.get(name, ""), 0):
            raise RefusedError(
                422, "The permissions requested are not granted to this installation."
            )
    return {"metadata": "read", **wanted}


def _repository(call: Call, number: int) -> dict[str, object]:
    hosted = call.world.by_id(number)
    assert hosted
    return call.shapes.repository(hosted, call.world.person(hosted.owner))


@endpoint("DELETE", "/installation/token", "token")
def revoke(call: Call) -> Answer:
    assert isinstance(call.who, Token)
    call.who.revoked = True
    return Answer(204)


@endpoint("GET", "/installation/repositories", "token")
def list_repositories(call: Call) -> Answer:
    assert isinstance(call.who, Token)
    return call.page([_repository(call, one) for one in call.who.repository_ids], "repositories")


@endpoint("GET", "/app/hook/deliveries", "jwt")
def list_deliveries(call: Call) -> Answer:
    """Newest first, a page at a time by cursor: the number of the delivery to go on with."""
    size = min(int(call.request.args.get("per_page", 30)), 100)
    cursor = int(call.request.args.get("cursor", 2**62))
    rest = [
        one for one in sorted(call.world.deliveries, key=lambda one: -one.id) if one.id <= cursor
    ]
    headers = {}
    if len(rest) > size:
        place = f"{call.shapes.api}/app/hook/deliveries?per_page={size}&cursor={rest[size].id}"
        headers["Link"] = f'<{place}>; rel="next"'
    return Answer(200, [delivery(one) for one in rest[:size]], headers)


@endpoint("POST", "/app/hook/deliveries/{delivery_id}/attempts", "jwt")
def redeliver(call: Call) -> Answer:
    found = [one for one in call.world.deliveries if one.id == call.named["delivery_id"]]
    if not found:
        raise RefusedError(404, "Not Found")
    again = found[0]
    status, code = ("OK", 204) if call.world.send(again) else ("failed to connect to host", 502)
    call.world.deliveries.append(
        Delivery(
            next(call.world.ids), again.guid, again.event, again.action, status, code,
            datetime.now(UTC), True,
        )
    )  # fmt: skip
    return Answer(202, {})


@endpoint("GET", "/rate_limit", "")
def rate_limit(call: Call) -> Answer:
    core = {"limit": 5000, "used": 1, "remaining": 4999, "reset": 2_000_000_000}
    return Answer(200, {"resources": {"core": core, "search": core}, "rate": core})
