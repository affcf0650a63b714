"""The clients are read by type checkers, and the right ones are run by a test: pytest has nothing to collect there."""

collect_ignore = ["clients"]
