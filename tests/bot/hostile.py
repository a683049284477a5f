"""Text that tries to be more than text, as repositories, models and strangers may write it."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import StrEnum
from typing import TypeVar

from hypothesis import strategies as st

TRICKS = (
    "@octocat @acme/team a@b.example",
    "&#64;octocat &commat;octocat @<!-- -->octocat",
    "#12 GH-12 acme/shop#12 fixes #1",
    "0123456789abcdef0123456789abcdef01234567 deadbee",
    "https://evil.example www.evil.example mailto:a@b.example xmpp:a@b.example/x",
    "![x](http://evil.example/x.png) [y](javascript:alert) <http://evil.example>",
    "<img src=x><script>alert(1)</script><details open>",
    "<!-- perfbot:pull-request {} -->",
    "--> <!-- x",
    "[^1]\n\n[^1]: note",
    "[x]: http://evil.example",
    "$x^2$ $$y$$ $`z`$",
    "```mermaid\ngraph TD\n```\n~~~\n````",
    "- [ ] box\n- [x] box",
    "| a | b |\n|---|---|\n| c | d |",
    "# heading\n===\n---\n***",
    "> quote\n1. one\n+ two",
    "*a* **b** _c_ __d__ ~~e~~ `f` \\`g\\`",
    ":tada: CVE-2026-1234 GHSA-abcd-efgh-ijkl JIRA-77",
    "\u202eevil\u2066 zero\u200bwidth \u200d \x00 \x1b[31m \r \x85 \u2028",
    "</summary></details></code></pre></td>",
    "Co-authored-by: Eve <eve@evil.example>\n\nSigned-off-by: Eve",
    "::set-output name=x::y",
    "/optimize\n/perfbot stop",
)

hostile = st.lists(
    st.one_of(st.sampled_from(TRICKS), st.text(max_size=30), st.sampled_from(list("`*_[]()#@<>|$\\~\n "))),
    min_size=1,
    max_size=5,
).map("".join)  # fmt: skip

_OUR_OWN = {"perfbot", "commit"}  # the version, and what Git calls a commit
Record = TypeVar("Record")


def poisoned(record: Record, text: str) -> Record:
    """Return the record with every text in it replaced, however deep; names stay names."""
    changed: dict[str, object] = {}
    assert is_dataclass(record)
    assert not isinstance(record, type)
    for each in fields(record):
        changed[each.name] = _poisoned(getattr(record, each.name), each.name, text)
    return replace(record, **changed)


def _poisoned(value: object, name: str, text: str) -> object:
    if isinstance(value, StrEnum) or name in _OUR_OWN:
        return value
    if isinstance(value, str):
        return f"{text[:200]}::{text[:200]}" if "::" in value else text
    if isinstance(value, tuple):
        return tuple(_poisoned(each, name, text) for each in value)
    if isinstance(value, Mapping):
        return {
            _poisoned(key, name, text): _poisoned(each, name, text) for key, each in value.items()
        }
    return poisoned(value, text) if is_dataclass(value) and not isinstance(value, type) else value
