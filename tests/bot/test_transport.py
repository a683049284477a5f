"""Code comes and goes; the token is seen by nobody, and nothing a repository brings along is run."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from perfbot.bot.forge import Change, CommitSha, ForgeError, RepositoryName, Trouble, own_branch
from perfbot.bot.github_session import Site
from perfbot.bot.transport import Remote, Signature, Store
from perfbot.profiling import sandbox
from perfbot.profiling.sandbox import Command, Level, SandboxError

from local_github import Fault, Hosted, LocalGitHub

SIGNATURE = Signature("perfbot", "bot@example.org", datetime(2026, 12, 1, tzinfo=UTC))
BRANCH = own_branch("perfbot/parse-row")
FILES = {"shop.py": "x = 1\n", "tools/run.sh": "#!/bin/sh\n", "ünï code.txt": "ß\n"}
READ = {"contents": "read"}
WRITE = {"contents": "write"}


@dataclass(frozen=True)
class Scene:
    """A hosted repository, and a store beside it."""

    github: LocalGitHub
    hosted: Hosted
    head: CommitSha
    store: Store
    folder: Path

    def remote(self, permissions: dict[str, str], *hosted: Hosted) -> Remote:
        numbers = [one.id for one in hosted or (self.hosted,)]
        installation = next(iter(self.github.world.installations.values()))
        token = self.github.world.mint(installation, numbers, permissions)
        name = RepositoryName(self.hosted.owner, self.hosted.name)
        return Remote(Site(self.github.api), name, token.value)

    def change(self, text: bytes = b"x = 2\n", path: str = "shop.py") -> Change:
        return Change(self.head, "Speed up x\n", {path: text})

    def committed(self, change: Change | None = None) -> CommitSha:
        self.store.fetch(self.remote(READ), self.head)
        return self.store.commit(change or self.change(), SIGNATURE)


@pytest.fixture
def scene(github: LocalGitHub, tmp_path: Path) -> Scene:
    hosted = github.world.repository("ada/shop", FILES)
    github.register("perfbot", WRITE, [hosted])
    head = CommitSha(hosted.bare.branch("main") or "")
    return Scene(github, hosted, head, Store(tmp_path / "store"), tmp_path)


def test_a_commit_is_fetched_by_its_name_and_laid_out_byte_for_byte(scene: Scene) -> None:
    scene.hosted.bare.commit({"shop.py": "x = 3  # pushed after it was approved\n"})
    scene.store.fetch(scene.remote(READ), scene.head)
    exported = scene.store.export(scene.head, scene.folder / "tree")
    found = {
        path.relative_to(exported.folder).as_posix(): path.read_text()
        for path in exported.folder.rglob("*")
        if path.is_file()
    }
    assert found == FILES


def test_what_two_commits_differ_in_is_told_to_the_byte(scene: Scene) -> None:
    """Line ends, missing ones and odd names; what is gone or is no regular file is left out."""
    bare = scene.hosted.bare
    changed = {"shop.py": b"x = 2\r\n\n\n", "ünï code.txt": b"no end", "new/\xe9.bin": b"\xff\0\n"}
    bare.commit(changed, "work", onto="main")
    link = bare.git("hash-object", "-w", "--stdin", given=b"/etc/passwd")
    index = {"GIT_INDEX_FILE": str(scene.folder / "index")}
    bare.git("read-tree", "work", environment=index)
    bare.git("update-index", "--add", "--cacheinfo", f"120000,{link},a-link.py", environment=index)
    gone = f"0 {'0' * 40}\ttools/run.sh\n".encode()
    bare.git("update-index", "--index-info", given=gone, environment=index)
    tree = bare.git("write-tree", environment=index)
    after = CommitSha(bare.git("commit-tree", tree, "-p", scene.head, "-m", "Odd"))
    bare.git("update-ref", "refs/heads/work", after)
    for commit in (scene.head, after):
        scene.store.fetch(scene.remote(READ), commit)
    before = {name: text.encode() for name, text in FILES.items()}
    assert scene.store.changes(scene.head, after) == {
        path: (before.get(path), content) for path, content in changed.items()
    }


def test_too_large_a_change_is_not_looked_at(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfbot.bot.transport._LARGEST_CHANGE_BYTES", 10)
    after = CommitSha(scene.hosted.bare.commit({"shop.py": "x" * 11}, "work", onto="main"))
    for commit in (scene.head, after):
        scene.store.fetch(scene.remote(READ), commit)
    with pytest.raises(ForgeError, match="too large"):
        scene.store.changes(scene.head, after)


def test_files_are_laid_out_in_a_new_folder_and_from_a_fetched_commit_only(scene: Scene) -> None:
    scene.store.fetch(scene.remote(READ), scene.head)
    for commit, folder in (
        (scene.head, scene.folder),
        (CommitSha("f" * 40), scene.folder / "tree"),
    ):
        with pytest.raises(ForgeError, match=r"there already|not a tree object") as raised:
            scene.store.export(commit, folder)
        assert not raised.value.passes


def test_a_change_is_pushed_on_a_branch_of_its_own(scene: Scene) -> None:
    made = scene.committed()
    scene.store.push(scene.remote(WRITE), made, BRANCH, was=None)
    assert scene.hosted.bare.branch(BRANCH) == made
    assert scene.hosted.bare.git("show", f"{made}:shop.py") == "x = 2"
    assert scene.hosted.bare.git("rev-parse", f"{made}^") == scene.head
    assert scene.hosted.bare.git("diff", "--name-only", scene.head, made) == "shop.py"


def test_the_same_change_is_the_same_commit_so_that_a_job_can_run_again(scene: Scene) -> None:
    again = Store(scene.folder / "after a crash")
    again.fetch(scene.remote(READ), scene.head)
    assert again.commit(scene.change(), SIGNATURE) == scene.committed()


def test_a_file_keeps_its_mode_and_a_new_one_is_plain(scene: Scene) -> None:
    bare = scene.hosted.bare
    blob = bare.git("rev-parse", "main:tools/run.sh")
    bare.git("read-tree", "main")
    bare.git("update-index", "--cacheinfo", f"100755,{blob},tools/run.sh")
    tree = bare.git("write-tree")
    head = CommitSha(bare.git("commit-tree", tree, "-m", "Executable"))
    bare.git("update-ref", "refs/heads/main", head)
    scene = replace(scene, head=head)
    files = {"tools/run.sh": b"#!/bin/sh\nexit\n", "tools/new.py": b"y = 1\n"}
    made = scene.committed(Change(head, "Both\n", files))
    scene.store.push(scene.remote(WRITE), made, BRANCH, was=None)
    modes = [line.split()[0] for line in bare.git("ls-tree", "-r", made, "tools").splitlines()]
    assert modes == ["100644", "100755"]


@pytest.mark.parametrize(
    "path", ["../out.py", "/etc/passwd", ".git/config", "a/.GIT/hooks/x", "", "tools", "tools//x"]
)
def test_a_change_of_anything_but_a_regular_file_is_refused(scene: Scene, path: str) -> None:
    with pytest.raises(ForgeError, match="cannot be written") as raised:
        scene.committed(scene.change(path=path))
    assert raised.value.trouble is Trouble.REFUSED


def linked(scene: Scene, **links: str) -> Scene:
    """Add links to the repository, which no worktree has to follow."""
    bare = scene.hosted.bare
    bare.git("read-tree", "main")
    for name, target in links.items():
        blob = bare.git("hash-object", "-w", "--stdin", given=target.encode())
        bare.git("update-index", "--add", "--cacheinfo", f"120000,{blob},{name}")
    head = bare.git("commit-tree", bare.git("write-tree"), "-m", "Links")
    bare.git("update-ref", "refs/heads/main", head)
    return replace(scene, head=CommitSha(head))


def test_links_out_of_the_repository_are_left_out_and_named(scene: Scene) -> None:
    scene = linked(
        scene, inside="tools/run.sh", passwd="/etc/passwd", up="../../secret", circle="circle"
    )
    scene.store.fetch(scene.remote(READ), scene.head)
    exported = scene.store.export(scene.head, scene.folder / "tree")
    assert sorted(exported.left_out) == ["circle", "passwd", "up"]
    assert (exported.folder / "inside").read_text() == "#!/bin/sh\n"
    assert not (exported.folder / "passwd").is_symlink()


def test_a_change_does_not_follow_or_replace_a_link(scene: Scene) -> None:
    scene = linked(scene, elsewhere="tools")
    for path in ("elsewhere", "elsewhere/run.sh"):
        with pytest.raises(ForgeError, match="cannot be written"):
            scene.committed(scene.change(path=path))


def test_a_read_token_cannot_push(scene: Scene) -> None:
    made = scene.committed()
    with pytest.raises(ForgeError, match="push perfbot/parse-row to ada/shop") as raised:
        scene.store.push(scene.remote(READ), made, BRANCH, was=None)
    assert raised.value.trouble is Trouble.DENIED
    assert scene.hosted.bare.branch(BRANCH) is None


def test_a_token_of_one_repository_reaches_no_other(scene: Scene) -> None:
    other = scene.github.world.repository("ada/other", FILES)
    with pytest.raises(ForgeError) as raised:
        scene.store.fetch(scene.remote(WRITE, other), scene.head)
    assert raised.value.trouble is Trouble.MISSING


def test_a_revoked_token_fetches_nothing(scene: Scene) -> None:
    remote = scene.remote(READ)
    scene.github.world.tokens[remote.secret].revoked = True
    with pytest.raises(ForgeError) as raised:
        scene.store.fetch(remote, scene.head)
    assert raised.value.trouble is Trouble.DENIED


def test_a_workflow_is_not_pushed_even_if_perfbot_were_tricked_into_it(scene: Scene) -> None:
    made = scene.committed(scene.change(b"on: push\n", ".github/workflows/ci.yml"))
    with pytest.raises(ForgeError, match="workflow") as raised:
        scene.store.push(scene.remote(WRITE), made, BRANCH, was=None)
    assert raised.value.trouble is Trouble.REFUSED


def test_a_push_over_somebody_elses_commit_is_refused(scene: Scene) -> None:
    made = scene.committed()
    theirs = scene.hosted.bare.commit({"shop.py": "x = 9\n"}, branch=BRANCH, onto="main")
    for was in (None, scene.head):
        with pytest.raises(ForgeError) as raised:
            scene.store.push(scene.remote(WRITE), made, BRANCH, was)
        assert raised.value.trouble is Trouble.REFUSED
    assert scene.hosted.bare.branch(BRANCH) == theirs


def test_a_branch_that_stands_where_expected_is_moved(scene: Scene) -> None:
    first = scene.committed()
    scene.store.push(scene.remote(WRITE), first, BRANCH, was=None)
    second = scene.store.commit(scene.change(b"x = 4\n"), SIGNATURE)
    scene.store.push(scene.remote(WRITE), second, BRANCH, was=first)
    assert scene.hosted.bare.branch(BRANCH) == second


@pytest.mark.parametrize("fault", [Fault.lost_answer, Fault.hangs_up])
def test_a_push_whose_answer_is_lost_was_done_once_and_is_no_failure(
    scene: Scene, fault: Callable[..., Fault]
) -> None:
    made = scene.committed()
    scene.github.faults.add(fault("POST", "git-receive-pack$"))
    scene.store.push(scene.remote(WRITE), made, BRANCH, was=None)
    scene.store.push(scene.remote(WRITE), made, BRANCH, was=None)
    assert scene.hosted.bare.branch(BRANCH) == made
    posts = [one for one in scene.github.requests if one.path.endswith("/git-receive-pack")]
    assert len(posts) == 1


def test_a_server_in_trouble_is_told_apart_from_a_refusal(scene: Scene) -> None:
    scene.github.faults.add(Fault.burst("*", "info/refs$", times=1, status=503))
    with pytest.raises(ForgeError) as raised:
        scene.store.fetch(scene.remote(READ), scene.head)
    assert raised.value.passes


def test_what_a_killed_process_left_behind_does_not_stop_the_next(scene: Scene) -> None:
    """A worker is killed in the middle of a fetch; the store that it leaves can be used again."""
    remote, place = scene.remote(READ), scene.folder / "killed"
    fetching = Event()
    script = (
        "import sys; from pathlib import Path\n"
        "from perfbot.bot.transport import *\n"
        "api, secret, sha, place = sys.argv[1:]\n"
        "remote = Remote(Site(api), RepositoryName('ada', 'shop'), secret)\n"
        "Store(Path(place)).fetch(remote, CommitSha(sha))\n"
    )
    scene.github.faults.add(Fault.meanwhile("POST", "git-upload-pack$", lambda: hold(fetching)))
    arguments = [
        sys.executable,
        "-c",
        script,
        scene.github.api,
        remote.secret,
        scene.head,
        str(place),
    ]
    with subprocess.Popen(arguments, start_new_session=True) as worker:
        assert fetching.wait(20)
        os.killpg(worker.pid, signal.SIGKILL)
    for lock in ("shallow.lock", "packed-refs.lock", "HEAD.lock"):
        (place / lock).touch()
    again = Store(place)
    again.fetch(remote, scene.head)
    assert again.commit(scene.change(), SIGNATURE) == scene.committed()


def hold(reached: Event) -> None:
    reached.set()
    time.sleep(0.5)


def test_a_branch_name_or_revision_is_no_commit(scene: Scene) -> None:
    for odd in ("main", "--upload-pack=touch /tmp/x", "HEAD", scene.head[:12], ""):
        with pytest.raises(ForgeError, match="is no commit"):
            scene.store.fetch(scene.remote(READ), CommitSha(odd))


WATCHER = """
import os, sys
from pathlib import Path

