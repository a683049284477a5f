"""Which strategies make the fast side fast: named by a model, or without one by the catalogue.

    python -m perfbot.training.annotate --config recipes/annotate.toml

With a model (``naming.py``): free extraction, names made alike, the fifteen categories, and extraction
again guided by them. Without one (``recognition.py``): the catalogue's rules from slow to fast, and the
differences of the two texts. Pairs that have strategies already (self-made ones, perfbot's own) keep
them. ``out`` is a file of pairs; beside it ``annotated.md`` has the counts, and replies are kept, so that
a second run asks for nothing that was answered.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from perfbot.optimizer.endpoint import Endpoint
from perfbot.optimizer.local import LocalModel
from perfbot.optimizer.models import Model, ModelError
from perfbot.training import naming, records
from perfbot.training.data_stage import Kept, StageError, configured, key_of, say, table
from perfbot.training.naming import Freely
from perfbot.training.recognition import MOST_STRATEGIES, recognized
from perfbot.training.records import NamedStrategy, RecordsError, TrainingPair, named

WITHOUT = "without a strategy"
PROGRESS = "{done}/{all} {record}: {names}"
BOTH_MODELS = "name a model by its url and name, or by its directory, not both"
NO_KEY_FILE = "{path}, which is to hold the endpoint's key, cannot be read: {why}"
FITS = "{names:,} distinct names, of which {share:.2%} fit a category (PerfCoder: 60,650, 90.27 %)"


class ModelConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model: an OpenAI-compatible endpoint, or a directory on this machine.

    ``key_file`` holds the endpoint's key, where it wants one.
    """

    url: str = ""
    name: str = ""
    key_file: str = ""
    directory: str = ""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stage's configuration. Paths are relative to its file; no ``model``: by the catalogue."""

    pairs: list[str]
    out: str
    model: ModelConfig | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; return 0, or 1 where it could not come to its end."""
    try:
        config, base = configured(Config, argv, __doc__ or "")
        return run(config, base, model_of(config.model, base))
    except (StageError, RecordsError, ModelError, OSError) as error:
        say(f"annotate: {error}")
        return 1


def model_of(config: ModelConfig | None, base: Path) -> Model | None:
    """Return the model that is configured.

    Raises:
        StageError: it is named in two ways or in none, or its key cannot be read.
    """
    if config is None:
        return None
    if bool(config.url and config.name) == bool(config.directory):
        raise StageError(BOTH_MODELS)
    if config.directory:
        return LocalModel(base / config.directory)
    path = base / config.key_file
    try:
        key = path.read_text(encoding="utf-8").strip() if config.key_file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise StageError(NO_KEY_FILE.format(path=path, why=error)) from error
    return Endpoint(config.url, config.name, key)


def run(config: Config, base: Path, model: Model | None) -> int:
    """Annotate and write.

    Raises:
        ModelError: the model gave no reply; what it said before is kept.
    """
    out = base / config.out
    kept = Kept.opened(out.with_suffix(".replies.jsonl"))
    pairs = [pair for each in config.pairs for pair in records.read(base / each)]
    told: list[str] = []
    if model is None:
        annotated = list(by_catalogue(pairs, kept))
    else:
        annotated, fits = by_model(model, pairs, kept)
        told.append(fits)
    records.write(out, annotated)
    told.append(table(Counter(_categories(annotated)), "category, of all pairs"))
    told.append(table(Counter(_sources(annotated)), "strategies named"))
    out.with_name("annotated.md").write_text("\n\n".join(told) + "\n", encoding="utf-8")
    return 0


def _categories(pairs: Sequence[TrainingPair]) -> Iterator[str]:
    for pair in pairs:
        yield from {each.category.value for each in pair.strategies} or {WITHOUT}


def _sources(pairs: Sequence[TrainingPair]) -> Iterator[str]:
    for pair in pairs:
        yield f"{pair.source}: {len(pair.strategies)}"


# -- without a model -------------------------------------------------------------------------------

_STRATEGIES = msgspec.json.Decoder(tuple[NamedStrategy, ...])


def by_catalogue(pairs: Sequence[TrainingPair], kept: Kept) -> Iterator[TrainingPair]:
    """Yield the pairs with what rules and differences tell of them."""
    for done, pair in enumerate(pairs, start=1):
        if pair.strategies:
            yield pair
            continue
        key = key_of("catalogue", pair.slow, pair.fast, pair.language)
        if key not in kept.found:
            kept.add(key, msgspec.json.encode(recognized(pair).strategies))
        strategies = _STRATEGIES.decode(kept.found[key])
        names = ", ".join(each.name for each in strategies) or "-"
        say(PROGRESS.format(done=done, all=len(pairs), record=pair.record, names=names))
        yield msgspec.structs.replace(pair, strategies=strategies)


# -- by a model ------------------------------------------------------------------------------------

_FREE = msgspec.json.Decoder(list[Freely])


def by_model(
    model: Model, pairs: Sequence[TrainingPair], kept: Kept
) -> tuple[list[TrainingPair], str]:
    """Return the pairs with what a model names, and how many of its free names fit the categories.

    Raises:
        ModelError: there is no reply.
    """
    asked = [pair for pair in pairs if not pair.strategies]
    free: dict[str, list[Freely]] = {}
    for done, pair in enumerate(asked, start=1):
        key = key_of("free", model.name, naming.PROMPT_VERSION, pair.slow, pair.fast)
        if key not in kept.found:
            kept.add(key, msgspec.json.encode(naming.extracted(model, pair)))
        free[pair.record] = _FREE.decode(kept.found[key])
        names = ", ".join(each.name for each in free[pair.record]) or "-"
        say(PROGRESS.format(done=done, all=len(asked), record=pair.record, names=names))
    forms = naming.distinct(each.name for found in free.values() for each in found)
    categories = naming.classified(model, sorted(set(forms.values())))
    share = naming.share_that_fits(categories)
    found = [pair if pair.strategies else _guided(model, pair, kept) for pair in pairs]
    return found, FITS.format(names=len(categories), share=share)


def _guided(model: Model, pair: TrainingPair, kept: Kept) -> TrainingPair:
    key = key_of("guided", model.name, naming.PROMPT_VERSION, pair.slow, pair.fast)
    if key not in kept.found:
        strategies = tuple(
            named(each.category, _name_in(each.description), each.description)
            for each in naming.guided(model, pair)[:MOST_STRATEGIES]
        )
        kept.add(key, msgspec.json.encode(strategies))
    return msgspec.structs.replace(pair, strategies=_STRATEGIES.decode(kept.found[key]))


def _name_in(description: str) -> str:
    """Return the finer name that opens a description, or its first words."""
    name, colon, _ = description.partition(":")
    return name if colon and len(name) <= 60 else " ".join(description.split()[:6])


if __name__ == "__main__":
    sys.exit(main())
