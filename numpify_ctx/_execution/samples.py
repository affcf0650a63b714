"""The dtype of each node of a program, found by computing one element of it.

NumPy's promotion has rules for scalars beside arrays, for Python's numbers, for each function: to run the program once
on arrays of one element asks NumPy itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._emission import emit_arrays
from .._emission.load import load
from .._program.ir import CONST, Program, infer_kinds
from .._program.placement import Placement


def sample_nodes(
    program: Program,
    parameter_kinds: Sequence[int],
    roots: Sequence[int],
    given: Mapping[int, Any],
    checked: bool = True,
) -> dict[int, Any]:
    """A sample of one element for each node that is computed to have `roots`, and for those given.

    Args:
        program: what all are nodes of.
        parameter_kinds: as for `emit_arrays`.
        roots: what is wanted in the end.
        given: samples of the nodes that are computed outside.
        checked: as for `emit_arrays`.
    """
    place = Placement(program, infer_kinds(program, parameter_kinds), scalars=False, checked=checked)
    order = sorted(place.closure(roots, given))
    wanted = [node for node in order if program.ops[node] is not CONST]
    function = load(emit_arrays(program, parameter_kinds, wanted, checked, tuple(given)))
    with np.errstate(all="ignore"):  # what the elements are is nobody's concern
        values = function(*given.values())
    samples = dict(given)
    samples |= {node: np.asarray(value) for node, value in zip(wanted, values, strict=True)}
    samples |= {node: program.data[node] for node in order if program.ops[node] is CONST}
    return samples
