"""A pull request says what is proven, fits on a screen, and remembers itself."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perfbot.bot.config import PullRequests
from perfbot.bot.forge import own_branch
from perfbot.bot.marker import Kind, Text, decoded, encoded, found, hidden
from perfbot.bot.pull_request import (
    Claim,
    Proposal,
    State,
    body,
    branch,
    noting,
    pull_request,
    state,
    title,
)
from perfbot.bot.report import Result, Samples, Speedup
from perfbot.bot.words import DECIDED

from github_page import Page
from hostile import TRICKS, hostile, poisoned
from shop_report import TOTAL, Example
from shop_report import example as shop_example

BASE = "0123456789abcdef0123456789abcdef01234567"
PERFBOT, STRANGER = 41898282, 583231
SHOP = shop_example()


def proposal(shop: Example = SHOP, **changes: object) -> Proposal:
    made = Proposal(
        shop.report, shop.report.accepted, b"".join(shop.patches.values()), shop.samples, BASE
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def fast(low: float, **changes: object) -> Result:
    speedup = Speedup(low + 0.2, low, low + 0.4, 0.99, 24, None, None)
    return replace(SHOP.report.results[0], speedup=speedup, **changes)  # type: ignore[arg-type]


def test_the_title_claims_the_lower_end() -> None:
    assert title([fast(2.39)]) == (
        "Speed up Cart.total by at least 2.3× (list membership to set, and more)"
    )


def test_of_several_functions_the_title_claims_what_holds_for_all() -> None:
    several = [fast(2.39), fast(1.42, function="src/shop/cart.py::Cart.vat"), fast(3.0)]
    assert title(several) == "Speed up 3 functions of cart.py by at least 1.42×"
    elsewhere = [fast(2.0), fast(3.0, function="src/shop/tax.py::vat")]
    assert title(elsewhere) == "Speed up 2 functions of 2 files by at least 2.0×"


def test_where_only_memory_is_saved_no_speed_is_claimed() -> None:
    assert title([fast(0.98, memory_ratio=0.6)]).startswith(
        "Cut the peak memory of Cart.total to 60 %"
    )
    page = Page(body(proposal(results=(fast(0.98, memory_ratio=0.6),))))
    assert "needs 60 % of the memory it needed" in page.text
    assert "faster" not in page.text.partition("Environment")[0]


def test_a_conventional_prefix_is_put_before_title_and_commit() -> None:
    draft = pull_request(proposal(), PullRequests(commit_prefix="perf(shop):"))
    assert draft.title.startswith("perf(shop): speed up Cart.total")
    assert draft.commit_message.startswith(draft.title + "\n\n")


def test_a_co_author_is_named_only_where_the_repository_asks_for_one() -> None:
    assert "Co-authored-by" not in pull_request(proposal(), PullRequests()).commit_message
    asked = pull_request(proposal(), PullRequests(co_author="Ada <ada@shop.example>"))
    assert asked.commit_message.endswith("\n\nCo-authored-by: Ada <ada@shop.example>\n")


def test_settings_decide_on_draft_and_labels() -> None:
    draft = pull_request(proposal(), PullRequests(draft=False, labels=("fast", "x" * 60)))
    assert not draft.draft
    assert draft.labels == ("fast", "x" * 50)


@pytest.mark.parametrize(
    "said",
    [
        "Cart.total in src/shop/cart.py took 58 % of the workload's time.",
        "It is now at least 2.3× faster.",
        "list membership to set: known is searched once per line",
        "+        known = set()",
        "(2.31–2.55×, 99 % confidence, 24 pairs)",
        "1.52× as fast (at least 1.49×)",
        "102 % of before",
        "n^2.0 ± 0.1 → n^1.0 ± 0.1",
        "41 % of before",
        "The unchanged code against itself on the same machine: 0.991–1.012× (30 pairs).",
        "xychart-beta",
        "The same 210 tests pass before and after; 0 were lost",
        "caught 85 %",
        "This took 1m 23s and no model.",
        "perfbot verify --patch speedup.patch",
        "processor: AMD EPYC, 2 cores",
        "1.230000e-02  5.555556e-03",
        "test_total[4000]: 12.3 ms → 5.1 ms",
    ],
)
def test_the_body_says(said: str) -> None:
    assert said in Page(body(proposal())).text.replace("\u200b", "")


def test_what_few_people_need_is_folded() -> None:
    page = Page(body(proposal()))
    assert page.elements.count("details") == 3
    assert Page(body(proposal()).partition("<details>")[0]).text.count("\n") < 70


def test_rejected_attempts_on_the_same_function_are_told() -> None:
    tried = replace(SHOP.report.results[1], function=TOTAL)
    report = replace(SHOP.report, results=(*SHOP.report.results, tried))
    said = Page(body(proposal(report=report))).text
    assert "Rejected attempts" in said
    assert "the new function returns or does something else" in said


def test_a_tolerance_is_told_and_what_all_accepted_results_have_is_not_repeated() -> None:
    result = fast(2.0, detail=f"{DECIDED}; floats may differ by 1e-09")
    said = Page(body(proposal(results=(result,)))).text.replace("\u200b", "")
    assert "On Cart.total: floats may differ by 1e-09." in said
    assert DECIDED not in said
    assert "On Cart.total" not in Page(body(proposal(results=(fast(2.0, detail=DECIDED),)))).text


def test_what_a_model_wrote_is_marked_and_short() -> None:
    why = "because " * 200
    result = fast(2.0, planner="some-model")
    result = replace(result, strategies=(replace(result.strategies[0], why=why),))
    said = Page(body(proposal(results=(result,)))).text
    assert "Written by the model some-model and not checked" in said
    assert said.count("because") < 60
    assert "Written by" not in Page(body(proposal())).text


@settings(max_examples=60)
@given(text=hostile)
@example(text="".join(TRICKS))
@example(text=f"{TRICKS[21]}@octocat @acme/team a@b.example")  # wrapped before Signed-off-by
def test_hostile_text_adds_nothing_to_the_page(text: str) -> None:
    """The page has the same elements in the same order as if all the texts were a harmless word."""
    pages = []
    for written in (f"x{text}", "x"):
        shop = Example(poisoned(SHOP.report, written), {}, {})
        patch = f"+{written}".replace("\n", " ").encode("utf-8", "replace")
        draft = pull_request(proposal(shop, patch=patch), PullRequests())
        assert len(draft.body) <= 65_536
        pages.append(Page(draft.body))
        assert "@octocat" not in draft.title + draft.commit_message
        assert not re.search(r"#\d", draft.title + draft.commit_message)
        assert not re.search(r"^(Co-authored|Signed-off)-by:", draft.commit_message, re.MULTILINE)
    bad, good = pages
    assert [each for each in bad.elements if each not in {"span", "code"}] == [
        each for each in good.elements if each not in {"span", "code"}
    ]
    assert bad.references == good.references == [BASE]
    assert len(bad.comments) == 1


def test_the_longest_texts_still_fit() -> None:
    shop = Example(poisoned(SHOP.report, "$" * 50_000), {}, {})
    names = [f"{'d/' * 200}{number}.py::f" for number in range(8)]
    results = tuple(replace(shop.report.results[0], function=name) for name in names)
    pairs = tuple((0.1, 0.2) for _ in range(5000))
    draft = pull_request(
        proposal(shop, results=results, samples={names[0]: Samples(pairs, 1.1)}), PullRequests()
    )
    assert len(draft.body) <= 65_536
    assert len(draft.title) <= 256
    assert "left no room for" in draft.body
    assert state(Text(draft.body, PERFBOT), PERFBOT) is not None


def test_nothing_and_too_much_are_no_proposal() -> None:
    for results in ((), SHOP.report.accepted * 9, (fast(2.0, function="x" * 600 + "::f"),)):
        with pytest.raises(ValueError, match=r"accepted results|too long"):
            proposal(results=results)


def test_the_picture_has_a_line_for_before_and_one_for_after() -> None:
    drawn = re.findall(r"^  line \[(.*)\]$", body(proposal()), re.MULTILINE)
    before, after = ([float(each) for each in line.split(", ")] for line in drawn)
    assert len(before) == len(after) == 21
    assert before == [12.3] * 21
    assert after == sorted(after)
    times = sorted(new for _, new in SHOP.samples[TOTAL].pairs)
    assert after[0] == pytest.approx(times[0] * 1000, abs=1e-3)
    assert after[-1] == pytest.approx(times[-1] * 1000, abs=1e-3)


def test_without_samples_there_is_no_picture() -> None:
    assert "mermaid" not in body(proposal(samples={}))


def test_the_pull_request_remembers_what_it_claims() -> None:
    assert state(Text(body(proposal()), PERFBOT), PERFBOT) == State(
        BASE, (Claim(TOTAL, ("list membership to set", "invariant out of the loop"), 2.31),)
    )


def test_more_can_be_noted_in_what_it_remembers() -> None:
    written = body(proposal())
    noted = noting(Text(written, PERFBOT), PERFBOT, head="b" * 40)
    noted = noting(Text(noted, PERFBOT), PERFBOT, withdrawn=True)
    before, after = (state(Text(each, PERFBOT), PERFBOT) for each in (written, noted))
    assert before
    assert (before.head, before.withdrawn) == (None, False)
    assert after == replace(before, head="b" * 40, withdrawn=True)
    assert noted.partition("\n")[2] == written.partition("\n")[2]


@pytest.mark.parametrize("head", ['"main"', "7", '"' + "g" * 40 + '"'])
def test_a_damaged_head_is_one_that_is_not_known(head: str) -> None:
    written = body(proposal()).replace('{"base"', f'{{"head":{head},"base"', 1)
    remembered = state(Text(written, PERFBOT), PERFBOT)
    assert remembered
    assert remembered.head is None


def test_nothing_is_noted_in_a_strangers_text() -> None:
    written = body(proposal())
    assert noting(Text(written, PERFBOT + 1), PERFBOT, withdrawn=True) == written


def test_a_later_attempt_has_a_branch_of_its_own_and_says_so() -> None:
    names = {branch((TOTAL,), attempt=each) for each in range(1, 12)}
    assert len(names) == 11
    assert all(own_branch(each) for each in names)
    later = pull_request(proposal(), PullRequests(), head=branch((TOTAL,), attempt=2))
    assert later.branch in later.body


def test_a_marker_in_a_strangers_text_is_not_believed() -> None:
    assert state(Text(body(proposal()), STRANGER), PERFBOT) is None


def test_a_marker_counts_at_the_very_start_only() -> None:
    """A patch or a quotation in perfbot's own text may hold one as well."""
    assert state(Text("Hello\n" + body(proposal()), PERFBOT), PERFBOT) is None
    comment = hidden(Kind.COMMENT, {"job": "1"})
    assert state(Text(comment + "\n" + body(proposal()), PERFBOT), PERFBOT) is None


