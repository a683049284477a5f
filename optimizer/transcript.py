"""Transcripts of runs on this machine: one SQLite file that several perfbot processes share.

Texts are kept once each, by their hash; all other rows point to them. The file and its folder are
readable by their owner alone, since they hold source text (``transcript_file.py``).
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from perfbot.optimizer.diagnosis import SEEN
from perfbot.optimizer.knowledge import Pair
from perfbot.optimizer.outcomes import Outcome
from perfbot.optimizer.recorded import (
    Gain,
    RecordedCall,
    RecordedDecision,
    RecordedFunction,
    RecordedTrial,
    Run,
    Transcript,
    TranscriptError,
)
from perfbot.optimizer.redaction import HASHED, Redaction, digest, storable
from perfbot.optimizer.strategies import Suggestion
from perfbot.optimizer.transcript_file import FILE_NAME, alone, connected, is_broken, move_aside

UNUSABLE = "{file} cannot be used: {why}"
FASTER = "accepted: at least {low:.2f}× as fast"
MOVED = "{file} is broken ({why}); it was moved to {aside}, and a new one begun"
BROKE = "{file} is broken ({why}); it was moved to {aside}, and the next run begins a new one"
NO_RUN = "{file} has no run {run!r}"
SEVERAL = "{file} has several runs that begin with {run!r}: write more of it"

_Record = TypeVar("_Record")
_ONLY_FORMS = Redaction()

_JUDGED = """
    JOIN functions ON functions.id = {table}.function JOIN runs ON runs.run = functions.run
    WHERE (?1 IS NULL OR runs.repository = ?1) AND runs.keeps = 'local' AND functions.code <> ''
      AND {table}.code <> ''"""
_ACCEPTED = f"""
    SELECT functions.code AS before, decisions.code AS after, suggestions, gain, detail AS told
    FROM decisions {_JUDGED.format(table="decisions")} AND judgement = 'accepted'
    ORDER BY at_s DESC, decisions.id DESC LIMIT ?2"""  # noqa: S608 - our own names
_REFUSED = f"""
    SELECT functions.code AS before, decisions.code AS after, suggestions, NULL AS gain,
           decisions.why || ': ' || detail AS told, at_s
    FROM decisions {_JUDGED.format(table="decisions")} AND judgement = 'rejected'
    UNION ALL
    SELECT functions.code, trials.code, suggestions, NULL, trials.why, at_s
    FROM trials {_JUDGED.format(table="trials")} AND trials.why <> '' AND instr(trials.why, ?3) = 0
    ORDER BY at_s DESC LIMIT ?2"""  # noqa: S608


def ranked(documents: Sequence[Sequence[str]], query: Sequence[str]) -> list[int]:
    """Return the places of the documents that share words with the query, the nearest first.

    Words are ASCII letters and digits. The order is that of FTS5's ``bm25``, then of places.
    """
    words = sorted(set(query))
    if not documents or not words:
        return []
    with closing(sqlite3.connect(":memory:")) as index:
        index.execute("CREATE VIRTUAL TABLE documents USING fts5(words)")
        rows = [(place, " ".join(each)) for place, each in enumerate(documents)]
        index.executemany("INSERT INTO documents (rowid, words) VALUES (?, ?)", rows)
        wanted = " OR ".join(words)
        found = index.execute(
            "SELECT rowid FROM documents WHERE documents MATCH ? ORDER BY rank, rowid", (wanted,)
        )
        return [place for (place,) in found]


class Store:
    """The transcripts of this machine. Writing and reading raise TranscriptError.

    One store may be handed from thread to thread, but not be used by two at once.
    """

    def __init__(self, file: Path, connection: sqlite3.Connection, redaction: Redaction) -> None:
        self.file = file
        self.note = ""  # what a person should know of how it was opened
        self._connection = connection
        self._redaction = redaction
        self._inode = file.stat().st_ino

    @classmethod
    def open(cls, folder: Path, redaction: Redaction = _ONLY_FORMS) -> "Store":
        """Open the store in a folder; make what is missing, and move a broken file aside.

        Raises:
            TranscriptError: the file is of a newer version, or cannot be written.
        """
        file = folder / FILE_NAME
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with alone(folder):
                return cls._opened(file, redaction)
        except OSError as error:
            raise TranscriptError(UNUSABLE.format(file=file, why=error.strerror)) from error
        except sqlite3.Error as error:
            raise TranscriptError(UNUSABLE.format(file=file, why=error)) from error

    @classmethod
    def _opened(cls, file: Path, redaction: Redaction) -> "Store":
        try:
            return cls(file, connected(file), redaction)
        except sqlite3.DatabaseError as error:
            if not is_broken(error):
                raise
            aside = move_aside(file)
            store = cls(file, connected(file), redaction)
            store.note = MOVED.format(file=file, why=error, aside=aside.name)
            return store

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()

    # Writing: each of these is whole or not at all.

    def begin(self, run: Run) -> None:
        """Add a run."""
        row = {**_columns(run), "settings": _json(run.settings), "keeps": str(run.keeps)}
        with self._writing():
            self._insert("runs", row)

    def end(self, run: str, at_s: float) -> None:
        """Note that a run came to its end."""
        with self._writing():
            self._connection.execute("UPDATE runs SET ended_s = ? WHERE run = ?", (at_s, run))

    def add_function(self, run: str, function: RecordedFunction) -> int:
        """Add a function of a run, without what belongs to it; return its number."""
        row: dict[str, object] = {
            "run": run,
            "path": function.path,
            "qualname": function.qualname,
            "line": function.line,
            "file": function.file,
        }
        with self._writing():
            return self._insert("functions", {**row, "code": self._source(function.code)})

    def add_call(self, function: int, call: RecordedCall) -> None:
        """Add a call; a message that was sent before is not stored again."""
        with self._writing():
            row = {
                **_columns(call),
                "function": function,
                "prompts": _json(call.prompts),
                "messages": _json([(each.role, self._source(each.text)) for each in call.messages]),
                "sampling": _json(call.sampling),
                "reply": None if call.reply is None else self._source(call.reply),
                "certainty": _json(call.certainty) if call.certainty else None,
                "error": self._redaction.plain(call.error),
            }
            self._insert("calls", row)

    def add_trial(self, function: int, trial: RecordedTrial) -> None:
        """Add a version that was tried."""
        with self._writing():
            row = {
                **_columns(trial),
                "function": function,
                "suggestions": self._suggestions(trial.suggestions),
                "edits": self._edits(trial),
                "code": self._source(trial.code),
                "why": self._redaction.source_text(trial.why),
            }
            self._insert("trials", row)

    def add_decision(self, function: int, decision: RecordedDecision) -> None:
        """Add what the judge said."""
        gates = [
            replace(gate, detail=self._redaction.source_text(gate.detail))
            for gate in decision.gates
        ]
        with self._writing():
            row = {
                **_columns(decision),
                "function": function,
                "suggestions": self._suggestions(decision.suggestions),
                "code": self._source(decision.code),
                "detail": self._redaction.source_text(decision.detail),
                "gain": _json(decision.gain) if decision.gain else None,
                "gates": _json(gates),
            }
            self._insert("decisions", row)

    def add_outcome(self, outcome: Outcome) -> None:
        """Add what became of a proposal."""
        with self._writing():
            (salt,) = self._connection.execute("SELECT salt FROM salt").fetchone()
            row = {
                **_columns(outcome),
                "who": digest(salt + outcome.who)[:16] if outcome.who else "",
                "edited": self._source(outcome.edited),
            }
            self._insert("outcomes", row)

    # Reading.

    def runs(self, repository: str | None = None) -> tuple[Run, ...]:
        """Return the runs, of one repository or of all, the newest first."""
        rows = self._rows(
            "SELECT * FROM runs WHERE ?1 IS NULL OR repository = ?1 ORDER BY started_s DESC, run",
            repository,
        )
        return tuple(map(_run, rows))

    def transcript(self, run: str) -> Transcript:
        """Return one run; the beginning of its name is enough where no other begins so.

        Raises:
            TranscriptError: there is no such run, or several.
        """
        rows = self._rows("SELECT * FROM runs WHERE substr(run, 1, length(?1)) = ?1", run)
        if len(rows) != 1:
            told = SEVERAL if rows and run else NO_RUN
            raise TranscriptError(told.format(file=self.file, run=run))
        found = _run(rows[0])
        functions = self._rows("SELECT * FROM functions WHERE run = ? ORDER BY id", found.run)
        return Transcript(found, tuple(map(self._function, functions)))

    def outcomes(self, repository: str | None = None) -> tuple[Outcome, ...]:
        """Return what became of proposals, in the order in which it was told; ``who`` is a hash."""
        rows = self._rows(
            "SELECT * FROM outcomes WHERE ?1 IS NULL OR repository = ?1 ORDER BY id", repository
        )
        return tuple(self._record(row, Outcome, (), ("edited",)) for row in rows)

    def judged_code(self, repository: str | None, *, accepted: bool, most: int) -> list[Pair]:
        """Return code that was judged, the newest first, of one repository or of all.

        What was refused includes what the search dropped for a reason of its own.
        """
        query, left_out = (_ACCEPTED, ()) if accepted else (_REFUSED, (SEEN,))
        return [self._pair(row) for row in self._rows(query, repository, most, *left_out)]

    def _pair(self, row: sqlite3.Row) -> Pair:
        suggestions = msgspec.json.decode(row["suggestions"], type=tuple[Suggestion, ...])
        gain = msgspec.json.decode(row["gain"], type=Gain) if row["gain"] else None
        return Pair(
            self._text(row["before"]),
            self._text(row["after"]),
            tuple(each.strategy.name for each in suggestions),
            FASTER.format(low=gain.low) if gain else row["told"],
        )

    def _function(self, row: sqlite3.Row) -> RecordedFunction:
        number = row["id"]
        return RecordedFunction(
            row["path"],
            row["qualname"],
            row["line"],
            row["file"],
            self._text(row["code"]),
            tuple(map(self._call, self._of(number, "calls"))),
            tuple(
                self._record(each, RecordedTrial, ("suggestions", "edits"), ("code",))
                for each in self._of(number, "trials")
            ),
            tuple(
                self._record(each, RecordedDecision, ("suggestions", "gain", "gates"), ("code",))
                for each in self._of(number, "decisions")
            ),
        )

    def _of(self, function: int, table: str) -> list[sqlite3.Row]:
        return self._rows(f"SELECT * FROM {table} WHERE function = ? ORDER BY id", function)  # noqa: S608

    def _call(self, row: sqlite3.Row) -> RecordedCall:
        spoken: list[tuple[str, str]] = msgspec.json.decode(row["messages"])
        messages = [{"role": role, "text": self._text(key)} for role, key in spoken]
        parsed = ("prompts", "sampling", "certainty")
        return self._record(row, RecordedCall, parsed, ("reply",), messages=messages)

    def _record(
        self,
        row: sqlite3.Row,
        kind: type[_Record],
        parsed: Sequence[str],
        texts: Sequence[str],
        **given: object,
    ) -> _Record:
        """Return a row as a record: ``parsed`` columns hold JSON, ``texts`` point to a text."""
        values = {name: row[name] for name in row.keys() if name not in ("id", "function")}  # noqa: SIM118
        for name in parsed:
            values[name] = None if row[name] is None else msgspec.json.decode(row[name])
        for name in texts:
            values[name] = None if row[name] is None else self._text(row[name])
        return msgspec.convert(values | given, kind)

    def _text(self, key: str) -> str:
        if not key or key.startswith(HASHED):
            return key
        (row,) = self._rows("SELECT text FROM texts WHERE sha256 = ?", key)
        return str(row["text"])

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise TranscriptError(self._explained(error)) from error

    # The ways to a row.

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled it back already
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise TranscriptError(self._explained(error)) from error

    def _insert(self, table: str, row: Mapping[str, object]) -> int:
        values = [storable(each) if isinstance(each, str) else each for each in row.values()]
        places = ", ".join("?" * len(values))
        query = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"  # noqa: S608 - our own names
        return self._connection.execute(query, values).lastrowid or 0

    def _source(self, text: str) -> str:
        """Keep a text once; return what stands for it in a row."""
        kept = self._redaction.source_text(text)
        if not kept or self._redaction.source:
            return kept
        key = digest(kept)
        self._connection.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (key, kept))
        return key

    def _suggestions(self, suggestions: Sequence[Suggestion]) -> str:
        return _json(
            [replace(each, why=self._redaction.source_text(each.why)) for each in suggestions]
        )

    def _edits(self, trial: RecordedTrial) -> str:
        if self._redaction.source:
            return "[]"
        return _json([replace(each, text=self._redaction.plain(each.text)) for each in trial.edits])

    def _explained(self, error: sqlite3.Error) -> str:
        """Say why a file cannot be used, after a broken one was moved aside."""
        if not is_broken(error):
            return UNUSABLE.format(file=self.file, why=error)
        try:
            with alone(self.file.parent):
                if self.file.stat().st_ino != self._inode:  # another process was first
                    return UNUSABLE.format(file=self.file, why=error)
                aside = move_aside(self.file)
        except OSError:
            return UNUSABLE.format(file=self.file, why=error)
        return BROKE.format(file=self.file, why=error, aside=aside.name)


def _run(row: sqlite3.Row) -> Run:
    values = dict(row) | {
        "dirty": bool(row["dirty"]),
        "settings": msgspec.json.decode(row["settings"]),
    }
    return msgspec.convert(values, Run)


def _columns(
    record: Run | RecordedCall | RecordedTrial | RecordedDecision | Outcome,
) -> dict[str, object]:
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
