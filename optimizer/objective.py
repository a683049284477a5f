"""What a change is made for."""

from enum import StrEnum


class Objective(StrEnum):
    """What a change has to make smaller; the other one must not become worse."""

    TIME = "time"
    MEMORY = "memory"