@given(st.one_of(st.text(), st.sampled_from(['{"base":1}', '{"claims":[]}', "[" * 30_000, "NaN"])))
def test_a_damaged_marker_is_no_memory(inside: str) -> None:
    for text in (inside, f"<!-- perfbot:pull-request {inside} -->"):
        assert state(Text(text, PERFBOT), PERFBOT) is None


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(fields=st.dictionaries(st.text(max_size=9), json, max_size=3))
def test_a_marker_brings_back_what_went_in_and_is_one_hidden_line(
    fields: dict[str, object],
) -> None:
    line = hidden(Kind.COMMENT, fields)  # type: ignore[arg-type]
    assert found(Text(f"{line}\r\n\r\ntext", PERFBOT), Kind.COMMENT, PERFBOT) == fields
    page = Page(f"{line}\n\ntext")
    assert (page.elements, page.text.split()) == (["p"], ["text"])
    assert "--" not in encoded(fields)  # type: ignore[arg-type]
    assert decoded(encoded(fields)) == fields  # type: ignore[arg-type]


names = st.text(max_size=80) | hostile


@settings(max_examples=40, deadline=None)
@given(path=names, name=names, onto=st.none() | names)
@example(path="a.py", name=".lock", onto=None)
@example(path="a.py", name="@{", onto="..")
def test_a_branch_is_a_name_that_git_takes(path: str, name: str, onto: str | None) -> None:
    made = branch([f"{path}::{name}"], onto)
    asked = subprocess.run(["git", "check-ref-format", "--branch", made], check=False)
    assert asked.returncode == 0
    assert re.fullmatch(r"perfbot/[a-z0-9-]{1,60}", made)


