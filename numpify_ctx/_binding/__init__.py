"""What is bound to what: parameter contexts, frozen and dynamic values, and the generated function behind a call."""
