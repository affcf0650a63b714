"""Tests of `haliax_refs`."""
