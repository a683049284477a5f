"""Who asks, and may they: App JWTs, installation tokens, and what each endpoint needs."""

from collections.abc import Mapping
from datetime import UTC, datetime

import jwt

from hosted import AppRecord, Hosted, Token, World

LEVELS = {"read": 1, "write": 2, "admin": 3}
LONGEST_JWT_S = 600
CLOCK_DRIFT_S = 60
Caller = AppRecord | Token | None


class RefusedError(Exception):
    """An answer that is an error, as GitHub words it."""

    def __init__(self, status: int, message: str, errors: list[object] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


def caller(world: World, header: str | None) -> Caller:
    """Tell who sends an Authorization header; raise 401 for one that is no good."""
    if not header:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() not in {"bearer", "token"}:
        raise RefusedError(401, "Bad credentials")
    if value.count(".") == 2:
        return _app(world, value)
    return living(world, value)


def living(world: World, value: str) -> Token:
    token = world.tokens.get(value)
    if token is None or token.dead:
        raise RefusedError(401, "Bad credentials")
    return token


def _app(world: World, value: str) -> AppRecord:
    """Check a JWT as GitHub does: RS256 with the App's key, at most ten minutes, not from the future.

    https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
    """
    try:
        issuer = str(jwt.decode(value, options={"verify_signature": False}).get("iss"))
    except jwt.PyJWTError:
        raise RefusedError(401, "A JSON web token could not be decoded") from None
    app = next((one for one in world.apps.values() if str(one.id) == issuer), None)
    if app is None:
        raise RefusedError(404, "Integration not found")
    try:
        claims = jwt.decode(
            value,
            app.public_key,
            algorithms=["RS256"],
            options={"require": ["iat", "exp"], "verify_iss": False},
            leeway=CLOCK_DRIFT_S,
        )
    except jwt.PyJWTError:
        raise RefusedError(401, "A JSON web token could not be decoded") from None
    if claims["exp"] > datetime.now(UTC).timestamp() + LONGEST_JWT_S + CLOCK_DRIFT_S:
        raise RefusedError(401, "'Expiration time' claim ('exp') is too far in the future")
    return app


def allows(granted: Mapping[str, str], needed: str) -> bool:
    """``needed`` is ``name:level``, or several with ``|`` of which one is enough."""
    options = [option.split(":") for option in needed.split("|")]
    held = {"metadata": "read", **granted}
    return any(LEVELS.get(held.get(name, ""), 0) >= LEVELS[level] for name, level in options)


def check(who: Caller, hosted: Hosted, needed: str) -> None:
    """Raise what GitHub answers when ``who`` may not do what is ``needed`` in a repository."""
    reading = needed.endswith(":read")
    if who is None:
        if hosted.private or not reading:
            raise RefusedError(
                404 if reading else 401, "Not Found" if reading else "Requires authentication"
            )
        return
    if isinstance(who, AppRecord):
        raise RefusedError(401, "Bad credentials")
    if hosted.id not in who.repository_ids:
        if hosted.private:
            raise RefusedError(404, "Not Found")
        if not reading:
            raise RefusedError(403, "Resource not accessible by integration")
        return
    if not allows(who.permissions, needed):
        raise RefusedError(403, "Resource not accessible by integration")
