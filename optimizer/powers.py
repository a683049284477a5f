"""Which names give code more than computing: the tables behind :mod:`perfbot.optimizer.capabilities`.

A name is dotted and starts from the module that it is imported from: ``os.path.exists``. The tables
err on the side of naming too much: an optimization rarely needs any of it.
"""

import sys
from collections.abc import Mapping

_MODULES = {
    "network": (
        "socket ssl http urllib.request ftplib smtplib socketserver xmlrpc requests httpx aiohttp "
        "select selectors"
    ),
    "processes": "subprocess multiprocessing pty popen2 webbrowser",
    "file-reads": "linecache glob zipfile tarfile zipimport pathlib._local netrc",
    "file-writes": "shutil tempfile fileinput mmap shelve dbm sqlite3 fcntl syslog termios tty",
    "threads": "threading _thread concurrent concurrent.futures asyncio queue sched",
    "interpreter-settings": "gc resource faulthandler tracemalloc copyreg site sysconfig",
    "eval": "importlib runpy code codeop marshal pickle dill cloudpickle pkgutil imp",
    "frames": "inspect traceback dis trace bdb pdb profile cProfile",
    "builtins": "builtins unittest.mock",
    "exit-handlers": "atexit signal",
    "ctypes": "ctypes cffi _ctypes",
    "clock": "time timeit",
    "test-harness": "pytest unittest _pytest hypothesis doctest test perfbot _perfbot_inside",
}
_ATTRIBUTES = {
    "processes": "os.system os.popen os.fork os.forkpty os.kill os.killpg os.posix_spawn os.startfile",
    "file-reads": (
        "os.scandir os.listdir os.walk os.fwalk os.stat os.lstat os.access os.readlink os.read os.path.exists "
        "os.path.lexists os.path.isfile os.path.isdir os.path.islink os.path.ismount os.path.getsize "
        "os.path.getmtime os.path.getatime os.path.getctime os.path.realpath os.path.samefile "
        "tokenize.open io.open_code"
    ),
    "file-writes": (
        "os.remove os.unlink os.rename os.replace os.mkdir os.makedirs os.rmdir os.chmod os.write os.open "
        "os.fdopen os.dup os.dup2 os.pipe os.close os.closerange os.truncate os.symlink os.link os.sendfile "
        "io.FileIO logging.FileHandler numpy.save numpy.savetxt numpy.savez numpy.memmap"
    ),
    "interpreter-settings": (
        "sys.setrecursionlimit sys.setswitchinterval sys.settrace sys.setprofile sys.monitoring "
        "sys.set_int_max_str_digits sys.flags sys.addaudithook warnings.simplefilter warnings.filterwarnings "
        "warnings.resetwarnings warnings.filters warnings.showwarning logging.disable logging.basicConfig "
        "logging.setLoggerClass logging.setLogRecordFactory logging.captureWarnings logging.shutdown "
        "logging.root logging.lastResort random.seed random.setstate locale.setlocale decimal.getcontext "
        "decimal.setcontext numpy.seterr numpy.random.seed numpy.set_printoptions codecs.register "
        "codecs.register_error re.purge"
    ),
    "eval": "typing.get_type_hints annotationlib types.FunctionType types.CodeType types.LambdaType",
    "frames": "sys._getframe sys._current_frames sys.exc_info sys.exception sys._getframemodulename",
    "exit": "sys.exit",
    "exit-handlers": "os._exit os.abort weakref.finalize",
    "environment": "os.environ os.environb os.getenv os.putenv os.getpid os.getcwd os.chdir",
}
_HARMLESS = frozenset(
    "os.path os.sep os.altsep os.extsep os.pathsep os.linesep os.curdir os.pardir os.devnull os.name os.error "
    "os.fspath os.fsencode os.fsdecode os.PathLike os.strerror os.cpu_count os.urandom "
    "sys.version sys.version_info sys.hexversion sys.implementation sys.platform sys.byteorder sys.maxsize "
    "sys.maxunicode sys.float_info sys.int_info sys.hash_info sys.intern sys.getsizeof "
    "sys.getrecursionlimit sys.getdefaultencoding sys.getfilesystemencoding "
    "sys.stdout.write sys.stdout.writelines sys.stdout.flush sys.stderr.write sys.stderr.flush".split()
)
_BUILTINS = {
    "eval": "eval exec compile __import__",
    "reflection": "globals locals setattr delattr vars getattr",
    "builtins": "breakpoint help license copyright credits __builtins__ __loader__ __spec__ __file__",
    "exit": "exit quit",
    "input": "input",
    "file-writes": "open",
}
_ANY_ATTRIBUTE = {
    "frames": (
        "f_locals f_globals f_back f_builtins f_code f_trace tb_frame tb_next gi_frame gi_code cr_frame cr_code "
        "ag_frame ag_code __traceback__"
    ),
    "builtins": (
        "__globals__ __code__ __closure__ __builtins__ __subclasses__ __loader__ __spec__ __defaults__ "
        "__kwdefaults__ __self__ __func__ __wrapped__ __import__"
    ),
    "reflection": "__mro__ __bases__ __getattribute__",
    "file-reads": "read_text read_bytes",
    "file-writes": "write_text write_bytes unlink touch mkdir rmdir symlink_to hardlink_to",
}
# Methods of paths that other objects have, too: they count where pathlib is imported.
PATH_METHODS = frozenset("exists is_file is_dir iterdir rglob stat lstat readlink".split())
# Modules that do harm through any of their attributes: not to be passed on under another name.
GUARDED = frozenset("os sys builtins".split())
_SAME = {
    "posix": "os",
    "nt": "os",
    "posixpath": "os.path",
    "ntpath": "os.path",
    "bltns": "builtins",
}
_EXECUTORS = ("os.exec", "os.spawn")  # os.execv, os.spawnl, …
_OPENERS = frozenset("open io.open codecs.open gzip.open bz2.open lzma.open".split())
_NO_MODULE = frozenset({"datetime.time", "select.select", "signal.signal"})  # named like one


