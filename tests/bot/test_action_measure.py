"""What the Action measures on a pull request: which functions, which change, by whose configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import run

import pytest

from perfbot.bot import action_measure
from perfbot.bot.action_event import BranchEvent, PullRequestEvent
from perfbot.bot.action_inputs import FailOn, Inputs, Mode
from perfbot.bot.action_measure import Measured, Work
from perfbot.bot.config import Config
from perfbot.bot.difference import DifferenceError, content, difference, prefix
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.findings import Findings
from perfbot.bot.forge import CommitSha
from perfbot.bot.options import OptimizeOptions
from perfbot.bot.report import Report, Result, Speedup, Verdict, Why
from perfbot.bot.report_folder import write
from perfbot.bot.verify import Claim

from action_scene import FAST, OTHER, SLOW, TOTAL, Shop, hosted_shop, result
from local_github import LocalGitHub
from shop_report import Example


@dataclass
class Asked:
    """Runs that note what they were asked for, and answer with a report of the example."""

    at: Shop
    options: list[OptimizeOptions] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    configs: list[Config] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    judged: tuple[Result, ...] = ()
    found: tuple[Result, ...] = ()

    @property
    def work(self) -> Work:
        return Work(self._optimize, self._judge, lambda *_: self.at.report())

    def _optimize(self, options: OptimizeOptions, config: Config) -> tuple[Report, Path]:
        self.options.append(options)
        self.configs.append(config)
        assert options.report
        return write(self.at.report(*self.found), options.report, {}, {}), options.report

    def _judge(self, claim: Claim) -> Findings:
        self.claims.append(claim)
        self.configs.append(claim.config)
        for path in claim.repository.rglob("*"):
            if path.is_file():
                name = path.relative_to(claim.repository).as_posix()
                self.files[name] = path.read_bytes()
        return Findings(self.at.report(*self.judged), {}, {}, {})


@pytest.fixture
def at(github: LocalGitHub, shop: Example, tmp_path: Path) -> Shop:
    return hosted_shop(github, shop, tmp_path / "report")


@pytest.fixture
def asked(at: Shop) -> Asked:
    return Asked(at, judged=(replace(result(TOTAL, 1), patch=None),))


def measured(
    asked: Asked, folder: Path, mode: Mode, files: Mapping[str, bytes], **more: object
) -> Measured:
    """Check a pull request's head out, and do what the mode says."""
    thread = asked.at.opened(files)
    assert thread.pull
    asked.at.check_out(folder / "work", thread.pull.head_sha)
    event = PullRequestEvent(1, asked.at.main, CommitSha(thread.pull.head_sha))
    return action_measure.measure(inputs(folder, mode, **more), event, asked.work)


def inputs(folder: Path, mode: Mode, **more: object) -> Inputs:
    work = folder / "work"
    given = Inputs(mode, work, work, ".", folder / "out", token_given=True)
    return replace(given, **more)


NEW = SLOW + b"\n\nclass Cart:\n    def add(self):\n        def inner():\n            pass\n"


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"shop/cart.py": FAST}, (TOTAL,)),
        ({"shop/cart.py": NEW}, ("shop/cart.py::Cart.add",)),
        ({"shop/new.py": SLOW}, ("shop/new.py::total", "shop/new.py::other")),
        ({"shop/cart.py": FAST, "tests/test_cart.py": SLOW, "setup.py": SLOW}, (TOTAL,)),
        (
            {"shop/cart.py": b"# only words\n" + FAST.replace(b"codes)\n", b"codes)  # x\n")},
            (TOTAL,),
        ),
    ],
)
def test_the_functions_that_a_pull_request_changes_are_looked_at(
    asked: Asked, tmp_path: Path, files: Mapping[str, bytes], wanted: tuple[str, ...]
) -> None:
    found = measured(asked, tmp_path, Mode.REVIEW, files)
    assert asked.options[0].functions == wanted
    assert found.publishable


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": b"x"},
        {"shop/cart.py": b"# words\n" + SLOW},
        {"tests/test_cart.py": SLOW},
        {"docs/conf.py": SLOW},
        {"shop/cart.py": b"def broken(:\n"},
        {"shop/new.py": b"\xff\xfe"},
    ],
)
def test_a_pull_request_without_functions_is_not_measured(
    asked: Asked, tmp_path: Path, files: Mapping[str, bytes]
) -> None:
    found = measured(asked, tmp_path, Mode.REVIEW, files)
    assert asked.options == []
    assert (found.code, found.publishable, found.outputs["accepted"]) == (Exit.DONE, False, "0")


