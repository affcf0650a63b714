"""Running a compiled program: which form, which arguments, which blocks, which threads."""
