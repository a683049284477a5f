"""Reports on the orders of a small shop."""
