"""Reading what a target process says: JSON lines that must not be trusted in any respect."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One JSON object. Every getter returns a neutral value when the field is missing or malformed."""

    kind: str
    fields: Mapping[str, object]

    def text(self, name: str) -> str:
        """Return a string field, ``""`` if there is none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def whole(self, name: str) -> int:
        """Return an integer field, 0 if there is none."""
        value = self.fields.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    def number(self, name: str) -> float:
        """Return a number field, 0.0 if there is none."""
        return as_number(self.fields.get(name))

    def truth(self, name: str) -> bool:
        """Return whether a field is literally true."""
        return self.fields.get(name) is True

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the strings of a list field."""
        value = self.fields.get(name)
        return (
            tuple(each for each in value if isinstance(each, str))
            if isinstance(value, list)
            else ()
        )

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return the numbers of a list field."""
        value = self.fields.get(name)
        return tuple(as_number(each) for each in value) if isinstance(value, list) else ()

    def mapping(self, name: str) -> Mapping[str, object]:
        """Return an object field."""
        value = self.fields.get(name)
        return value if isinstance(value, dict) else {}

    def objects(self, name: str) -> "tuple[Message, ...]":
        """Return the objects of a list field, each as a message of no kind."""
        value = self.fields.get(name)
        found = value if isinstance(value, list) else []
        return tuple(Message("", each) for each in found if isinstance(each, dict))


def as_number(value: object) -> float:
    """Return a finite number, 0.0 for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    return 0.0


FORGED = Message("forged", {})


def read(results: bytes, password: str = "") -> Iterator[Message]:
    """Yield the messages of a results pipe; lines that are no JSON object with a kind are left out.

    A line that does not start with the password was written by somebody else: it is ``FORGED``.
    """
    for line in results.split(b"\n"):
        if line and not password.encode().startswith(line[: len(password)]):
            yield FORGED
            continue
        try:
            value = json.loads(line[len(password) :])
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get("kind"), str):
            yield Message(value["kind"], value)
