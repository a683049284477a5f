"""The tables of the project index, and how a prompt shows them.

What is stored stands in tables with names in the singular; what may be asked by a proposed query
are the views over them, in the plural, where every number is spelled out as a path or a name.
"""

APPLICATION_ID = 0x50_42_49_58  # "PBIX", so that a file of somebody else is told from an old index

MIGRATIONS = (  # append only; a step that changes what is read of a file ends with DELETE FROM file
    """
    CREATE TABLE file (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        module TEXT NOT NULL,
        digest BLOB NOT NULL,
        lines INTEGER NOT NULL,
        is_test INTEGER NOT NULL
    );
    CREATE TABLE source (
        file INTEGER PRIMARY KEY REFERENCES file ON DELETE CASCADE,
        text BLOB NOT NULL
    );
    CREATE TABLE symbol (
        id INTEGER PRIMARY KEY,
        file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
        qualname TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        first_line INTEGER NOT NULL,
        end_line INTEGER NOT NULL,
        signature TEXT NOT NULL,
        docstring TEXT NOT NULL,
        decorators TEXT NOT NULL,
        parent INTEGER,
        is_public INTEGER NOT NULL,
        value TEXT
    );
    CREATE INDEX symbol_by_place ON symbol (file, qualname);
    CREATE INDEX symbol_by_name ON symbol (name);
    CREATE INDEX symbol_by_parent ON symbol (parent);
    CREATE TABLE import (
        file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
        line INTEGER NOT NULL,
        symbol INTEGER NOT NULL,
        module TEXT NOT NULL,
        name TEXT NOT NULL,
        local TEXT NOT NULL
    );
    CREATE INDEX import_by_file ON import (file);
    CREATE TABLE way (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        way TEXT NOT NULL,
        symbol INTEGER,
        UNIQUE (name, way)
    );
    CREATE INDEX way_by_symbol ON way (symbol);
    CREATE TABLE use (
        file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
        line INTEGER NOT NULL,
        way INTEGER NOT NULL,
        manner TEXT NOT NULL,
        symbol INTEGER NOT NULL,
        PRIMARY KEY (file, line, way, manner, symbol)
    ) WITHOUT ROWID;
    CREATE INDEX use_by_way ON use (way);
    CREATE INDEX use_by_symbol ON use (symbol);
    CREATE TABLE base (
        file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
        symbol INTEGER NOT NULL,
        place INTEGER NOT NULL,
        name TEXT NOT NULL,
        way INTEGER NOT NULL
    );
    CREATE INDEX base_by_file ON base (file);
    CREATE INDEX base_by_symbol ON base (symbol);
    CREATE INDEX base_by_way ON base (way);
    CREATE TABLE unread (path TEXT PRIMARY KEY, why TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE embedding (
        model TEXT NOT NULL,
        digest BLOB NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (model, digest)
    ) WITHOUT ROWID;
    CREATE VIRTUAL TABLE word USING fts5 (
        text, detail = none, tokenize = "porter ascii tokenchars '_'"
    );

    CREATE VIEW files AS SELECT path, module, lines, is_test FROM file;
    CREATE VIEW symbols AS
        SELECT f.path, s.qualname, s.name, s.kind, s.first_line, s.end_line, s.signature,
            s.docstring, s.decorators, p.qualname AS parent, s.is_public
        FROM symbol s JOIN file f ON f.id = s.file LEFT JOIN symbol p ON p.id = s.parent;
    CREATE VIEW imports AS
        SELECT f.path, i.line, s.qualname AS inside, i.module, i.name, i.local
        FROM import i JOIN file f ON f.id = i.file JOIN symbol s ON s.id = i.symbol;
    CREATE VIEW uses AS
        SELECT f.path, u.line, s.qualname AS inside, u.manner, w.name,
            tf.path AS target_path, t.qualname AS target
        FROM use u JOIN file f ON f.id = u.file JOIN symbol s ON s.id = u.symbol
            JOIN way w ON w.id = u.way
            LEFT JOIN symbol t ON t.id = w.symbol LEFT JOIN file tf ON tf.id = t.file;
    CREATE VIEW bases AS
        SELECT f.path, s.qualname AS class, b.place, b.name AS base,
            tf.path AS target_path, t.qualname AS target
        FROM base b JOIN symbol s ON s.id = b.symbol JOIN file f ON f.id = s.file
            JOIN way w ON w.id = b.way
            LEFT JOIN symbol t ON t.id = w.symbol LEFT JOIN file tf ON tf.id = t.file;
    """,
)

VIEWS = frozenset(("files", "symbols", "imports", "uses", "bases"))

SCHEMA_TEXT = """\
files(path, module, lines, is_test)
symbols(path, qualname, name, kind, first_line, end_line, signature, docstring, decorators, parent, is_public)
  kind: module, class, function, method, property, variable, attribute; docstring: its first line;
  qualname: Python's __qualname__, '<module>' for the module itself; parent: qualname of what it stands in
imports(path, line, inside, module, name, local)
  from module import name as local; name is '' for "import module", '*' for all
uses(path, line, inside, manner, name, target_path, target)
  a name used inside the symbol with that qualname; manner: call, read, write, decorate, inherit;
  target is the qualname of the symbol meant, NULL where that is not certain or outside the project
bases(path, class, place, base, target_path, target)
"""
