"""The tests are packages, so that `tests.oracles` imports alike in the checkout and beside an installed wheel."""
