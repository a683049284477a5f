"""Reading orders from the till's export, one order a line."""

import re

from orders.model import Order


def parse_line(line):
    """Read one line such as ``17;4;KB-0012;3;1999``; ``None`` for a line that is no order."""
    match = re.match(r"^(\d+);(\d+);([A-Z]{2}-\d{4});(\d+);(\d+)$", line.strip())
    if match is None:
        return None
    number, customer, sku, quantity, cents = match.groups()
    return Order(int(number), int(customer), sku, int(quantity), int(cents))


def read_orders(text):
    """Read a whole export; lines that are no orders are left out."""
    orders = []
    for line in text.splitlines():
        order = parse_line(line)
        if order is not None:
            orders.append(order)
    return orders


def clean_note(note):
    """Return a customer's note without the characters that the label printer cannot print."""
    cleaned = ""
    for character in note:
        if character not in "<>&\"'`|\\":
            cleaned = cleaned + character
    return cleaned
