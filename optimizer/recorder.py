"""Keeps a run's transcript while it goes on, without ever slowing or breaking it.

What happens is put into a queue; a thread of its own redacts and writes. Whatever keeps it from
writing (a full disk, a file that others hold) ends the recording with one sentence, not the run.
"""

import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from perfbot.optimizer.journal import Call, Decision, Trial
from perfbot.optimizer.models import Reply, Sampling
from perfbot.optimizer.outcomes import patch_key
from perfbot.optimizer.recorded import (
    Certainty,
    Drawn,
    Gain,
    Judgement,
    RecordedCall,
    RecordedDecision,
    RecordedFunction,
    RecordedTrial,
    Run,
    TranscriptError,
)
from perfbot.optimizer.redaction import digest
from perfbot.optimizer.transcript import Store
from perfbot.optimizer.verdict import Accepted, Rejected, Verdict, Why
from perfbot.optimizer.versions import definition, edits, new_code
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.source import UnreadableSource, decode_source

ENDED = "The transcript of this run is not complete: {why}"
TOO_MUCH = "more happened than could be written"
TOO_SLOW = "what was left could not be written in {limit_s:.0f} s"
UNEXPECTED = "{kind}: {error}"

MOST_WAITING = 10_000
_CLOSING_S = 10.0

_Write = Callable[[], object]


class Recorder:
    """A journal that keeps a run in a store; :meth:`close` it, and the store with it, after the run.

    ``trouble`` says why the recording is not complete, ``""`` while it is.
    """

    def __init__(self, store: Store, run: Run) -> None:
        self.trouble = ""
        self._store = store
        self._run = run
        self._functions: dict[FunctionName, tuple[int, str]] = {}  # number and text of the file
        self._waiting: queue.Queue[_Write | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="transcript", daemon=True)
        self._put(lambda: store.begin(run))
        self._thread.start()

    def begun(self, function: FunctionName, text: str) -> None:
        """Keep which function is searched."""
        self._put(lambda: self._begin(function, text))

    def asked(self, call: Call) -> None:
        """Keep a call."""
        at_s = time.time()
        self._put(lambda: self._store.add_call(self._known(call.function)[0], _call(call, at_s)))

    def tried(self, trial: Trial) -> None:
        """Keep a version."""
        at_s = time.time()
        self._put(lambda: self._add_trial(trial, at_s))

    def decided(self, decision: Decision) -> None:
        """Keep a verdict."""
        at_s = time.time()
        self._put(lambda: self._add_decision(decision, at_s))

    def close(self, *, ended: bool = True) -> None:
        """Write what is left, for ten seconds at most; ``ended`` says whether the run came to its end."""
        at_s = time.time()
        if ended:
            self._put(lambda: self._store.end(self._run.run, at_s))
        with suppress(queue.Full):
            self._waiting.put(None, timeout=_CLOSING_S)
        self._thread.join(_CLOSING_S)
        if self._thread.is_alive():
            self.trouble = self.trouble or TOO_SLOW.format(limit_s=_CLOSING_S)

    def _put(self, write: _Write | None) -> None:
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            self.trouble = self.trouble or TOO_MUCH

    def _work(self) -> None:
        while (write := self._waiting.get()) is not None:
            if self.trouble:
                continue  # a transcript with holes would be replayed as if it were whole
            try:
                write()
            except TranscriptError as error:
                self.trouble = str(error)
            except Exception as error:  # a bug here must not reach the run
                self.trouble = UNEXPECTED.format(kind=type(error).__name__, error=error)
        self._store.close()

    # All below runs in the thread that writes.

    def _begin(self, function: FunctionName, text: str) -> tuple[int, str]:
        row = RecordedFunction(
            function.path,
            function.qualname,
            function.line,
            digest(text),
            definition(text, function),
        )
        number = self._store.add_function(self._run.run, row)
        self._functions[function] = number, text
        return number, text

    def _known(self, function: FunctionName, text: str = "") -> tuple[int, str]:
        """Return a function's number and its file's text; one whose search did not begin is added."""
        return self._functions.get(function) or self._begin(function, text)

    def _add_trial(self, trial: Trial, at_s: float) -> None:
        number, before = self._known(trial.function)
        changes = edits(before, trial.text) if trial.text else ()
        code = new_code(before, trial.text, trial.function)
        row = RecordedTrial(
            at_s,
            trial.planner,
            trial.optimizer,
            trial.suggestions,
            digest(trial.text) if trial.text else "",
            changes,
            code or "".join(each.text for each in changes),
            trial.why,
            trial.ratio,
        )
        self._store.add_trial(number, row)

    def _add_decision(self, decision: Decision, at_s: float) -> None:
        path = decision.function.path
        old, new = decision.changes.get(path, (None, b""))
        number, before = self._known(decision.function, _text(path, old or b""))
        after = _text(path, new)
        verdict = decision.verdict
        row = RecordedDecision(
            at_s,
            decision.planner,
            decision.optimizer,
            tuple(decision.suggestions),
            digest(after),
            new_code(before, after, decision.function),
            patch_key(decision.changes),
            _judgement(verdict),
            Why.FASTER if isinstance(verdict, Accepted) else verdict.why,
            "" if isinstance(verdict, Accepted) else verdict.detail,
            _gain(verdict, decision.function),
            verdict.gates,
        )
        self._store.add_decision(number, row)


def _text(path: str, content: bytes) -> str:
    try:
        return decode_source(content, Path(path)).text
    except UnreadableSource:
        return ""


def _call(call: Call, at_s: float) -> RecordedCall:
    reply = call.reply
    usage = reply.usage if reply else None
    return RecordedCall(
        at_s,
        call.purpose,
        call.model,
        call.prompts,
        call.messages,
        _drawn(call.sampling),
        reply.text if reply else None,
        reply.finish if reply else None,
        usage.tokens_in if usage else 0,
        usage.tokens_out if usage else 0,
        usage.usd if usage else 0.0,
        reply.latency_s if reply else 0.0,
        _certainty(reply) if reply else None,
        call.error,
    )


def _drawn(sampling: Sampling) -> Drawn:
    return Drawn(
        sampling.max_tokens,
        sampling.temperature,
        sampling.stop,
        sampling.seed,
        sampling.priority,
        msgspec.json.encode(sampling.schema).decode() if sampling.schema else "",
        sampling.logprobs,
    )


def _certainty(reply: Reply) -> Certainty | None:
    finite = [each for each in reply.logprobs if math.isfinite(each)]
    if not finite:
        return None
    return Certainty(len(finite), math.fsum(finite) / len(finite), min(finite))


def _judgement(verdict: Verdict) -> Judgement:
    if isinstance(verdict, Accepted):
        return Judgement.ACCEPTED
    return Judgement.REJECTED if isinstance(verdict, Rejected) else Judgement.INCONCLUSIVE


def _gain(verdict: Verdict, function: FunctionName) -> Gain | None:
    found = next((each.speedup for each in verdict.measured if each.function == function), None)
    if found is None or not math.isfinite(found.low) or not math.isfinite(found.estimate):
        return None
    high = found.high if math.isfinite(found.high) else None
    return Gain(found.estimate, found.low, high, found.confidence, found.pairs)
