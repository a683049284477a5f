"""An evening's reports for a shop that has grown: `pytest benchmarks` times them."""

import random

from orders.reading import clean_note, read_orders
from orders.report import best_sellers, discounted, running_totals, unknown_articles, with_customer_names

RANDOM = random.Random(7)
SKUS = [f"KB-{RANDOM.randrange(700):04d}" for _ in range(3_000)]
KNOWN = [f"KB-{number:04d}" for number in range(0, 700, 2)]
CUSTOMERS = [{"number": number, "name": f"Customer {number}"} for number in range(400)]
ORDERS = [{"number": n, "customer": RANDOM.randrange(500)} for n in range(1_000)]
AMOUNTS = [RANDOM.randrange(100, 20_000) for _ in range(1_500)]
EXPORT = "\n".join(f"{n};{n % 90};KB-{n % 700:04d};{n % 5 + 1};{n * 7 % 5000}" for n in range(2_000))
NOTE = "Please ring <twice> & wait at the \"green\" door | thanks. " * 40


def test_unknown_articles(benchmark):
    assert len(benchmark(unknown_articles, SKUS, KNOWN)) > 100


def test_names(benchmark):
    assert len(benchmark(with_customer_names, ORDERS, CUSTOMERS)) > 100


def test_totals(benchmark):
    assert benchmark(running_totals, AMOUNTS)[-1] == sum(AMOUNTS)


def test_best_sellers(benchmark):
    assert len(benchmark(best_sellers, SKUS, 10)) == 10


def test_discounts(benchmark):
    assert len(benchmark(discounted, AMOUNTS, 15)) == len(AMOUNTS)


def test_reading(benchmark):
    assert len(benchmark(read_orders, EXPORT)) == 2_000


def test_notes(benchmark):
    assert "<" not in benchmark(clean_note, NOTE)
