"""How endpoints are written down: the template of GitHub's description, what it needs, what it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request

from hosted import AppRecord, Hosted, Person, Thread, Token, World
from rights import Caller, RefusedError
from shapes import Shapes

REPO = "/repos/{owner}/{repo}"
NUMBERS = {
    "pull_number",
    "issue_number",
    "comment_id",
    "check_run_id",
    "run_id",
    "installation_id",
    "delivery_id",
}
WITH_SLASHES = {"ref", "path", "basehead"}


@dataclass(frozen=True)
class Answer:
    """A status with what is known of the body; ``wrap`` names the list inside an object, ``{"n": […]}``."""

    status: int
    known: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One request, understood."""

    world: World
    request: Request
    who: Caller
    shapes: Shapes
    named: Mapping[str, object]
    body: Mapping[str, object]
    repository: Hosted | None

    @property
    def hosted(self) -> Hosted:
        assert self.repository
        return self.repository

    @property
    def app(self) -> AppRecord:
        if isinstance(self.who, AppRecord):
            return self.who
        assert isinstance(self.who, Token)
        return self.world.installations[self.who.installation_id].app

    @property
    def author(self) -> Person:
        return self.app.bot

    def thread(self, name: str, pull: bool = False) -> Thread:
        found = self.hosted.followed(int(str(self.named[name])))
        if found is None or (pull and not found.pull):
            raise RefusedError(404, "Not Found")
        return found

    def commit(self, sha: object) -> str:
        found = self.hosted.bare.sha(f"{sha}^{{commit}}")
        if found is None:
            raise RefusedError(422, f"No commit found for SHA: {sha}")
        return found

    def page(self, items: Sequence[object], wrap: str | None = None) -> Answer:
        """Return one page with the Link header that leads to the next."""
        size = min(int(self.request.args.get("per_page", 30)), 100)
        number = max(int(self.request.args.get("page", 1)), 1)
        chosen = list(items[(number - 1) * size : number * size])
        links = (
            {"next": number + 1, "last": -(-len(items) // size)}
            if number * size < len(items)
            else {}
        )
        headers = (
            {"Link": ", ".join(self._link(page, name) for name, page in links.items())}
            if links
            else {}
        )
        known = {"total_count": len(items), wrap: chosen} if wrap else chosen
        return Answer(200, known, headers)

    def _link(self, page: int, name: str) -> str:
        query = urlencode({**self.request.args.to_dict(), "page": page})
        return f'<{self.shapes.web}{self.request.path}?{query}>; rel="{name}"'


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Endpoint:
    """One operation; ``needs``: ``jwt``, ``token``, nothing, or permissions (``contents:write``)."""

    verb: str
    template: str
    needs: str
    handle: Handler


ENDPOINTS: list[Endpoint] = []


def endpoint(verb: str, template: str, needs: str) -> Callable[[Handler], Handler]:
    def keep(handle: Handler) -> Handler:
        ENDPOINTS.append(Endpoint(verb, template, needs, handle))
        return handle

    return keep


def routes() -> Map:
    return Map([Rule(_rule(one.template), methods=[one.verb], endpoint=one) for one in ENDPOINTS])


def _rule(template: str) -> str:
    for name in NUMBERS:
        template = template.replace(f"{{{name}}}", f"<int:{name}>")
    for name in WITH_SLASHES:
        template = template.replace(f"{{{name}}}", f"<path:{name}>")
    return template.replace("{", "<").replace("}", ">")
