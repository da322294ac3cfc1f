"""What maintainers of the runbooks run; no deployment loads it."""
