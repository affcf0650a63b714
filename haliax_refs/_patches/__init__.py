"""All that is put into haliax, equinox and jax, and taken out again."""
