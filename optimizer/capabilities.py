"""What code reaches for beyond computing: the list of things that a patch may not newly do.

A capability is forbidden when it is *new to the file* (docs/judging.md); a repository may allow one
by name. The list errs on the side of naming too much: an optimization rarely needs any of it.
"""

import ast
from collections.abc import Iterator, Mapping, Set

_MODULES = {
    "network": (
        "socket ssl http urllib.request ftplib smtplib socketserver xmlrpc requests httpx aiohttp "
        "select selectors"
    ),
    "processes": "subprocess multiprocessing pty popen2",
    "file-writes": "shutil tempfile fileinput mmap shelve dbm sqlite3",
    "threads": "threading _thread concurrent concurrent.futures asyncio queue",
    "interpreter-settings": "gc resource faulthandler tracemalloc",
    "eval": "importlib runpy code codeop marshal pickle dill cloudpickle pkgutil imp",
    "frames": "inspect traceback dis",
    "builtins": "builtins unittest.mock",
    "exit-handlers": "atexit signal",
    "ctypes": "ctypes cffi _ctypes",
    "clock": "time timeit",
    "test-harness": "pytest unittest _pytest hypothesis perfbot _perfbot_inside",
}
_CALLS = {
    "eval": "eval exec compile __import__",
    "reflection": "globals locals setattr delattr vars",
    "builtins": "breakpoint",
    "exit": "exit quit",
    "input": "input",
}
_ATTRIBUTES = {
    "processes": "os.system os.popen os.fork os.forkpty os.kill os.killpg os.posix_spawn os.startfile",
    "file-writes": (
        "os.remove os.unlink os.rename os.replace os.mkdir os.makedirs os.rmdir os.chmod os.write os.open "
        "os.fdopen os.dup os.dup2 os.pipe os.close os.closerange os.truncate os.symlink os.link os.sendfile"
    ),
    "interpreter-settings": (
        "sys.setrecursionlimit sys.setswitchinterval sys.settrace sys.setprofile sys.monitoring "
        "sys.set_int_max_str_digits sys.flags"
    ),
    "frames": "sys._getframe sys._current_frames sys.exc_info",
    "builtins": (
        "sys.modules sys.meta_path sys.path sys.path_hooks sys.argv sys.orig_argv "
        "sys.displayhook sys.excepthook sys.unraisablehook sys.path_importer_cache"
    ),
    "exit": "sys.exit",
    "exit-handlers": "os._exit os.abort",
    "environment": "os.environ os.environb os.getenv os.putenv os.getpid os.getcwd os.chdir",
}
_ANY_ATTRIBUTE = {
    "frames": "f_locals f_globals f_back tb_frame gi_frame cr_frame ag_frame __traceback__",
    "builtins": "__globals__ __code__ __closure__ __builtins__ __subclasses__ __loader__ __spec__ __defaults__",
    "reflection": "__mro__ __bases__",
    "file-writes": "write_text write_bytes unlink touch mkdir rmdir symlink_to hardlink_to",
}
_NAMES = {"builtins": "__builtins__ __loader__ __spec__ __file__"}
# Modules that do harm through any of their attributes: not to be passed on under another name.
_GUARDED = frozenset("os sys posix builtins".split())
_EXECUTORS = ("exec", "spawn")  # os.execv, os.spawnl, …


_ANY_OF = frozenset(f"{module}.*" for module in _GUARDED)


def _inverted(table: Mapping[str, str]) -> dict[str, str]:
    return {word: capability for capability, words in table.items() for word in words.split()}


_BY_MODULE, _BY_CALL, _BY_ATTRIBUTE = _inverted(_MODULES), _inverted(_CALLS), _inverted(_ATTRIBUTES)
_BY_ANY_ATTRIBUTE, _BY_NAME = _inverted(_ANY_ATTRIBUTE), _inverted(_NAMES)


