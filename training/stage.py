"""What all stages share: a configuration, a folder, a log, seeds, checkpoints and a model card.

A stage is a script, run as ``python -m perfbot.training.<stage> --config FILE``. Its folder holds the
configuration that it was run with, checkpoints, ``log.jsonl`` (one line for each logging step),
TensorBoard's files, ``objective.json`` (the stage's own objective before and after) and the model.
An interrupted stage goes on from its last checkpoint when it is run again with the same file.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

NO_FILE = "{path} cannot be read as a configuration ({why})"
WRONG = "{path}: {why}"
OTHER_RUN = (
    "{folder} holds a run of another configuration: name another folder under out:, or remove it"
)
NOT_INSTALLED = "{name} is missing: pip install 'perfbot[training]'"
FINISHED = "{folder} is finished: {told}"
TOLD = "{what}: {before:.4g} → {after:.4g}"

CHECKPOINTS, LOG, OBJECTIVE, CONFIGURATION = (
    "checkpoints",
    "log.jsonl",
    "objective.json",
    "run.json",
)
_START = "start.json"
_PACKAGES = ("torch", "transformers", "trl", "datasets", "accelerate", "peft", "tokenizers")

Config = TypeVar("Config", bound=msgspec.Struct)


class StageError(Exception):
    """A stage cannot be run; the message is one sentence that says what to do."""


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long and how fast a stage learns. A step sees ``batch`` times ``accumulate`` examples."""

    steps: int
    batch: int = 8
    accumulate: int = 1
    learning_rate: float = 2e-5
    decay: str = "cosine"
    warm_up_steps: int = 0
    weight_decay: float = 0.0
    save_every: int = 100
    log_every: int = 10
    seed: int = 0
    threads: int = 2
    cpu: bool = False
    bf16: bool = True


class StageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every stage is told: where its results go, and its schedule."""

    out: Path
    schedule: Schedule


class Objective(msgspec.Struct, frozen=True):
    """What a stage is to make better, on data that it does not learn from."""

    what: str
    before: float
    after: float
    higher_is_better: bool = True
    details: Mapping[str, float] = {}

    @property
    def told(self) -> str:
        """The figures in words."""
        return TOLD.format(what=self.what, before=self.before, after=self.after)


def main(kind: type[Config], run: Callable[[Config], None], doc: str | None) -> None:
    """Read the command line and run a stage; what is wrong with its input is one sentence."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--config", required=True, type=Path, metavar="FILE")
    path = parser.parse_args().config
    try:
        run(read_config(path, kind))
    except ModuleNotFoundError as error:
        if error.name not in (*_PACKAGES, "tensorboard"):
            raise
        sys.exit(NOT_INSTALLED.format(name=error.name))
    except Exception as error:
        if not _is_for_people(error):
            raise
        sys.exit(str(error))


def _is_for_people(error: Exception) -> bool:
    """Say whether an error's message is a sentence of perfbot's own."""
    return type(error).__module__.startswith("perfbot.")


def read_config(path: Path, kind: type[Config]) -> Config:
    """Read a stage's YAML file; relative paths in it are meant from where the command runs.

    Raises:
        StageError: it cannot be read, or has an unknown key or a wrong value.
    """
    try:
        found = yaml.safe_load(path.read_bytes())
        return msgspec.convert(found, kind, dec_hook=_path)
    except (OSError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())
        raise StageError(NO_FILE.format(path=path, why=why)) from None
    except msgspec.ValidationError as error:
        raise StageError(WRONG.format(path=path, why=error)) from None


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError


def _plain(value: object) -> object:
    return str(value)


