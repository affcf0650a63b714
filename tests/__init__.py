"""The tests are packages, so that `tests.refs.oracles` imports alike in the checkout and beside an installed wheel."""
