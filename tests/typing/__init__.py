"""What type checkers and editors see of the packages, as a client does."""
