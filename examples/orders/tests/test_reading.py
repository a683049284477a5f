from orders.model import Order
from orders.reading import clean_note, parse_line, read_orders


def test_a_line_is_read():
    assert parse_line("17;4;KB-0012;3;1999") == Order(17, 4, "KB-0012", 3, 1999)


def test_a_broken_line_is_none():
    assert parse_line("17;4;KB-12;3;1999") is None
    assert parse_line("") is None


def test_an_export_is_read():
    text = "1;1;AA-0001;1;100\n\nnonsense\n2;1;AA-0002;2;250\n"
    assert [order.number for order in read_orders(text)] == [1, 2]


def test_notes_are_cleaned():
    assert clean_note("please <ring> & 'wait'") == "please ring  wait"
    assert clean_note("") == ""
