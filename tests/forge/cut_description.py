"""Cut GitHub's own description of its API down to the operations that perfbot uses.

    npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
    python tests/forge/cut_description.py package/generated/api.github.com.json

writes github_description.json.gz beside this file. The source is MIT-licensed (OCTOKIT-LICENSE).
Prose and examples are left out; schemas stay word for word but for what GitHub itself does not keep to:
- an enum of a nullable value gets ``null`` among its values, as OpenAPI 3.0 wants to be told;
- the repository of a pull request's head, and of a run's, is null when the fork was deleted;
- why a blob is refused is any of two schemas, since every answer that fits one fits the other too;
- what is at a path has no discriminator, which a list, the answer for a folder, cannot have.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

PLACE = Path(__file__).with_name("github_description.json.gz")
REPOSITORY = "/repos/{owner}/{repo}"
OPERATIONS = {
    "/app": ["get"],
    "/app-manifests/{code}/conversions": ["post"],
    "/app/hook/deliveries": ["get"],
    "/app/hook/deliveries/{delivery_id}/attempts": ["post"],
    "/app/installations": ["get"],
    "/app/installations/{installation_id}/access_tokens": ["post"],
    "/installation/repositories": ["get"],
    "/installation/token": ["delete"],
    "/rate_limit": ["get"],
    REPOSITORY: ["get"],
    REPOSITORY + "/installation": ["get"],
    REPOSITORY + "/actions/runs/{run_id}": ["get"],
    REPOSITORY + "/collaborators/{username}/permission": ["get"],
    REPOSITORY + "/contents/{path}": ["get"],
    REPOSITORY + "/git/blobs": ["post"],
    REPOSITORY + "/git/blobs/{file_sha}": ["get"],
    REPOSITORY + "/git/trees": ["post"],
    REPOSITORY + "/git/trees/{tree_sha}": ["get"],
    REPOSITORY + "/git/commits": ["post"],
    REPOSITORY + "/git/commits/{commit_sha}": ["get"],
    REPOSITORY + "/git/ref/{ref}": ["get"],
    REPOSITORY + "/git/refs": ["post"],
    REPOSITORY + "/git/refs/{ref}": ["patch", "delete"],
    REPOSITORY + "/compare/{basehead}": ["get"],
    REPOSITORY + "/pulls": ["get", "post"],
    REPOSITORY + "/pulls/{pull_number}": ["get", "patch"],
    REPOSITORY + "/pulls/{pull_number}/files": ["get"],
    REPOSITORY + "/pulls/{pull_number}/commits": ["get"],
    REPOSITORY + "/pulls/{pull_number}/comments": ["get", "post"],
    REPOSITORY + "/pulls/comments/{comment_id}/reactions": ["get"],
    REPOSITORY + "/issues": ["get", "post"],
    REPOSITORY + "/issues/{issue_number}": ["get", "patch"],
    REPOSITORY + "/issues/{issue_number}/labels": ["post"],
    REPOSITORY + "/issues/{issue_number}/reactions": ["get"],
    REPOSITORY + "/issues/{issue_number}/comments": ["get", "post"],
    REPOSITORY + "/issues/comments": ["get"],
    REPOSITORY + "/issues/comments/{comment_id}": ["get", "patch"],
    REPOSITORY + "/issues/comments/{comment_id}/reactions": ["get", "post"],
    REPOSITORY + "/check-runs": ["post"],
    REPOSITORY + "/check-runs/{check_run_id}": ["get", "patch"],
    REPOSITORY + "/check-runs/{check_run_id}/annotations": ["get"],
    REPOSITORY + "/commits/{ref}/check-runs": ["get"],
}  # fmt: skip
GONE = {"$ref": "#/components/schemas/nullable-repository"}
PROSE = {
    "description",
    "summary",
    "example",
    "examples",
    "externalDocs",
    "tags",
    "x-github",
    "discriminator",
}
NAMES = {"paths", "properties", "responses", "schemas", "parameters", "headers", "content"}


def cut(whole: dict[str, object]) -> dict[str, object]:
    """Return the operations with everything that they refer to, however deep."""
    paths = {
        path: {verb: whole["paths"][path][verb] for verb in verbs}
        for path, verbs in OPERATIONS.items()
    }
    kept: dict[str, dict[str, object]] = {}
    waiting = [*references(paths), ("schemas", "nullable-repository")]
    while waiting:
        kind, name = waiting.pop()
        if name not in kept.setdefault(kind, {}):
            kept[kind][name] = whole["components"][kind][name]
            waiting.extend(references(kept[kind][name]))
    for name in ("pull-request", "pull-request-simple"):
        kept["schemas"][name]["properties"]["head"]["properties"]["repo"] = GONE
    kept["schemas"]["workflow-run"]["properties"]["head_repository"] = GONE
    blob = paths[REPOSITORY + "/git/blobs"]["post"]["responses"]["422"]["content"]
    blob["application/json"]["schema"] = {"anyOf": blob["application/json"]["schema"]["oneOf"]}
    head = {"openapi": whole["openapi"], "info": whole["info"], "servers": [{"url": "/"}]}
    components = {kind: plain(named, kind) for kind, named in kept.items()}
    return {**head, "paths": plain(paths, "paths"), "components": components}


def references(node: object) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            _, _, kind, name = reference.split("/")
            yield kind, name
        node = [value for key, value in node.items() if key not in PROSE]
    if isinstance(node, list):
        for item in node:
            yield from references(item)


def plain(node: object, under: str = "") -> object:
    """Leave prose out; ``under`` is the keyword that holds the node, whose keys may be names then."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if under in NAMES:
        inner = "response" if under == "responses" else ""
        return {name: plain(value, inner) for name, value in node.items()}
    if node.get("nullable") and None not in node.get("enum", [None]):
        node = {**node, "enum": [*node["enum"], None]}
    kept = {key: plain(value, key) for key, value in node.items() if key not in PROSE}
    if under == "response" and "$ref" not in node:
        kept["description"] = ""  # the one piece of prose without which OpenAPI is not valid
    return kept


def main() -> None:
    source = json.loads(Path(sys.argv[1]).read_text())
    text = json.dumps(cut(source), separators=(",", ":"), sort_keys=True)
    PLACE.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{PLACE.name}: {len(text):,} characters, {PLACE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
