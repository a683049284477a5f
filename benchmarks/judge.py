"""Measures how often the judge errs, how often it sees a true gain, and how long it takes.

    python benchmarks/judge.py --collect [--minutes 45]

``--collect`` measures pairs and appends them to judge_pool.csv.gz; it goes on where it was
interrupted. Keep the machine's other cores as busy as they usually are.
"""

import argparse

import judge_pool


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the judge's errors, power and patience.")
    parser.add_argument("--collect", action="store_true", help="measure pairs and append them")
    parser.add_argument("--minutes", type=float, default=45, help="at most, of collecting")
    options = parser.parse_args()
    if options.collect:
        judge_pool.collect(60 * options.minutes)


if __name__ == "__main__":
    main()
