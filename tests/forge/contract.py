"""GitHub's published description as a judge of requests and answers, and as a source of full answers."""

import gzip
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from openapi_core import OpenAPI
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest, WerkzeugOpenAPIResponse
from openapi_core.exceptions import OpenAPIError
from werkzeug.wrappers import Request, Response

Json = object
DESCRIPTION = Path(__file__).with_name("github_description.json.gz")
SLASHED = re.compile(r"(/git/refs?|/contents|/compare)/(.+)$")
REF_BEFORE = re.compile(r"(/commits)/(.+)(/check-runs)$")
MISSING = object()
SIMPLE = {"boolean": False, "integer": 0, "number": 0}
STRINGS = {"date-time": "2026-01-01T00:00:00Z", "uri": "https://example.invalid/"}


@cache
def description() -> dict[str, Json]:
    return json.loads(gzip.decompress(DESCRIPTION.read_bytes()))


@cache
def _openapi() -> OpenAPI:
    return OpenAPI.from_dict(description())


class _Asked(WerkzeugOpenAPIRequest):
    """A request whose path stands below ``prefix``; a reference with slashes is one segment."""

    def __init__(self, request: Request, prefix: str) -> None:
        super().__init__(request)
        self.prefix = prefix

    def get_path(self, path: str) -> str:
        path = path.removeprefix(self.prefix)
        for pattern in (SLASHED, REF_BEFORE):
            path = pattern.sub(lambda found: found[0].replace(found[2], "x"), path)
        return path


def request_fault(request: Request, prefix: str) -> str | None:
    """Return what GitHub's description has against a request; None: nothing."""
    try:
        _openapi().validate_request(_Asked(request, prefix))
    except OpenAPIError as error:
        return _said(error)
    return None


def answer_fault(request: Request, response: Response, template: str, prefix: str) -> str | None:
    """Return what the description has against an answer; errors that it does not list are no fault."""
    described = description()["paths"][template][request.method.lower()]["responses"]
    if response.status_code >= 400 and str(response.status_code) not in described:
        return None
    try:
        _openapi().validate_response(_Asked(request, prefix), WerkzeugOpenAPIResponse(response))
    except OpenAPIError as error:
        return _said(error)
    return None


def _said(error: BaseException) -> str:
    """Name the places that are wrong; the error's own text repeats the whole body."""
    causes = getattr(error.__cause__, "schema_errors", None) or (error.__cause__ or error,)
    return "; ".join(
        f"{'.'.join(map(str, getattr(each, 'absolute_path', ())))} {each!s}"[:300].strip()
        for each in causes
    )


def completed(template: str, verb: str, status: int, known: Json) -> Json:
    """Fill in what the described answer also requires, as plainly as it allows."""
    response = _resolved(description()["paths"][template][verb.lower()]["responses"][str(status)])
    content = response.get("content")
    return _filled(content["application/json"]["schema"], known) if content else known


def _resolved(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    while "$ref" in schema:
        _, _, kind, name = schema["$ref"].split("/")
        schema = description()["components"][kind][name]
    return schema


def _filled(schema: Mapping[str, Json], known: Json = MISSING) -> Json:
    schema = _resolved(schema)
    # The validator knows nullable only beside a type, not beside a choice.
    if known is None or (known is MISSING and schema.get("nullable") and "type" in schema):
        return None
    if "allOf" in schema:
        return _of_all(schema, known)
    for choice in ("oneOf", "anyOf"):
        if choice in schema and "properties" not in schema:
            return _filled(_chosen(schema, choice, known), known)
    if schema.get("type") == "array" or isinstance(known, list):
        items = schema.get("items", {})
        return [_filled(items, item) for item in ([] if known is MISSING else known)]
    if schema.get("type") == "object" or "properties" in schema:
        return _object(schema, known)
    return known if known is not MISSING else _least(schema)


def _of_all(schema: Mapping[str, Json], known: Json) -> Json:
    """Join what the parts say; each speaks for its own properties."""
    joined: dict[str, Json] = {}
    for part in schema["allOf"]:
        filled, own = _filled(part, known), _resolved(part).get("properties", {})
        joined |= {key: value for key, value in filled.items() if key in own or key not in joined}
    return joined


def _chosen(schema: Mapping[str, Json], choice: str, known: Json) -> Mapping[str, Json]:
    options = [_resolved(option) for option in schema[choice]]
    if isinstance(known, dict) and "type" in known:
        kinds = [option.get("properties", {}).get("type", {}).get("enum", ()) for option in options]
        options = [
            one for one, kind in zip(options, kinds, strict=True) if known["type"] in kind
        ] or options
    wanted = {dict: "object", list: "array", str: "string", int: "integer"}.get(type(known))
    return next((one for one in options if one.get("type") == wanted), options[0])


def _object(schema: Mapping[str, Json], known: Json) -> Json:
    properties = schema.get("properties", {})
    given = {} if known is MISSING else known
    required = {name: _filled(properties.get(name, {})) for name in schema.get("required", [])}
    return required | {
        name: _filled(properties[name], value) if name in properties else value
        for name, value in given.items()
    }


def _least(schema: Mapping[str, Json]) -> Json:
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    return SIMPLE[kind] if kind in SIMPLE else STRINGS.get(schema.get("format"), "")
