"""What must not be kept: secrets, found by their value or by their form, and on request source text.

Forms are those of well-known tokens, whose prefixes leave hardly a doubt. What only looks random is
left alone: a transcript in which source was changed on a guess could not be replayed. (The
detectors of the ``detect-secrets`` project were looked at: its last release is of 2024, and it brings
an HTTP client along.)
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MARK = "[redacted]"
HASHED = "sha256:"  # opens what is kept instead of a text

_LEAST_KEY_CHARACTERS = 6  # what is shorter occurs by chance
_FORMS = re.compile(  # every repetition has an end: a text made for it must not take for ever
    "|".join(
        (
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",  # AWS
            r"\bgh[pousr]_[0-9A-Za-z]{36,255}\b",  # GitHub
            r"\bgithub_pat_[0-9A-Za-z_]{60,255}\b",
            r"\bgl(?:pat|ptt|rt|dt|cbt|ft|soat)-[0-9A-Za-z_-]{20,300}",  # GitLab
            r"\bxox[abeoprs]-[0-9A-Za-z-]{10,300}",  # Slack
            r"\bxapp-[0-9]-[0-9A-Za-z-]{20,300}",
            r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,300}",  # Stripe
            r"\bsk-(?=[A-Za-z_-]{0,300}[0-9])[0-9A-Za-z_-]{20,300}",  # several makers of models
            r"\bAIza[0-9A-Za-z_-]{35}",  # Google
            r"\bya29\.[0-9A-Za-z_-]{20,2000}",
            r"\bhf_[0-9A-Za-z]{30,300}\b",  # Hugging Face
            r"\bnpm_[0-9A-Za-z]{36}\b",
            r"\bpypi-AgE[0-9A-Za-z_-]{40,2000}",
            r"\bSG\.[0-9A-Za-z_-]{16,300}\.[0-9A-Za-z_-]{16,300}",  # SendGrid
            r"\bAccountKey=[0-9A-Za-z+/]{40,300}={0,2}",  # Azure
            r"\beyJ[0-9A-Za-z_-]{10,2000}\.eyJ[0-9A-Za-z_-]{10,4000}\.[0-9A-Za-z_-]{1,2000}",  # JSON Web Token
            r"(?<=://)[^\s/:@'\"{}<>$]+:[^\s/@'\"{}<>$]+(?=@)",  # user and password in an address
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)",
        )
    )
)


def storable(text: str) -> str:
    """Return the text with lone surrogates as escapes: neither SQLite nor JSON takes them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def digest(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is taken out of every text before it is kept.

    ``secrets`` are values that are known: keys of the operator. With ``source`` a text that may be
    the repository's is kept as its hash only.
    """

    secrets: frozenset[str] = frozenset()
    source: bool = False

    def plain(self, text: str) -> str:
        """Return the text without secrets, in as many lines as it had.

        No known secret of six characters or more remains, unless the mark itself is a part of it.
        """
        text = storable(text)
        spans = [*self._known(text), *(each.span() for each in _FORMS.finditer(text))]
        for start, end in reversed(_merged(spans)):
            text = text[:start] + MARK + "\n" * text.count("\n", start, end) + text[end:]
        return text

    def source_text(self, text: str) -> str:
        """Return the text without secrets, or its hash where source is not to be kept."""
        text = self.plain(text)
        return HASHED + digest(text) if self.source and text else text

    def _known(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the place of every occurrence, overlapping ones too."""
        for secret in self.secrets:
            if len(secret) < _LEAST_KEY_CHARACTERS:
                continue
            start = text.find(secret)
            while start >= 0:
                yield start, start + len(secret)
                start = text.find(secret, start + 1)


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
