"""The line of stages on a few shapes, small enough for tests: settings, and how a stage is made."""

from pathlib import Path

import msgspec

SHAPES = ("members kept", "unseen kept", "windows summed")

_CPU = {"cpu": True, "threads": 1, "bf16": False, "save_every": 1000, "log_every": 5}
_POLICY = {"tasks": 18, "held_out": 9, "temperature": 0.9, "most_tokens": 170}
SETTINGS: dict[str, dict[str, object]] = {
    "sft": {
        "shape": {"hidden": 64, "layers": 2, "heads": 4, "feed_forward": 128, "longest": 256},
        "modes": {"plan+code": 1},
        "longest": 256,
        "schedule": {"steps": 500, "batch": 6, "learning_rate": 6e-3, "warm_up_steps": 20, **_CPU},
    },
    "preference": {
        **_POLICY, "samples": 4, "longest": 256,
        "schedule": {"steps": 12, "batch": 8, "learning_rate": 2e-4, **_CPU},
    },
    "reward_model": {
        "longest": 256,
        "schedule": {"steps": 25, "batch": 8, "learning_rate": 5e-4, **_CPU},
    },
    "rloo": {
        **_POLICY, "samples": 4,
        "schedule": {"steps": 8, "batch": 16, "learning_rate": 3e-4, "decay": "constant", **_CPU},
    },
    "grpo": {
        **_POLICY, "tasks": 48, "held_out": 12, "samples": 4, "most_tokens": 80,
        "schedule": {"steps": 12, "batch": 32, "learning_rate": 3e-4, "decay": "constant", **_CPU},
    },
}  # fmt: skip
BASES = {"preference": "sft", "reward_model": "sft", "rloo": "preference", "grpo": "sft"}


def configured(folder: Path, stage: str, out: Path, **changed: object):
    """Return a stage's module and its configuration in the folder of the line."""
    from importlib import import_module

    module = import_module(f"perfbot.training.{stage}")
    (kind,) = [
        each
        for name, each in vars(module).items()
        if name.endswith("Config") and name != "StageConfig" and each.__module__ == module.__name__
    ]
    known = {
        "out": out,
        "pairs": folder / "pairs.jsonl",
        "memory": folder / "judged.jsonl",
        "tokenizer": folder / "tokenizer",
        "base": folder / BASES[stage] if stage in BASES else None,
        "preferences": folder / "preference",
        **SETTINGS[stage],
        **changed,
    }
    fields = {name: known[name] for name in kind.__struct_fields__ if known.get(name) is not None}
    return module, msgspec.convert(fields, kind, dec_hook=lambda _kind, value: value)


def made(folder: Path, stage: str) -> Path:
    """Run a stage, and those before it, unless that was done; return its folder."""
    from perfbot.training import exercises, tokenizer

    pairs = folder / "pairs.jsonl"
    if not pairs.exists():
        config = exercises.Exercises(
            out=pairs, spellings=60, memory=folder / "judged.jsonl", shapes=SHAPES,
            project=folder / "project",
        )  # fmt: skip
        exercises.run(config)
        tokenizer.run(
            tokenizer.TokenizerConfig(
                out=folder / "tokenizer", pairs=pairs, vocabulary=1024, longest=256
            )
        )
    out = folder / stage
    if not (out / "objective.json").exists():
        if stage in BASES:
            made(folder, BASES[stage])
        if stage == "reward_model":
            made(folder, "preference")
        module, config = configured(folder, stage, out)
        module.run(config)
    return out