os.setgid(65534)
os.setuid(65534)
secrets = [bytes.fromhex(line) for line in sys.stdin.readline().split()]
print("looking", flush=True)
while os.getppid() == int(sys.argv[1]):
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                text = (process / name).read_bytes()
            except OSError:
                continue
            for secret in secrets:
                if secret in text:
                    print("seen", name, secret.decode(), flush=True)
    print("looked", flush=True)
"""


@contextmanager
def watched_by_nobody(*secrets: str) -> Iterator[Callable[[], set[str]]]:
    """Let another user look at every process again and again; yields how to ask what was seen."""
    if os.geteuid() != 0:
        pytest.skip("only root can look with the eyes of another user")
    watcher = subprocess.Popen(
        [sys.executable, "-c", WATCHER, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watcher.stdin
    assert watcher.stdout
    watcher.stdin.write(" ".join(secret.encode().hex() for secret in secrets) + "\n")
    watcher.stdin.close()
    assert watcher.stdout.readline() == "looking\n"

    def seen() -> set[str]:
        watcher.terminate()
        assert watcher.stdout
        lines = watcher.stdout.read().splitlines()
        assert lines.count("looked") > 1
        return {line for line in lines if line.startswith("seen")}

    try:
        yield seen
    finally:
        watcher.kill()
        watcher.wait()
        watcher.stdout.close()


def spellings(remote: Remote) -> tuple[str, str]:
    """The token, and how it stands in the header."""
    return remote.secret, b64encode(f"x-access-token:{remote.secret}".encode()).decode()


def test_nobody_sees_the_token_while_it_is_pushed(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """Another user watches every process during a slow push; then each file and log line is searched."""
    made, remote = scene.committed(), scene.remote(WRITE)
    with watched_by_nobody("careless", *spellings(remote)) as seen, caplog.at_level(logging.DEBUG):
        scene.github.faults.add(Fault.slow("POST", "git-receive-pack$", 1.0))
        with (
            subprocess.Popen(["sleep", "1"], env={"PATH": os.environ["PATH"], "KEY": "careless"}),
            subprocess.Popen(["sh", "-c", "sleep 1; : careless"]),
        ):
            scene.store.push(remote, made, BRANCH, was=None)
        # What the watcher can see it does see: a command line, but nobody else's environment.
        assert seen() == {"seen cmdline careless"}
    assert scene.hosted.bare.branch(BRANCH) == made
    assert caplog.text
    left = caplog.text.encode() + b"".join(
        path.read_bytes() for path in (scene.folder / "store").rglob("*") if path.is_file()
    )
    assert not [one for one in spellings(remote) if one.encode() in left]


LOOKING = """\
import json, os, pathlib, sys, time
needles = json.load(sys.stdin)
folders, seen, ends = needles.pop("folders"), set(), time.monotonic() + 1.5
while time.monotonic() < ends:
    for path in [*pathlib.Path("/proc").glob("[0-9]*/*"), *pathlib.Path("/tmp").rglob("*")]:
        if path.name in ("maps", "pagemap", "mem", "kmsg", "clear_refs"): continue
        try: content = path.read_bytes() if path.is_file() else b""
        except OSError: continue
        seen |= {f"{name} in {path}" for name, needle in needles.items() if needle.encode() in content}