def test_a_branch_is_the_same_every_time_and_another_for_another_function() -> None:
    assert branch([TOTAL]) == branch([TOTAL]) == "perfbot/cart-total-" + branch([TOTAL])[-10:]
    assert branch(["a.py::f", "a.py::g"]) == branch(["a.py::g", "a.py::f"])
    different = {
        branch(["a.py::f"]),
        branch(["A.py::f"]),
        branch(["b.py::f"]),
        branch(["a.py::F"]),
        branch(["a.py::f"], "feature"),
        branch(["a.py::f", "a.py::g"]),
    }
    assert len(different) == 6


def test_the_command_that_reproduces_it_names_its_own_branch_and_base() -> None:
    draft = pull_request(proposal(), PullRequests(), onto="feature")
    assert f"git fetch origin {draft.branch} " in draft.body
    assert f"git switch --detach {BASE}\n" in draft.body


def test_the_printed_command_gives_the_patch_that_was_proposed(tmp_path: Path) -> None:
    """Run as printed in a real repository, up to perfbot itself."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"

    def git(folder: Path, *arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
        command = ["git", "-C", str(folder), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    subprocess.run(["git", "init", "-q", str(origin)], check=True)
    (origin / "a.py").write_text("old\n")
    git(origin, "add", ".")
    git(origin, "commit", "-qm", "base")
    base = git(origin, "rev-parse", "HEAD").strip()
    draft = pull_request(proposal(base=base), PullRequests())
    git(origin, "switch", "-qc", draft.branch)
    (origin / "a.py").write_text("new\n")
    git(origin, "commit", "-qam", "faster")
    git(origin, "switch", "-q", "--detach", base)
    subprocess.run(["git", "clone", "-q", str(origin), str(clone)], check=True)

    printed = re.search(r"```sh\n(.*?)\n```", draft.body, re.DOTALL)
    assert printed
    script = printed[1].replace("perfbot verify", "true")
    subprocess.run(["sh", "-ec", script], cwd=clone, check=True, capture_output=True)
    assert "-old\n+new" in (clone / "speedup.patch").read_text()
    assert git(clone, "rev-parse", "HEAD").strip() == base
