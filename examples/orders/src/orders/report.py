"""The reports that the shop prints every evening."""


def unknown_articles(skus, known):
    """Return the article numbers that were ordered but are not in the catalogue, in order."""
    unknown = []
    for sku in skus:
        if sku not in known and sku not in unknown:
            unknown.append(sku)
    return unknown


def with_customer_names(orders, customers):
    """Return ``(order number, customer name)`` for every order whose customer is known."""
    rows = []
    for order in orders:
        for customer in customers:
            if customer["number"] == order["customer"]:
                rows.append((order["number"], customer["name"]))
    return rows


def running_totals(amounts):
    """Return what the till showed after each sale."""
    totals = []
    for i in range(len(amounts)):
        totals.append(sum(amounts[: i + 1]))
    return totals


def best_sellers(skus, limit):
    """Return the article numbers that sold most often, with how often, best first."""
    counts = {}
    for sku in skus:
        if sku not in counts:
            counts[sku] = skus.count(sku)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ranked[:limit]


def first_in_first_out(stock, sales):
    """Return, for each sale, the delivery that it was served from; ``stock`` is used up."""
    served = []
    for _ in range(sales):
        if not stock:
            break
        served.append(stock.pop(0))
    return served


def discounted(prices, percent):
    """Return prices in cents less a discount, rounded down."""
    result = []
    for i in range(len(prices)):
        factor = (100 - percent) / 100
        result.append(int(prices[i] * factor))
    return result
