"""Markdown as GitHub shows it: its own parser (cmark-gfm), then the links that it makes of text.

The second pass is written after what GitHub documents under "Autolinked references and URLs" and
what its public issues say of mentions: it walks the text of the finished page, outside of code and
links, where entities are characters again.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

_VOID = {"br", "hr", "img", "input"}
_UNREAD = {"code", "pre", "a"}
_REFERENCES = re.compile(
    r"""
      (?<![\w`/])@[a-z0-9][\w-]*                        # people and teams
    | (?<!\w)\#\d+ | (?<!\w)GH-\d+ | [\w.-]+/[\w.-]+\#\d+
    | (?<![^\W_])[0-9a-f]{7,40}(?![^\W_])               # commits
    | \b(?:CVE|GHSA)-\w+ | \b[A-Z]{2,}-\d+              # advisories, keys of other trackers
    | \w+:// | \bwww\. | [\w.+-]+@[\w-]+\.\w            # addresses
    | :[a-z0-9_+-]+:                                    # emoji
    | \$[^$]+\$                                         # mathematics
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass
class Page(HTMLParser):
    """What a reader of the page gets: elements in order, all text, and what turned into links."""

    markdown: str
    elements: list[str] = field(default_factory=list)
    text: str = ""
    references: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self._run = ""
        html = cmarkgfm.github_flavored_markdown_to_html(
            self.markdown, Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
        )
        self.feed(html)
        self.close()
        self._end_of_run()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._end_of_run()
        self.elements.append(tag)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._end_of_run()
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.text += data
        if not _UNREAD & set(self._open):
            self._run += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def _end_of_run(self) -> None:
        self.references += _REFERENCES.findall(self._run)
        self._run = ""
