"""What generated code calls. Nothing here knows of programs, rules or expressions."""
