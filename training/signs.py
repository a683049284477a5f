"""The tables of ``differences.py``: what a program shows more, or less, of when it was made faster."""

from dataclasses import dataclass

from perfbot.optimizer.strategies import Category


@dataclass(frozen=True, slots=True)
class Sign:
    """A row: ``looks_for`` are marks (see ``differences.marks``) of which one must be new, or gone."""

    category: Category
    name: str
    why: str
    looks_for: tuple[str, ...]
    gone: bool = False


_C = Category
PYTHON = (
    Sign(
        _C.INPUT_OUTPUT,
        "input read at once",
        "all input comes in one call of sys.stdin instead of one input() per line",
        (
            "sys.stdin.read",
            "sys.stdin.buffer.read",
            "stdin.read",
            "open.read",
            "sys.stdin.readlines",
            "sys.stdin.buffer.readlines",
            "read()",
        ),
    ),
    Sign(
        _C.INPUT_OUTPUT,
        "lines read by readline",
        "sys.stdin.readline skips what input() does for a terminal",
        ("sys.stdin.readline", "sys.stdin.buffer.readline", "stdin.readline"),
    ),
    Sign(
        _C.INPUT_OUTPUT,
        "output joined",
        "one print of joined text instead of one call for each item",
        ("print:join", "sys.stdout.write"),
    ),
    Sign(
        _C.DATA_STRUCTURE,
        "set for membership",
        "a set answers membership without looking through all items",
        ("set", "frozenset"),
    ),
    Sign(
        _C.DATA_STRUCTURE,
        "dict for look-ups",
        "a dict finds by key what was searched for",
        ("dict", "Dict", "DictComp", "defaultdict", "collections.defaultdict"),
    ),
    Sign(
        _C.DATA_STRUCTURE,
        "counting by Counter",
        "Counter counts in C what a loop counted",
        ("Counter", "collections.Counter"),
    ),
    Sign(
        _C.DATA_STRUCTURE,
        "queue to deque",
        "a deque gives up its front in constant time",
        ("deque", "collections.deque"),
    ),
    Sign(
        _C.DATA_STRUCTURE,
        "heap for the smallest",
        "a heap keeps the smallest at hand without sorting again",
        ("heappush", "heappop", "heapq.heappush", "heapq.heappop", "heapify", "heapq.heapify"),
    ),
    Sign(
        _C.ALGORITHM,
        "binary search",
        "bisect halves what is left instead of going through all of it",
        (
            "bisect",
            "bisect_left",
            "bisect_right",
            "bisect.bisect",
            "bisect.bisect_left",
            "bisect.bisect_right",
        ),
    ),
    Sign(
        _C.ALGORITHM,
        "recursion remembers its parts",
        "results that were found are kept and not computed again",
        ("lru_cache", "cache", "functools.lru_cache", "functools.cache"),
    ),
    Sign(
        _C.ALGORITHM,
        "sums kept as prefixes",
        "accumulate gives every prefix's sum in one pass",
        ("accumulate", "itertools.accumulate"),
    ),
    Sign(
        _C.ALGORITHM,
        "fewer nested loops",
        "the loops nest less deep, so the work grows by a lower power",
        ("loop depth",),
        True,
    ),
    Sign(
        _C.ALGORITHM,
        "recursion to a loop",
        "a loop does without a frame for each step",
        ("recursive",),
        True,
    ),
    Sign(_C.ALGORITHM, "closed form", "a formula takes the place of a loop", ("loops",), True),
    Sign(
        _C.NUMERICAL,
        "greatest common divisor by gcd",
        "math.gcd divides in C",
        ("gcd", "math.gcd", "fractions.gcd"),
    ),
    Sign(
        _C.NUMERICAL,
        "power modulo by pow",
        "pow with three arguments keeps the numbers small",
        ("pow:3",),
    ),
    Sign(
        _C.NUMERICAL,
        "integers instead of floats",
        "whole numbers need no conversion and no rounding",
        ("Div", "float", "math.ceil", "math.floor", "math.sqrt"),
        True,
    ),
    Sign(
        _C.LIBRARY,
        "array arithmetic by NumPy",
        "NumPy does the arithmetic in compiled loops",
        ("import numpy",),
    ),
    Sign(_C.LIBRARY, "sum by the builtin", "sum adds in C", ("sum",)),
    Sign(_C.LIBRARY, "extremes by the builtins", "min and max compare in C", ("min", "max")),
    Sign(_C.LIBRARY, "counting by count", "count looks for an item in C", (".count",)),
    Sign(
        _C.LIBRARY,
        "combinations by itertools",
        "itertools makes the combinations in C",
        (
            "combinations",
            "itertools.combinations",
            "product",
            "itertools.product",
            "permutations",
            "itertools.permutations",
        ),
    ),
    Sign(
        _C.LIBRARY,
        "call per item to map",
        "map calls without a frame of the interpreter's for each item",
        ("map",),
    ),
    Sign(
        _C.LOOP,
        "loop to comprehension",
        "a comprehension appends without looking the method up",
        ("ListComp", "SetComp", "GeneratorExp"),
    ),
    Sign(_C.LOOP, "two sequences walked by zip", "zip gives both items without an index", ("zip",)),
    Sign(
        _C.LOOP,
        "steps skipped by a stride",
        "range steps over what the loop would pass by",
        ("range:3",),
    ),
    Sign(
        _C.BRANCHING,
        "stop once decided",
        "the loop ends as soon as the answer is known",
        ("Break",),
    ),
    Sign(_C.BRANCHING, "fewer branches", "fewer conditions are tested", ("If", "IfExp"), True),
    Sign(
        _C.CALL_OVERHEAD,
        "fewer calls",
        "work is done in place instead of by a function for each item",
        ("calls",),
        True,
    ),
    Sign(
        _C.CALL_OVERHEAD,
        "names made local",
        "names of a function are quicker than those of the module",
        ("code in a function",),
    ),
    Sign(
        _C.CALL_OVERHEAD,
        "no evaluation of input",
        "int reads a number without the compiler that eval starts",
        ("eval",),
        True,
    ),
    Sign(
        _C.LIFETIME,
        "unused import dropped",
        "a module that is not needed is not loaded",
        ("imports",),
        True,
    ),
    Sign(
        _C.MEMORY,
        "fewer copies",
        "lists are not copied where one of them does",
        ("slice", ".copy", "copy.copy", "copy.deepcopy", "deepcopy", "list"),
        True,
    ),
    Sign(
        _C.MEMORY, "list made at its size", "the list is made once at its full size", ("Mult:List",)
    ),
    Sign(
        _C.INSTRUCTION,
        "bits instead of division",
        "shifts and masks take the place of division and remainder",
        ("RShift", "LShift", "BitAnd", "BitXor"),
    ),
    Sign(
        _C.CONCURRENCY,
        "work in parallel",
        "several workers share the work",
        (
            "ThreadPoolExecutor",
            "ProcessPoolExecutor",
            "Pool",
            "Thread",
            "concurrent.futures.ThreadPoolExecutor",
            "multiprocessing.Pool",
        ),
    ),
)
CPP = (
    Sign(
        _C.INPUT_OUTPUT,
        "streams untied from stdio",
        "cin and cout do without their ties to stdio",
        ("sync_with_stdio", "tie"),
    ),
    Sign(
        _C.INPUT_OUTPUT,
        "scanf and printf",
        "scanf and printf read and write with less work per item than streams",
        ("scanf", "printf", "getchar", "getchar_unlocked", "fread", "putchar", "puts"),
    ),
    Sign(
        _C.INPUT_OUTPUT,
        "no flush for each line",
        "a line end does not flush the stream as endl does",
        ("endl",),
        True,
    ),
    Sign(
        _C.DATA_STRUCTURE,
        "hash table for look-ups",
        "a hash table finds in constant time",
        ("unordered_map", "unordered_set"),
    ),
    Sign(
        _C.DATA_STRUCTURE,
        "array instead of a tree",
        "an array indexed by the key takes the place of a tree",
        ("map", "set", "multiset"),
        True,
    ),
    Sign(_C.DATA_STRUCTURE, "bitset", "a bitset packs flags into words", ("bitset",)),
    Sign(
        _C.ALGORITHM,
        "binary search",
        "halving takes the place of a search through everything",
        ("lower_bound", "upper_bound", "binary_search"),
    ),
    Sign(
        _C.ALGORITHM,
        "fewer nested loops",
        "the loops nest less deep, so the work grows by a lower power",
        ("loop depth",),
        True,
    ),
    Sign(
        _C.ALGORITHM,
        "recursion to a loop",
        "a loop does without a frame for each step",
        ("recursive",),
        True,
    ),
    Sign(_C.ALGORITHM, "closed form", "a formula takes the place of a loop", ("loops",), True),
    Sign(
        _C.MEMORY,
        "memory reserved once",
        "a vector that knows its size does not grow step by step",
        ("reserve",),
    ),
    Sign(
        _C.MEMORY,
        "fixed arrays",
        "arrays of a fixed size are not allocated at run time",
        ("vector", "string", "new", "malloc"),
        True,
    ),
    Sign(
        _C.COMPILER, "compiler told to optimize", "pragmas ask the compiler for more", ("pragma",)
    ),
    Sign(_C.CALL_OVERHEAD, "arguments by reference", "a reference passes no copy", ("const &",)),
    Sign(_C.CALL_OVERHEAD, "calls inlined", "an inlined function costs no call", ("inline",)),
    Sign(
        _C.NUMERICAL,
        "integers instead of floats",
        "whole numbers need no conversion and no rounding",
        ("double", "float", "pow", "sqrt"),
        True,
    ),
    Sign(
        _C.INSTRUCTION,
        "bits instead of division",
        "shifts and masks take the place of division and remainder",
        ("<<=", ">>=", ">>", "& 1"),
    ),
    Sign(
        _C.BRANCHING,
        "stop once decided",
        "the loop ends as soon as the answer is known",
        ("break",),
    ),
    Sign(_C.BRANCHING, "fewer branches", "fewer conditions are tested", ("if",), True),
    Sign(
        _C.LIBRARY,
        "work by the standard library",
        "an algorithm of the standard library does it in one tuned pass",
        (
            "sort",
            "accumulate",
            "max_element",
            "min_element",
            "count",
            "reverse",
            "next_permutation",
            "fill",
            "memset",
        ),
    ),
    Sign(
        _C.CONCURRENCY,
        "work in parallel",
        "several threads share the work",
        ("thread", "async", "omp"),
    ),
)
