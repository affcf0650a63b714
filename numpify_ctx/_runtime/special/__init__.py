"""Special functions, element by element: through SciPy where it is there, else through mpmath."""