def test_a_report_that_is_too_large_to_publish_is_still_summed_up(
    asked: Asked, tmp_path: Path
) -> None:
    asked.found = (replace(result(TOTAL, 1), patch=None, detail="long " * 10_000),)
    found = measured(asked, tmp_path, Mode.REVIEW, {"shop/cart.py": FAST})
    assert (found.code, found.publishable) == (Exit.DONE, False)
    assert "1 function proven faster" in found.summary


def test_named_functions_win_over_the_changed_ones(asked: Asked, tmp_path: Path) -> None:
    measured(asked, tmp_path, Mode.REVIEW, {"shop/cart.py": FAST}, functions=(OTHER,))
    assert asked.options[0].functions == (OTHER,)


BASE = b"accept: {min_speedup: 2}\n"
STRANGER = b"accept: {min_speedup: 1}\nallow: [network]\n"


@pytest.mark.parametrize("mode", [Mode.REVIEW, Mode.VERIFY])
@pytest.mark.parametrize("name", [None, "settings/perfbot.yml"])
def test_on_a_pull_request_the_bases_configuration_counts(
    asked: Asked, tmp_path: Path, mode: Mode, name: str | None
) -> None:
    path = name or ".perfbot.yml"
    asked.at.hosted.bare.commit({path: BASE})
    files = {"shop/cart.py": FAST, path: STRANGER}
    measured(asked, tmp_path, mode, files, config=name)
    assert asked.configs[0].accept.min_speedup == 2
    assert asked.configs[0].allow == frozenset()


