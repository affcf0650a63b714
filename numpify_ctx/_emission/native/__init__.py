"""A program as machine code: the text of one LLVM module, vectors of elements all the way."""
