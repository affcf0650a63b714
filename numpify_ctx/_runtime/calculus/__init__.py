"""Sums, products and integrals, computed numerically."""
