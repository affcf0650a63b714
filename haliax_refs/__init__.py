"""Named, composable, mutable references: `jax.Ref` with Haliax axes."""
