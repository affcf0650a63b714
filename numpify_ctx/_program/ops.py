"""The operations that the builder and the emitter know by name: arithmetic, relations, logic, selection.

Every other operation is a plain call, and lives in the rule file of the functions that use it.
"""

from __future__ import annotations

import numpy as np

from .._kinds import arithmetic, boolean, floating, integer, promote
from .._runtime import cuts, integers, numbers, shapes
from .._runtime.arrays import stack
from .ir import Math, Numpy, Op, Operator


# The data of a sum: True for each term that is subtracted.
ADD = Op("add", Operator("+", np.add), exact=integers.exact_add, kinds=arithmetic, form="sum", cheap=True)
MUL = Op("mul", Operator("*", np.multiply), exact=integers.exact_multiply, kinds=arithmetic, form="product", cheap=True)
DIV = Op("div", Operator("/", np.divide), kinds=floating, form="quotient")
NEG = Op("neg", Operator("-", np.negative), exact=integers.exact_negate, kinds=arithmetic, form="negative", cheap=True)
POW = Op(
    "power",
    Numpy("power"),
    integers.math_power,
    native="power",
    cut=cuts.power,
    exact=integers.exact_power,
    kinds=arithmetic,
    leaves=True,
)
SQRT = Op("sqrt", Numpy("sqrt"), Math("sqrt"), native="sqrt", cut=cuts.sqrt, leaves=True)
# `x + 0`: the same number, of which a zero is +0.0. Its second operand is the constant 0. (See `Builder.unsigned`.)
UNSIGNED = Op("unsigned", Operator("+", np.add), kinds=arithmetic, form="sum", cheap=True, within=True)

LT = Op("less", Operator("<", np.less), kinds=boolean, form="compare", cheap=True)
LE = Op("less_equal", Operator("<=", np.less_equal), kinds=boolean, form="compare", cheap=True)
GT = Op("greater", Operator(">", np.greater), kinds=boolean, form="compare", cheap=True)
GE = Op("greater_equal", Operator(">=", np.greater_equal), kinds=boolean, form="compare", cheap=True)
EQ = Op("equal", Operator("==", np.equal), kinds=boolean, form="compare", cheap=True)
NE = Op("not_equal", Operator("!=", np.not_equal), kinds=boolean, form="compare", cheap=True)

AND = Op("and", Operator("&", np.bitwise_and, "and"), kinds=boolean, form="logic", cheap=True)
OR = Op("or", Operator("|", np.bitwise_or, "or"), kinds=boolean, form="logic", cheap=True)
XOR = Op("xor", Operator("^", np.bitwise_xor, "^"), kinds=boolean, form="logic", cheap=True)
NOT = Op("not", Numpy("logical_not"), numbers.math_not, "logical_not", kinds=boolean, cheap=True)

# Operands: condition, value, condition, value, ..., value: the first true condition chooses.
SELECT = Op(
    "piecewise", None, kinds=lambda kinds: promote([*kinds[1::2], kinds[-1]]), form="select", lazy=True, within=True
)
STACK = Op("stack", stack, kinds=promote, elementwise=False)  # data: (shape,), the leading axes

SHAPED = Op("shaped", shapes.shaped, kinds=lambda kinds: kinds[0], cheap=True, elementwise=False)
EXTENT = Op("extent", shapes.extent, kinds=integer, cheap=True, elementwise=False)
WIDENED = Op("widened", shapes.widened, kinds=lambda kinds: kinds[0], elementwise=False)