def capabilities(module: ast.Module) -> dict[str, str]:
    """Return the capabilities that a module uses, each with the text of one place that uses it."""
    modules = _module_aliases(module)
    imported = modules.keys() | _names_from_elsewhere(module)
    found: dict[str, str] = {}
    for node in ast.walk(module):
        for capability in (*_of(node, modules), *_of_tampering(node, imported)):
            found.setdefault(capability, ast.unparse(node).split("\n", maxsplit=1)[0][:80])
    for node in _passed_on(module, modules):
        found.setdefault("builtins", node.id)
    return found


def imported_packages(module: ast.Module) -> frozenset[str]:
    """Return the top-level names of all absolute imports."""
    return frozenset(name.split(".")[0] for node in ast.walk(module) for name in _imported(node))


def _module_aliases(module: ast.Module) -> dict[str, str]:
    """Return local names of imported modules: ``{"o": "os"}`` for ``import os as o``."""
    return {
        alias.asname or alias.name.split(".")[0]: alias.name
        if alias.asname
        else alias.name.split(".")[0]
        for node in ast.walk(module)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def _names_from_elsewhere(module: ast.Module) -> frozenset[str]:
    """Return local names of what is imported out of modules: functions, classes, submodules."""
    return frozenset(
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    )


def _passed_on(module: ast.Module, modules: Mapping[str, str]) -> Iterator[ast.Name]:
    """Yield uses of a guarded module as a value, as in ``getattr(os, name)`` or ``o = os``."""
    named = {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and id(node) not in named
            and modules.get(node.id) in _GUARDED
        ):
            yield node


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _of(node: ast.AST, modules: Mapping[str, str]) -> Iterator[str]:
    for name in _imported(node):
        yield from _of_module(name)
        if isinstance(node, ast.ImportFrom) and name in _ANY_OF:
            yield "builtins"
        if name in _BY_ATTRIBUTE:
            yield _BY_ATTRIBUTE[name]
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _BY_CALL:
            yield _BY_CALL[name]
        case ast.Call(func=ast.Name(id="open") | ast.Attribute(attr="open")) as call if (
            _opens_for_writing(call)
        ):
            yield "file-writes"
        case ast.Name(id=name) if name in _BY_NAME:
            yield _BY_NAME[name]
        case ast.Attribute():
            yield from _of_attribute(node, modules)


def _of_module(name: str) -> Iterator[str]:
    for prefix in (name, name.split(".")[0]):
        if prefix in _BY_MODULE:
            yield _BY_MODULE[prefix]


def _of_attribute(node: ast.Attribute, modules: Mapping[str, str]) -> Iterator[str]:
    if node.attr in _BY_ANY_ATTRIBUTE:
        yield _BY_ANY_ATTRIBUTE[node.attr]
    if not isinstance(node.value, ast.Name):
        return
    module = modules.get(node.value.id, "")
    if f"{module}.{node.attr}" in _BY_ATTRIBUTE:
        yield _BY_ATTRIBUTE[f"{module}.{node.attr}"]
    elif module == "os" and node.attr.startswith(_EXECUTORS):
        yield "processes"


def _of_tampering(node: ast.AST, imported: Set[str]) -> Iterator[str]:
    """Assigning to an attribute of an imported module, class or function changes it for everybody."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign(targets=found):
            targets = found
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            targets = [target]
        case ast.Delete(targets=found):
            targets = found
    for each in targets:
        if (
            isinstance(each, ast.Attribute)
            and isinstance(each.value, ast.Name)
            and each.value.id in imported
        ):
            yield "builtins"


def _opens_for_writing(call: ast.Call) -> bool:
    """Say whether ``open(path, mode)`` or ``path.open(mode)`` may write; a computed mode may."""
    place = 1 if isinstance(call.func, ast.Name) else 0
    modes = [
        *call.args[place : place + 1],
        *(word.value for word in call.keywords if word.arg == "mode"),
    ]
    return any(
        not isinstance(mode, ast.Constant) or set(str(mode.value)) & set("wax+") for mode in modes
    )
