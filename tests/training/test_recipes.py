"""Every recipe is read by its stage, and the stages of a line find what those before them wrote."""

from importlib import import_module
from pathlib import Path

import msgspec
import pytest
import yaml

from perfbot.training.stage import read_config

RECIPES = sorted(
    path
    for path in (Path(__file__).parents[2] / "recipes").rglob("*.yml")
    if "config" not in path.parts
)
SMOKE = {path.stem: yaml.safe_load(path.read_text()) for path in RECIPES}


def record(stage: str) -> type[msgspec.Struct]:
    """Return the record that a stage's ``run`` takes."""
    module = import_module(f"perfbot.training.{stage}")
    return getattr(module, module.run.__annotations__["config"].__name__)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_recipe_is_read_by_its_stage(path: Path) -> None:
    assert isinstance(read_config(path, record(path.stem)), record(path.stem))


def test_the_smoke_line_fits_together() -> None:
    made = {settings["out"] for settings in SMOKE.values()}
    for settings in SMOKE.values():
        for name in ("base", "tokenizer", "pairs", "preferences"):
            assert settings.get(name) in {None, *made}
    assert SMOKE["rloo"]["base"] == SMOKE["preference"]["out"]
    assert SMOKE["grpo"]["base"] == SMOKE["sft"]["out"]
    shared = {settings["memory"] for settings in SMOKE.values() if "memory" in settings}
    assert len(shared) == 1


def test_every_stage_of_make_train_smoke_has_a_recipe() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    (line,) = [each for each in makefile.splitlines() if each.startswith("\tfor stage in ")]
    stages = line.removeprefix("\tfor stage in ").partition(";")[0].split()
    assert set(stages) == set(SMOKE)
