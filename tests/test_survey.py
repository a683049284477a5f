"""docs/survey.md answers every row of the survey's tables and names only what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "survey.md").read_text(encoding="utf-8")
ANSWERS = {"yes", "in part", "not yet", "no"}
CHALLENGES = """\
Limitation of one-step generation
Balancing correctness and performance
Reliance on human experts
Poor code maintainability
Hardware-dependent performance variability
Complexity of code
Limitation on localized code modifications
Incomplete code representation
Limited exploration of low-level languages
Limited applicability to real-world code
Limited representation of problems
Limited efficiency-related datasets
Reliance on manually labeled data
Limited low-level language datasets
Limited real-world datasets
Limited code maintainability datasets
Limited code editing datasets
Limited type inference datasets
Limited generalizability across domains
Inefficiency of querying LMs
Limitation of sampling methods
High cost of fine-tuning
Hallucination Issues of LMs
Sycophancies of LMs
Inherent randomness of LMs
Handling multiple types of inputs
Limited exploration of solution space
Limited optimization ability of compilers"""
TECHNIQUES = """\
Feedback-based iterative optimization
Agentic workflow
Compiler emulation
Direct preference optimization
Compiler passes sampling
Ensemble learning
Encoder-decoder
Few-shot prompting
Contextual prompting
Chain-of-thought
Retrieval-augmented generation
Scaffolding optimization
Dataset
Reinforcement learning
Search-based
Code token tree
Modular generation
Metric design
Diff synthesis"""
ROLES = """\
Optimizer
Generator
Compiler
Decoder
Diff generator
Evaluator
Advisor
Encoder
Type inferencer"""
SECTIONS = {"Table 2": CHALLENGES, "Table 3": TECHNIQUES, "Table 4": ROLES}


def rows(section: str) -> dict[str, str]:
    """Return the answers of one section by what stands in the first column."""
    text = PAGE.split(f"## {section}")[1].split("\n## ")[0]
    cells = (
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith("| **")
    )
    return {first: answer for first, answer, _ in cells if answer != "perfbot"}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_row_of_the_table_is_answered_in_its_order(section: str) -> None:
    found = rows(section)
    assert [*found] == SECTIONS[section].splitlines()
    assert set(found.values()) <= ANSWERS


def test_the_five_challenges_are_answered() -> None:
    assert [name[:2] for name in rows("The five challenges")] == ["1.", "2.", "3.", "4.", "5."]


def test_every_place_that_is_named_exists() -> None:
    named = set(re.findall(r"`([\w/.]+/[\w.]*)`", PAGE))
    assert len(named) > 40
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []


def test_a_yes_names_a_place() -> None:
    for line in PAGE.splitlines():
        assert "| yes |" not in line or "`" in line, line
