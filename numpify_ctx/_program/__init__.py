"""The program and what is known of it. No text, no SymPy expression."""
