"""The structural questions to an index, in SQL; whoever asks gives the values by place."""

SYMBOL = (
    "SELECT f.path, s.qualname, s.name, s.kind, s.first_line, s.end_line, s.signature,"
    " s.docstring, s.decorators, coalesce(p.qualname, '') AS parent, s.is_public"
    " FROM symbol s JOIN file f ON f.id = s.file LEFT JOIN symbol p ON p.id = s.parent"
)

PLACE = "SELECT s.id FROM symbol s JOIN file f ON f.id = s.file WHERE f.path = ? AND "
CALLERS = (
    "SELECT u.symbol, u.line FROM use u JOIN way w ON w.id = u.way"
    " WHERE u.manner IN ('call', 'decorate') AND w.symbol = ? ORDER BY u.symbol, u.line"
)
CALLERS_BY_NAME = (
    "SELECT u.symbol, u.line FROM use u JOIN way w ON w.id = u.way"
    " WHERE u.manner IN ('call', 'decorate') AND w.way = '' AND w.name = ? ORDER BY u.symbol, u.line"
)
INSIDE = (  # the symbol itself and the functions in it
    "SELECT i.id FROM symbol o JOIN symbol i ON i.file = o.file AND (i.id = o.id"
    " OR substr(i.qualname, 1, length(o.qualname) + 10) = o.qualname || '.<locals>.')"
    " WHERE o.id = ?"
)
CALLEES = (
    "SELECT w.symbol, u.line FROM use u JOIN way w ON w.id = u.way"  # noqa: S608 - of constants
    f" WHERE u.manner IN ('call', 'decorate') AND u.symbol IN ({INSIDE}) AND w.symbol IS NOT NULL"
    " ORDER BY w.symbol, u.line"
)
USED = (
    "SELECT w.symbol, u.line FROM use u JOIN way w ON w.id = u.way"  # noqa: S608 - of constants
    f" WHERE u.manner <> 'write' AND u.symbol IN ({INSIDE}) AND w.symbol IS NOT NULL"
    " ORDER BY w.symbol, u.line"
)
CALLEES_BY_NAME = (
    "SELECT max(s.id), u.line FROM use u"  # noqa: S608 - of constants
    " JOIN way w ON w.id = u.way JOIN symbol s ON s.name = w.name"
    f" WHERE u.manner IN ('call', 'decorate') AND u.symbol IN ({INSIDE}) AND w.way = '' AND s.kind = 'method'"
    " GROUP BY w.id, u.line HAVING count(*) = 1 ORDER BY 1, 2"
)
REFERENCES = (
    "SELECT f.path, u.line, s.qualname, u.manner, w.symbol FROM way w JOIN use u ON u.way = w.id"
    " JOIN file f ON f.id = u.file JOIN symbol s ON s.id = u.symbol WHERE w.name = ?"
    " ORDER BY f.path, u.line, w.id"
)
TESTS = (
    "SELECT DISTINCT u.symbol FROM way w JOIN use u ON u.way = w.id JOIN file f ON f.id = u.file"
    " WHERE f.is_test AND (w.symbol = ?1 OR (w.way = '' AND w.name = ?2))"
)
IMPORTS = (
    "SELECT i.line, s.qualname, i.module, i.name, i.local FROM import i"
    " JOIN file f ON f.id = i.file JOIN symbol s ON s.id = i.symbol"
    " WHERE f.path = ? ORDER BY i.line, i.rowid"
)
SOURCE = "SELECT s.text FROM source s JOIN file f ON f.id = s.file WHERE f.path = ?"
WITH_WORDS = (
    "SELECT word.rowid, bm25(word) AS score FROM word"
    " JOIN symbol s ON s.id = word.rowid JOIN file f ON f.id = s.file"
    " WHERE word MATCH ? AND s.kind <> 'module' ORDER BY round(score, 9), f.path, s.id LIMIT ?"
)
VECTORS = "SELECT digest, vector FROM embedding WHERE model = ?"
KEEP_VECTOR = "INSERT OR REPLACE INTO embedding VALUES (?, ?, ?)"
