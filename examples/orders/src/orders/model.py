"""What a shop knows: customers, articles and orders."""

from dataclasses import dataclass


@dataclass
class Customer:
    number: int
    name: str
    city: str


@dataclass
class Order:
    number: int
    customer: int
    sku: str
    quantity: int
    cents: int
