"""One report in which every field is filled, for the tests of everything that shows reports."""

from dataclasses import dataclass

from perfbot.bot import report as r
from perfbot.optimizer.strategies import Category

TOTAL = "src/shop/cart.py::Cart.total"
MATCH = "src/shop/search.py::Index.match"
PATCH = b"""\
diff --git a/src/shop/cart.py b/src/shop/cart.py
--- a/src/shop/cart.py
+++ b/src/shop/cart.py
@@ -9,11 +9,10 @@ class Cart:
     def total(self, codes: list[str]) -> Decimal:
         \"\"\"Return the sum of what is known.\"\"\"
-        known = []
+        known = set()
         result = Decimal(0)
         for line in self.lines:
-            if line.code not in known and line.code in codes:
-                known.append(line.code)
+            if line.code not in known and line.code in wanted:
+                known.add(line.code)
                 result = result + line.price * line.count
-            # a comment that says <b>nothing</b> & stays
         return result
@@ -40,3 +39,3 @@ def vat(amount):
     rate = RATES[country]
-    return amount * rate
\\ No newline at end of file
+    return rate * amount
\\ No newline at end of file
"""


@dataclass(frozen=True)
class Example:
    """A report with what is written beside it."""

    report: r.Report
    patches: dict[str, bytes]
    samples: dict[str, r.Samples]


def accepted_result() -> r.Result:
    return r.Result(
        function=TOTAL,
        verdict=r.Verdict.ACCEPTED,
        why=r.Why.FASTER,
        detail="",
        strategies=(
            r.StrategyRow(
                Category.DATA_STRUCTURE,
                "list membership to set",
                "`known` is searched once per line and grows to 4,000 codes: a set finds a code "
                "in one step instead of comparing with each.",
            ),
            r.StrategyRow(
                Category.LOOP,
                "invariant out of the loop",
                "`codes` does not change while the 4,000 lines are walked.",
            ),
        ),
        speedup=r.Speedup(2.43, 2.31, 2.55, 0.99, 24, 1.52, 1.49),
        benchmarks=(r.BenchmarkRow("test_total[4000]", 0.0123, 0.0051, 2.41, 2.29, 2.53),),
        instructions_ratio=0.41,
        cpu_ratio=0.42,
        memory_ratio=1.02,
        complexity=r.Change(6, 6),
        size=r.Change(14, 13),
        kill_rate=0.85,
        growth=r.Growth(2.0, 1.0, 0.08, 0.03),
        gates=(
            r.GateResult("parses", True, "", 0.002),
            r.GateResult("interface", True, "same name, parameters and decorators", 0.001),
            r.GateResult("recorded calls", True, "1,204 calls agree", 1.9),
            r.GateResult("tests", True, "210 of 210 as before", 8.4),
            r.GateResult("speed", True, "2.31× > 1.10×", 31.0),
        ),
        patch="01-cart.Cart.total.patch",
        survivors=(
            r.Survivor(16, "if line.code in known:", "if <b>line.code</b> not in known:"),
            r.Survivor(18, "result = result + line.price", "result = result - line.price"),
        ),
        energy_ratio=0.44,
        loads=(
            r.LoadRow(1, r.Change(810, 1960), r.Change(0.0012, 0.0005), r.Change(0.002, 0.001)),
            r.LoadRow(16, r.Change(815, 1980), r.Change(0.02, 0.008), r.Change(0.031, 0.012)),
        ),
        remarks=("the benchmark test_csv could not be measured: it failed: <b>KeyError</b>",),
        benchmark_file="benchmarks/test_bench_cart_total.py",
    )


def rejected_result() -> r.Result:
    return r.Result(
        function=MATCH,
        verdict=r.Verdict.REJECTED,
        why=r.Why.RESULTS_DIFFER,
        detail="match('a', limit=1) returned ['b'] and now returns ['a'] <script>alert(1)</script>",
        gates=(r.GateResult("recorded calls", False, "call 17 of 96 differs", 0.8),),
        rounds=3,
        attempts=(
            r.AttemptRow("openai:tiny", "UNDEF: line 8: Could not find name `look<b>up</b>`"),
            r.AttemptRow("openai:tiny", "it costs more than the version it was made from (0.61×)"),
        ),
    )


def example() -> Example:
    """Build the report; the pairs are spread evenly around the estimate."""
    pairs = tuple((0.0123, 0.0123 / (2.43 + (place - 12) * 0.018)) for place in range(24))
    report = r.Report(
        perfbot="0.1.0",
        repository=r.Repository("shop", "0123456789abcdef0123456789abcdef01234567", True),
        environment=r.Environment("CPython 3.12.1", "AMD EPYC", 2, "Linux 6.1", "bubblewrap", None),
        noise=r.Noise(0.991, 1.012, 30),
        workload=r.WorkloadSummary(
            "pytest -q", "benchmarks/", 214, 210, 0, 3, ("tests/test_a.py::test_now",), 8.4
        ),
        hotspots=(
            r.HotspotRow(TOTAL, 0.58, 0.41, 1204, 0.12, 2.38),
            r.HotspotRow(MATCH, 0.21, 0.2, 96, 0.03, 1.27),
            r.HotspotRow("src/shop/csv.py::load", 0.09, 0.01, 3, 0.97, 1.1),
        ),
        results=(accepted_result(), rejected_result()),
        unchanged=(r.Unchanged("src/shop/csv.py::load", r.Reason.NATIVE, "97 % of it in _csv"),),
        cost=r.Cost(83.2),
    )
    sizes = [2**power for power in range(3, 18)]
    samples = r.Samples(
        pairs,
        1.1,
        tuple((size, 4e-5 + 3e-8 * size**2) for size in sizes[:11]),
        tuple((size, 5e-5 + 2e-7 * size) for size in sizes),
    )
    return Example(report, {"01-cart.Cart.total.patch": PATCH}, {TOTAL: samples})
