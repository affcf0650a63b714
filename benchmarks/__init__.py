"""What the packages cost beside their peers. Run all of it with `python -m benchmarks`."""
