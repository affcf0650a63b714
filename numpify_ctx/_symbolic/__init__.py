"""Reading SymPy: names, keys, exact numbers, pickles and words for messages. No NumPy computation, no program."""
