"""Compile SymPy expressions to NumPy functions whose parameters can be read live."""