def test_a_configuration_from_elsewhere_is_the_operators(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_bytes(BASE)
    measured(
        asked, tmp_path, Mode.REVIEW, {"shop/cart.py": FAST}, config=str(tmp_path / "mine.yml")
    )
    assert asked.configs[0].accept.min_speedup == 2


def test_a_configuration_that_the_base_lacks_is_told(asked: Asked, tmp_path: Path) -> None:
    files = {"shop/cart.py": FAST, "mine.yml": STRANGER}
    with pytest.raises(RunError, match=r"mine\.yml:1: there is no such file in the base"):
        measured(asked, tmp_path, Mode.REVIEW, files, config="mine.yml")


def test_a_claim_is_judged_on_the_base_and_the_checkout_is_left_alone(
    asked: Asked, tmp_path: Path
) -> None:
    asked.at.hosted.bare.commit({"tests/test_cart.py": b"old = 1\n"})
    files = {"shop/cart.py": FAST, "shop/more.py": b"x = 1\n", "NEWS.md": b"Faster\n"}
    found = measured(asked, tmp_path, Mode.VERIFY, files)
    (claim,) = asked.claims
    assert asked.files["shop/cart.py"] == SLOW
    assert "shop/more.py" not in asked.files
    assert b"+    codes = set(codes)" in claim.patch
    assert b"shop/more.py" in claim.patch
    assert b"NEWS.md" not in claim.patch
    assert claim.behalf.stranger
    assert (tmp_path / "work" / "shop" / "cart.py").read_bytes() == FAST
    assert found.outputs["verdict"] == "accepted"
    assert found.publishable


def test_a_removed_source_file_is_no_claim(asked: Asked, tmp_path: Path) -> None:
    bare = asked.at.hosted.bare
    thread = asked.at.opened({"shop/cart.py": FAST})
    tree = bare.git("mktree", given=b"")
    commit = bare.git("commit-tree", tree, "-p", asked.at.main, "-m", "Empty")
    bare.git("update-ref", "refs/heads/work", commit)
    asked.at.hosted.followed(thread.number)
    asked.at.check_out(tmp_path / "work", commit)
    event = PullRequestEvent(1, asked.at.main, CommitSha(commit))
    found = action_measure.measure(inputs(tmp_path, Mode.VERIFY), event, asked.work)
    assert asked.claims == []
    assert found.outputs["verdict"] == "rejected"
    assert "removes or moves" in found.summary


SLOWER = Speedup(0.5, 0.4, 0.6, 0.99, 9, None, None)


@pytest.mark.parametrize(
    ("changed", "fail_on", "code", "verdict"),
    [
        ({}, FailOn.REGRESSION, Exit.DONE, "accepted"),
        ({}, FailOn.NOT_PROVEN, Exit.DONE, "accepted"),
        ({"verdict": Verdict.REJECTED, "speedup": SLOWER}, FailOn.REGRESSION, 10, "regression"),
        ({"verdict": Verdict.REJECTED, "speedup": SLOWER}, FailOn.NEVER, Exit.DONE, "regression"),
        ({"verdict": Verdict.REJECTED, "speedup": None}, FailOn.REGRESSION, Exit.DONE, "rejected"),
        ({"verdict": Verdict.REJECTED, "speedup": None}, FailOn.NOT_PROVEN, 10, "rejected"),
        ({"verdict": Verdict.INCONCLUSIVE}, FailOn.REGRESSION, Exit.DONE, "inconclusive"),
        ({"verdict": Verdict.INCONCLUSIVE}, FailOn.NOT_PROVEN, 11, "inconclusive"),
    ],
)
def test_the_step_fails_on_what_it_was_told_to(
    asked: Asked,
    tmp_path: Path,
    changed: Mapping[str, object],
    fail_on: FailOn,
    code: int,
    verdict: str,
) -> None:
    asked.judged = (replace(asked.judged[0], why=Why.NOT_FASTER, **changed),)
    found = measured(asked, tmp_path, Mode.VERIFY, {"shop/cart.py": FAST}, fail_on=fail_on)
    assert (found.code, found.outputs["verdict"]) == (code, verdict)


def test_without_python_source_there_is_nothing_to_judge(asked: Asked, tmp_path: Path) -> None:
    found = measured(asked, tmp_path, Mode.VERIFY, {"README.md": b"x", "tests/test_x.py": b"x"})
    assert (found.code, found.outputs["verdict"], found.publishable) == (Exit.DONE, "", False)


@pytest.mark.parametrize("mode", [Mode.REVIEW, Mode.VERIFY])
def test_without_a_pull_request_base_and_head_have_to_be_named(
    asked: Asked, tmp_path: Path, mode: Mode
) -> None:
    (tmp_path / "work").mkdir()
    with pytest.raises(RunError, match="give the inputs 'base' and 'head'"):
        action_measure.measure(inputs(tmp_path, mode), BranchEvent("main"), asked.work)
    head = CommitSha(asked.at.hosted.bare.commit({"shop/cart.py": FAST}, "work", onto="main"))
    asked.at.check_out(tmp_path / "work", head)
    named = inputs(tmp_path, mode, base=asked.at.main, head=head)
    assert action_measure.measure(named, BranchEvent("main"), asked.work).publishable


def test_propose_is_not_for_pull_requests(asked: Asked, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="use mode review or verify"):
        measured(asked, tmp_path, Mode.PROPOSE, {"shop/cart.py": FAST})


@pytest.mark.parametrize("mode", [Mode.PUBLISH, Mode.COMMAND])
def test_what_only_writes_needs_a_token(asked: Asked, tmp_path: Path, mode: Mode) -> None:
    with pytest.raises(RunError, match="needs the input 'token'"):
        action_measure.measure(
            inputs(tmp_path, mode, token_given=False), BranchEvent("main"), asked.work
        )


# --- what lies between two commits ----------------------------------------------------------------


@pytest.fixture
def work(at: Shop, tmp_path: Path) -> Callable[[Mapping[str, bytes]], tuple[Path, CommitSha]]:
    def made(files: Mapping[str, bytes]) -> tuple[Path, CommitSha]:
        head = at.hosted.bare.commit(files, "work", onto="main")
        return at.check_out(tmp_path / "work", head), CommitSha(head)

    return made


def test_a_difference_counts_from_where_the_branch_left(at: Shop, work: Callable) -> None:
    fork = at.main
    folder, head = work({"shop/cart.py": FAST})
    at.hosted.bare.commit({"shop/later.py": b"x"})
    at.check_out(folder, head)
    found = difference(folder, at.main, head)
    assert found.base == fork
    assert found.files == {"shop/cart.py": (SLOW, FAST)}


def test_filters_and_programs_of_the_repository_are_not_run(at: Shop, work: Callable) -> None:
    folder, head = work({"shop/cart.py": FAST, ".gitattributes": b"*.py filter=evil diff=evil\n"})
    owned = folder / "owned"
    settings = folder / ".git" / "config"
    evil = f"touch {owned}"
    settings.write_text(
        settings.read_text()
        + f'[filter "evil"]\n\tsmudge = {evil}\n\tclean = {evil}\n[diff "evil"]\n\tcommand = {evil}\n'
        f"\ttextconv = {evil}\n[diff]\n\texternal = {evil}\n[core]\n\tfsmonitor = {evil}\n"
    )
    assert difference(folder, at.main, head).files["shop/cart.py"] == (SLOW, FAST)
    assert content(folder, at.main, "shop/cart.py") == SLOW
    assert not owned.exists()


def test_the_merge_that_github_checks_out_counts_from_its_first_parent(
    at: Shop, work: Callable
) -> None:
    folder, head = work({"shop/cart.py": FAST})
    at.hosted.bare.commit({"shop/later.py": b"x = 1\n"})
    at.check_out(folder, at.main)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.example"]
    run([*git, "merge", "--quiet", "--no-ff", "-m", "Merge", head], check=True)
    found = difference(folder, CommitSha("b" * 40), head)
    assert found.base == at.main
    assert found.files == {"shop/cart.py": (SLOW, FAST)}


def test_only_what_lies_in_the_folder_counts(at: Shop, work: Callable) -> None:
    folder, head = work({"shop/cart.py": FAST, "README.md": b"x"})
    assert prefix(folder / "shop") == "shop/"
    assert difference(folder / "shop", at.main, head).files == {"cart.py": (SLOW, FAST)}


def test_links_are_odd(at: Shop, work: Callable) -> None:
    folder, _ = work({"shop/cart.py": FAST})
    (folder / "link.py").symlink_to("/etc/passwd")
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.example"]
    run([*git, "add", "link.py"], check=True)
    run([*git, "commit", "--quiet", "-m", "A link"], check=True)
    made = run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    found = difference(folder, at.main, CommitSha(made.stdout.strip()))
    assert found.odd == ("link.py",)
    assert set(found.files) == {"shop/cart.py"}


def test_a_commit_that_is_not_there_is_told_with_what_to_do(at: Shop, work: Callable) -> None:
    folder, head = work({"shop/cart.py": FAST})
    for base, wanted in ((at.main, "a" * 40), ("b" * 40, head)):
        with pytest.raises(DifferenceError, match="fetch-depth: 0"):
            difference(folder, CommitSha(base), CommitSha(wanted))


def test_another_checkout_is_told(at: Shop, work: Callable) -> None:
    folder, head = work({"shop/cart.py": FAST})
    at.check_out(folder, at.main)
    with pytest.raises(DifferenceError, match="neither the pull request's head") as caught:
        difference(folder, at.main, head)
    assert "ref: ${{ github.event.pull_request.head.sha }}" in str(caught.value)


def test_a_folder_without_git_is_told(tmp_path: Path) -> None:
    with pytest.raises(DifferenceError, match="lies in no Git repository"):
        difference(tmp_path, CommitSha("a" * 40), CommitSha("b" * 40))