for folder in folders:
    try: seen |= {f"{folder} can be listed: {os.listdir(folder)}"}
    except OSError: pass
with open(int(os.environ["PERFBOT_RESULTS_FD"]), "w") as results:
    json.dump(sorted(seen), results)
"""


@pytest.mark.parametrize("level", [Level.BUBBLEWRAP, Level.LANDLOCK])
def test_judged_code_sees_no_token_while_it_is_pushed(scene: Scene, level: Level) -> None:
    """Whatever it looks at in its sandbox while the push goes on; the Git directory is not there."""
    try:
        box = sandbox.at(level)
    except SandboxError as error:
        pytest.skip(str(error))
    made, remote = scene.committed(), scene.remote(WRITE)
    token, header = spellings(remote)
    store = scene.folder / "store"
    sought = {"token": token, "header": header, "folders": [str(store), str(scene.folder)]}
    python = Path(sys.executable).resolve()
    command = Command(
        (str(python), "-I", "-S", "-c", LOOKING),
        Path("/usr"),
        readable=(Path(sys.base_prefix).resolve(),),
        stdin=json.dumps(sought).encode(),
    )
    scene.github.faults.add(Fault.slow("POST", "git-receive-pack$", 1.0))
    with ThreadPoolExecutor(1) as pool:
        judged = pool.submit(box.run, command)
        scene.store.push(remote, made, BRANCH, was=None)
        completed = judged.result()
    assert completed.returncode == 0, completed.stderr
    assert json.loads(completed.results) == []
    assert scene.hosted.bare.branch(BRANCH) == made


def test_a_crash_in_the_middle_of_a_push_tells_no_token(scene: Scene, tmp_path: Path) -> None:
    """Git is killed as by a fault; neither a core dump nor the stacks of all threads show the token."""
    made, remote = scene.committed(), scene.remote(WRITE)
    program = f"""
