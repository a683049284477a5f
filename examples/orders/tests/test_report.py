import pytest

from orders.report import (
    best_sellers,
    discounted,
    first_in_first_out,
    running_totals,
    unknown_articles,
    with_customer_names,
)


def test_unknown_articles_are_listed_once_in_order():
    assert unknown_articles(["c", "a", "x", "c", "b"], ["a", "b"]) == ["c", "x"]
    assert unknown_articles([], ["a"]) == []


def test_orders_get_their_customers_names():
    customers = [{"number": 1, "name": "Ada"}, {"number": 2, "name": "Bob"}]
    orders = [{"number": 10, "customer": 2}, {"number": 11, "customer": 3}, {"number": 12, "customer": 1}]
    assert with_customer_names(orders, customers) == [(10, "Bob"), (12, "Ada")]


def test_a_customer_listed_twice_gives_two_rows():
    customers = [{"number": 1, "name": "Ada"}, {"number": 1, "name": "A. Lovelace"}]
    assert with_customer_names([{"number": 7, "customer": 1}], customers) == [(7, "Ada"), (7, "A. Lovelace")]


@pytest.mark.parametrize(
    ("amounts", "totals"), [([], []), ([5], [5]), ([5, -2, 10], [5, 3, 13]), ([0, 0], [0, 0])]
)
def test_running_totals(amounts, totals):
    assert running_totals(amounts) == totals


def test_best_sellers_are_ranked_by_count_then_name():
    assert best_sellers(["b", "a", "b", "c", "a", "d"], 3) == [("a", 2), ("b", 2), ("c", 1)]


def test_stock_is_used_up_from_the_front():
    stock = [1, 2, 3]
    assert first_in_first_out(stock, 2) == [1, 2]
    assert stock == [3]
    assert first_in_first_out(stock, 5) == [3]


def test_discounts_are_rounded_down():
    assert discounted([100, 199, 0], 10) == [90, 179, 0]
