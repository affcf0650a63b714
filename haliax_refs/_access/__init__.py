"""One access to a buffer, from a plan to the program that runs."""
