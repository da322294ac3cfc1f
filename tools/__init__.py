"""Programs for maintainers of the runbooks. No deployment loads them."""