import faulthandler, os, resource, subprocess, sys, threading, time, traceback
sys.path[:0] = {sys.path!r}
from datetime import UTC, datetime
from pathlib import Path
from perfbot.bot.forge import CommitSha, RepositoryName, own_branch
from perfbot.bot.github_session import Site
from perfbot.bot.kept_in_memory import keep_in_memory
from perfbot.bot.transport import Remote, Store
keep_in_memory()
faulthandler.enable(all_threads=True)
secret = sys.stdin.read()
remote = Remote(Site({scene.github.api!r}), RepositoryName({scene.hosted.owner!r}, {scene.hosted.name!r}), secret)
def crash():
    time.sleep(1.0)
    children = Path(f"/proc/{{os.getpid()}}/task/{{os.getpid()}}/children").read_text().split()
    for pid in map(int, children):
        os.kill(pid, 11)
    faulthandler.dump_traceback(all_threads=True)
threading.Thread(target=crash).start()
try:
    Store(Path({str(scene.folder / "store")!r})).push(remote, CommitSha({made!r}), own_branch({str(BRANCH)!r}), None)
except Exception:
    traceback.print_exc()
os.abort()
"""
    scene.github.faults.add(Fault.slow("*", "git", 3.0))
    ran = subprocess.run(
        [
            "sh",
            "-c",
            'ulimit -c unlimited 2>/dev/null; exec "$@"',
            "sh",
            sys.executable,
            "-c",
            program,
        ],
        input=remote.secret.encode(),
        cwd=tmp_path,
        capture_output=True,
    )
    assert ran.returncode == -signal.SIGABRT
    assert b"Fatal Python error: Aborted" in ran.stderr
    assert b"ForgeError" in ran.stderr
    left = ran.stdout + ran.stderr
    left += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not [one for one in spellings(remote) if one.encode() in left]


def test_no_failure_tells_the_token(scene: Scene) -> None:
    made, remote = scene.committed(), scene.remote(READ)
    for fault in (None, Fault.burst("*", "git", 9), Fault.hangs_up("*", "git", 9)):
        if fault:
            scene.github.faults.add(fault)
        with pytest.raises(ForgeError) as raised:
            scene.store.push(remote, made, BRANCH, was=None)
        told = "".join(traceback.format_exception(raised.value)) + repr(remote) + str(remote)
        assert not [one for one in spellings(remote) if one in told]


def test_the_token_is_not_sent_to_another_origin(scene: Scene, tmp_path: Path) -> None:
    """A server that redirects the fetch elsewhere learns nothing: the redirect is not followed."""
    with LocalGitHub(tmp_path / "another") as another:
        target = f"{another.web}/ada/shop.git/info/refs?service=git-upload-pack"
        fault = Fault("GET", "info/refs$", 1, 301, {"Location": target}, "Moved Permanently")
        scene.github.faults.add(fault)
        with pytest.raises(ForgeError):
            scene.store.fetch(scene.remote(READ), scene.head)
        assert another.requests == []


GITS_OWN = """
GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR
GIT_NAMESPACE GIT_CEILING_DIRECTORIES GIT_CONFIG GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG_PARAMETERS
GIT_EXEC_PATH GIT_TEMPLATE_DIR GIT_SSH GIT_SSH_COMMAND GIT_ASKPASS GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND
GIT_AUTHOR_NAME GIT_COMMITTER_DATE GIT_AUTHOR_DATE GIT_PREFIX GIT_SHALLOW_FILE GIT_GRAFT_FILE GIT_TRACE
GIT_TRACE_CURL GIT_TRACE2 GIT_REDIRECT_STDERR GIT_PROTOCOL GIT_DEFAULT_HASH GIT_ATTR_SOURCE
""".split()


def test_keys_of_the_worker_do_not_reach_git(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Git is run by a wrapper that writes down what environment it is given."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    wrapper = bin_folder / "git"
    wrapper.write_text(f'#!/bin/sh\nenv >> {tmp_path}/told\nexec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    for name in GITS_OWN:
        monkeypatch.setenv(name, "/nonexistent")
    made = scene.committed()
    scene.store.push(scene.remote(WRITE), made, BRANCH, was=None)
    scene.store.export(made, tmp_path / "tree")
    assert scene.hosted.bare.branch(BRANCH) == made
    told = (tmp_path / "told").read_text()
    assert "OPENAI_API_KEY=\n" in told
    assert "sk-secret" not in told


def test_a_hostile_repository_runs_nothing(scene: Scene) -> None:
    """Its tree brings attributes; whoever had the tree adds a configuration, hooks and a .git of its own."""
    trap = scene.folder / "sprung"
    touch = f"touch {trap}; cat"
    attributes = (
        "* filter=evil diff=evil ident export-subst text eol=crlf\nsecret.py export-ignore\n"
    )
    files = {".gitattributes": attributes, "secret.py": "s = 1\n", "id.py": "# $Id$ $Format:%H$\n"}
    scene = replace(scene, head=CommitSha(scene.hosted.bare.commit(files)))
    scene.store.fetch(scene.remote(READ), scene.head)
    exported = scene.store.export(scene.head, scene.folder / "tree")
    assert {path: (exported.folder / path).read_text() for path in files} == files
    plant(exported.folder / ".git", touch)
    (exported.folder / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (exported.folder / "shop.py").write_text("import evil\n")
    made = scene.store.commit(scene.change(), SIGNATURE)
    scene.store.push(scene.remote(WRITE), made, BRANCH, was=None)
    scene.store.export(made, scene.folder / "again")
    assert not trap.exists()
    assert scene.hosted.bare.git("diff", "--name-only", scene.head, made) == "shop.py"


def test_the_same_traps_do_spring_for_plain_git(scene: Scene) -> None:
    """Otherwise the test before would prove nothing."""
    trap, tree = scene.folder / "sprung", scene.folder / "plain"
    tree.mkdir()
    subprocess.run(["git", "init", "--quiet", "."], cwd=tree, check=True)
    (tree / ".gitattributes").write_text("* filter=evil\n")
    plant(tree / ".git", f"touch {trap}; cat")
    subprocess.run(["git", "add", "."], cwd=tree, check=True)
    assert trap.exists()


def plant(git_folder: Path, touch: str) -> None:
    (git_folder / "hooks").mkdir(parents=True, exist_ok=True)
    for hook in ("pre-commit", "pre-push", "post-checkout", "reference-transaction"):
        (git_folder / "hooks" / hook).write_text(f"#!/bin/sh\n{touch} > /dev/null\n")
        (git_folder / "hooks" / hook).chmod(0o755)
    with (git_folder / "config").open("a") as config:
        config.write(
            f'[core]\n\tfsmonitor = "{touch}"\n\tsshCommand = "{touch}"\n\tpager = "{touch}"\n'
            f'[filter "evil"]\n\tclean = "{touch}"\n\tsmudge = "{touch}"\n'
            f'[diff "evil"]\n\ttextconv = "{touch}"\n[diff]\n\texternal = "{touch}"\n'
        )


@pytest.mark.parametrize("said", ["git version 2.30.9", "git version 1.9", "something else"])
def test_a_git_that_would_ignore_its_settings_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    (tmp_path / "git").write_text(f"#!/bin/sh\necho {said}\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ForgeError, match=r"too old.*install Git 2\.31 or newer"):
        Store(tmp_path / "store")
    (tmp_path / "git").unlink()
    with pytest.raises(ForgeError, match="git was not found on this machine"):
        Store(tmp_path / "store")


def test_a_tree_that_unpacks_to_too_much_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfbot.bot.transport._LARGEST_TREE_BYTES", 10)
    scene.store.fetch(scene.remote(READ), scene.head)
    with pytest.raises(ForgeError, match=r"too large to be looked at: 3 files, \d+ bytes"):
        scene.store.export(scene.head, scene.folder / "tree")
    assert not (scene.folder / "tree").exists()


@pytest.mark.parametrize(
    "api",
    [
        "http://github.example.org/api/v3",
        "https://u:p@github.com",
        "file:///etc",
        "https://[",
        "https://x:port",
        "",
        "https://x/?a",
    ],
)
def test_an_address_that_is_not_https_is_refused(api: str) -> None:
    with pytest.raises(ForgeError, match="is no address of a GitHub") as raised:
        Site(api)
    assert "u:p" not in str(raised.value)


def test_where_repositories_are_cloned_from() -> None:
    assert Site().web == "https://github.com"
    assert Site("https://ghe.example.org/api/v3").web == "https://ghe.example.org"
    assert Site("https://api.octo.ghe.com").web == "https://octo.ghe.com"
