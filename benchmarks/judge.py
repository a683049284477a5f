"""Measures how often the judge errs, how often it sees a true gain, and how long it takes.

    python benchmarks/judge.py [--collect] [--minutes 45] [--end-to-end 60] [--write]

``--collect`` measures pairs and appends them to judge_pool.csv.gz, ``--end-to-end N`` makes complete
trials until there are N and appends them to judge_end_to_end.csv; both go on where they were
interrupted. ``--write`` judges the trials and writes judge.md. Keep the
machine's other cores as busy as they usually are. Without an option all of it is done.
"""

import argparse

import judge_end_to_end
import judge_pool
import judge_report
import judge_trials


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the judge's errors, power and patience.")
    parser.add_argument("--collect", action="store_true", help="measure pairs and append them")
    parser.add_argument("--minutes", type=float, default=45, help="at most, of collecting")
    parser.add_argument("--end-to-end", type=int, default=0, metavar="N", help="complete trials")
    parser.add_argument("--write", action="store_true", help="put the results into judge.md")
    options = parser.parse_args()
    everything = not (options.collect or options.end_to_end or options.write)
    if options.collect or everything:
        judge_pool.collect(60 * options.minutes)
    if options.end_to_end or everything:
        judge_end_to_end.run(options.end_to_end or 60)
    if options.write or everything:
        judge_report.FILE.write_text(report())


def report() -> str:
    rows = judge_pool.read()
    complete = judge_end_to_end.read()
    return judge_report.rendered(judge_report.results(rows, judge_trials.pools(rows), complete))


if __name__ == "__main__":
    main()
