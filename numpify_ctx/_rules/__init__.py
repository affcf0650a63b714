"""The table: SymPy class to rule. Each file of this folder has a `RULES` dict; they are merged here.

Only the exact class of a node counts: a subclass, or a printing hook on it, is never asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._lower import Rule
from . import _arithmetic, _codegen, _containers, _elementary, _logic


def _merge(*tables: Mapping[type, Rule]) -> dict[type, Rule]:
    merged: dict[type, Rule] = {}
    for table in tables:
        twice = merged.keys() & table.keys()
        assert not twice, f"two rules for {twice}"
        merged |= table
    return merged


RULES = _merge(_arithmetic.RULES, _elementary.RULES, _logic.RULES, _codegen.RULES, _containers.RULES)