class Run:
    """One run of a stage in its folder.

    Raises:
        StageError: the folder holds a run of another configuration.
    """

    def __init__(self, stage: str, config: StageConfig) -> None:
        self.stage = stage
        self.folder = config.out
        self._config = msgspec.json.decode(msgspec.json.encode(config, enc_hook=_plain))
        self._started = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self.folder / CONFIGURATION
        if kept.is_file() and json.loads(kept.read_bytes()) != self._config:
            raise StageError(OTHER_RUN.format(folder=self.folder))
        kept.write_text(json.dumps(self._config, indent=2) + "\n")
        seed(config.schedule)

    @property
    def finished(self) -> bool:
        """Whether an earlier run came to its end; then says so."""
        path = self.folder / OBJECTIVE
        if path.is_file():
            told = msgspec.json.decode(path.read_bytes(), type=Objective).told
            print(FINISHED.format(folder=self.folder, told=told), file=sys.stderr)
        return path.is_file()

    @property
    def checkpoint(self) -> str | None:
        """The last checkpoint that was written whole, ``None`` before there is one."""
        found = (self.folder / CHECKPOINTS).glob("checkpoint-*")
        whole = [each for each in found if (each / "trainer_state.json").is_file()]
        latest = max(whole, key=lambda each: int(each.name.partition("-")[2]), default=None)
        return str(latest) if latest else None

    def at_start(self, measure: Callable[[], float]) -> float:
        """Return what ``measure()`` gives before the first step, also when the run goes on later."""
        path = self.folder / _START
        if not path.is_file():
            path.write_text(json.dumps(float(measure())))
        return float(json.loads(path.read_bytes()))

    def log(self, **figures: object) -> None:
        """Add a line to the log."""
        with (self.folder / LOG).open("a") as stream:
            stream.write(json.dumps({"stage": self.stage, **figures}) + "\n")

    def finish(self, model: Any, tokenizer: Any, objective: Objective, about: str) -> None:
        """Write the model, its card and the objective, which comes last: it says that all is there."""
        model.save_pretrained(self.folder)
        tokenizer.save_pretrained(self.folder)
        (self.folder / "README.md").write_text(self._card(objective, about))
        self.close(objective)

    def close(self, objective: Objective) -> None:
        """Write the objective and say it."""
        self.log(objective=objective.what, before=objective.before, after=objective.after)
        (self.folder / OBJECTIVE).write_bytes(msgspec.json.encode(objective) + b"\n")
        seconds = time.monotonic() - self._started
        print(f"{self.stage}: {objective.told} ({seconds:.0f} s)", file=sys.stderr)

    def _card(self, objective: Objective, about: str) -> str:
        """Return the model card: what it is, what it was made from, and how it does."""
        config = yaml.safe_dump(self._config, sort_keys=False)
        details = "".join(
            f"| {name} | {value:.4g} |\n" for name, value in objective.details.items()
        )
        figures = f"| | |\n|---|---:|\n| before | {objective.before:.4g} |\n| after | {objective.after:.4g} |\n"
        inputs = "".join(f"- `{path}`, SHA-256 {digest}\n" for path, digest in self._inputs())
        return (
            f"---\nlibrary_name: transformers\ntags: [perfbot, {self.stage}]\n---\n"
            f"# {self.folder.name}: stage {self.stage} of perfbot's training\n\n{about}\n\n"
            f"## {objective.what}\n\n{figures}{details}\n"
            f"## Made from\n\n{inputs}\n```yaml\n{config}```\n\n"
            f"## Made with\n\n{', '.join(_versions())}\n\n"
            "## Not shown\n\nNothing that this model writes is believed: perfbot's gates and judge "
            "decide. The figures hold for the data named above and for nothing else.\n"
        )

    def _inputs(self) -> Sequence[tuple[str, str]]:
        """Return the files that the configuration names, with their digests."""
        names = [value for value in self._config.values() if isinstance(value, str)]
        files = [Path(name) for name in names if Path(name).is_file()]
        return [(str(file), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]


def _versions() -> list[str]:
    return [f"{name} {metadata.version(name)}" for name in _PACKAGES]


def seed(schedule: Schedule) -> None:
    """Make what follows repeatable: seeds, the number of threads, no nondeterministic kernels."""
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    transformers.set_seed(schedule.seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(schedule.threads)


def arguments(run: Run, schedule: Schedule) -> dict[str, Any]:
    """Return what every trainer of TRL is told, for the ``…Config`` of one."""
    return {
        "output_dir": str(run.folder / CHECKPOINTS),
        "max_steps": schedule.steps,
        "per_device_train_batch_size": schedule.batch,
        "gradient_accumulation_steps": schedule.accumulate,
        "learning_rate": schedule.learning_rate,
        "lr_scheduler_type": schedule.decay,
        "warmup_steps": schedule.warm_up_steps,
        "weight_decay": schedule.weight_decay,
        "seed": schedule.seed,
        "data_seed": schedule.seed,
        "use_cpu": schedule.cpu,
        "bf16": schedule.bf16,
        "save_steps": schedule.save_every,
        "save_total_limit": 2,
        "logging_steps": schedule.log_every,
        "report_to": [],  # see callbacks
        "disable_tqdm": not sys.stderr.isatty(),
        "dataloader_pin_memory": False,
        "activation_checkpointing": False,
    }


def callbacks(run: Run) -> list[Any]:
    """Return what writes a trainer's figures to the run's log and to TensorBoard's files."""
    import transformers
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations import TensorBoardCallback

    class Logged(transformers.TrainerCallback):  # type: ignore[misc] # not followed by mypy
        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            run.log(step=state.global_step, **(logs or {}))

    return [Logged(), TensorBoardCallback(SummaryWriter(str(run.folder / "tensorboard")))]