def _inverted(table: Mapping[str, str]) -> dict[str, str]:
    return {word: capability for capability, words in table.items() for word in words.split()}


BY_BUILTIN, BY_ANY_ATTRIBUTE = _inverted(_BUILTINS), _inverted(_ANY_ATTRIBUTE)
_BY_MODULE, _BY_ATTRIBUTE = _inverted(_MODULES), _inverted(_ATTRIBUTES)
_BORROWED = GUARDED | _BY_MODULE.keys() | _SAME.keys()


def resolved(dotted: str) -> str:
    """Return the name that a dotted one stands for: ``sys.modules`` for ``warnings.sys.modules``.

    Modules of the standard library hold each other as attributes; what other packages hold counts
    where it is called ``os``, ``sys`` or ``builtins``.
    """
    parts = dotted.split(".")
    known = _BORROWED if parts[0] in sys.stdlib_module_names else GUARDED
    start = 0
    for place in range(1 if parts[0] else 2, len(parts)):  # ``from . import os`` is one's own
        pair = f"{parts[place - 1]}.{parts[place]}"
        if pair not in _NO_MODULE and _bare(parts[place]) in known and pair not in _BY_MODULE:
            start = place
    head = parts[start].lstrip("_") if start else parts[0]
    return ".".join([_SAME.get(head, head), *parts[start + 1 :]])


def _bare(name: str) -> str:
    return name.lstrip("_") if not name.startswith("__") else name


def power_of(dotted: str) -> str | None:
    """Return the capability that a resolved dotted name gives, ``None`` for a harmless one."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        if name in _BY_ATTRIBUTE:
            return _BY_ATTRIBUTE[name]
        if name in _BY_MODULE:
            return _BY_MODULE[name]
        if name in _HARMLESS:
            return None
    if dotted.startswith(_EXECUTORS):
        return "processes"
    if parts[0] in GUARDED and len(parts) > 1:
        return "builtins"
    return "interpreter-settings" if _is_private(parts[0]) else None


def _is_private(module: str) -> bool:
    """Say whether a module is one of those that the standard library keeps to itself."""
    private = module.startswith("_") and not module.startswith("__")
    return private and module in sys.stdlib_module_names


def opens(dotted: str) -> bool:
    """Say whether a function of this name opens files, for reading or for writing."""
    return dotted in _OPENERS
