"""Tests of `numpify_ctx`."""
