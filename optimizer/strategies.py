"""The vocabulary of plans: fifteen categories and the strategies that perfbot names under them.

The category identifiers are those of the PerfCoder taxonomy (PerfCoder, "Data" section): they are
the wire format of plans and reports and must not be reworded.
"""

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """The fifteen optimization categories of PerfCoder, spelled exactly as there."""

    ALGORITHM = "Algorithm Design Optimization"
    DATA_STRUCTURE = "Data Structure Selection"
    MEMORY = "Memory Usage and Allocation"
    LOOP = "Loop Efficiency Techniques"
    COMPILER = "Compiler Configuration and Tuning"
    CONCURRENCY = "Multithreading and Concurrency"
    LOCALITY = "Data Locality and Cache Awareness"
    INPUT_OUTPUT = "Input/Output Throughput Optimization"
    INSTRUCTION = "Instruction-Level Execution Optimization"
    CALL_OVERHEAD = "Function Call Overhead Reduction"
    BRANCHING = "Branching Efficiency"
    NUMERICAL = "Numerical Computation Optimization"
    HARDWARE = "Hardware-Aware System Optimization"
    LIFETIME = "Resource Lifetime and Scope Management"
    LIBRARY = "Efficient Library and API Utilization"


@dataclass(frozen=True, slots=True, order=True)
class Strategy:
    """A named way of making code faster, e.g. ``list membership to set``."""

    category: Category
    name: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A strategy and why it helps *this* function, in one sentence with its names and numbers."""

    strategy: Strategy
    why: str
