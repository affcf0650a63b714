"""Donated arguments beside refs: what a ref holds in the end is in the ref's memory, and takes no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._compat import ABSTRACT_TOKEN, SET_UP_ALIASES
from .code import copy_of


def _beside_refs(original: Callable[..., Any]) -> Callable[..., Any]:
    """How jax chooses which output takes the memory of a donated argument; here none that has a ref's.

    jax passes a ref as an argument, and gives it back as an output that is aliased to it. It then offers that output,
    too, to a donated argument of the same shape and dtype, and XLA refuses to put one output into two places.
    """

    def set_up_aliases(
        aliases: Sequence[int | None] | None,
        avals_in: Sequence[Any],
        avals_out: Sequence[Any],
        donated: Sequence[bool],
        *rest: Any,
    ) -> Any:
        taken = {output for output in aliases or () if output is not None}
        # No argument is donated to a token, so the rest is matched by position as it was.
        free = [ABSTRACT_TOKEN if number in taken else aval for number, aval in enumerate(avals_out)]
        # A ref is overwritten in place anyway: that it is donated, too, says nothing more, and XLA refuses it.
        of_refs = [output is not None for output in aliases or [None] * len(avals_in)]
        donated = [gone and not is_ref for gone, is_ref in zip(donated, of_refs, strict=True)]
        return original(aliases, avals_in, free, donated, *rest)

    return set_up_aliases


# The code of this is replaced: jax calls it by its name in its own module.
IN_CODE_OF: tuple[tuple[Any, Callable[..., Any]], ...] = (
    ()
    if SET_UP_ALIASES is None or ABSTRACT_TOKEN is None
    else ((SET_UP_ALIASES, _beside_refs(copy_of(SET_UP_ALIASES))),)
)
