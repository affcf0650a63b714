"""From a SymPy expression to a program: one walk, and one rule for each class of node."""
