"""The operations that the builder and the emitter know by name: arithmetic, relations, logic, selection.

Every other operation is a plain call, and lives in the rule file of the functions that use it.
"""

from __future__ import annotations

from .._kinds import arithmetic, boolean, floating, integer, promote
from .._runtime import integers, numbers, shapes
from .._runtime.arrays import stack
from .ir import Op


ADD = Op(
    "add", "+", exact=integers.exact_add, kinds=arithmetic, form="sum", cheap=True
)  # data: True for each term subtracted
MUL = Op("mul", "*", exact=integers.exact_multiply, kinds=arithmetic, form="product", cheap=True)
DIV = Op("div", "/", kinds=floating, form="quotient")
NEG = Op("neg", "-", exact=integers.exact_negate, kinds=arithmetic, form="negative", cheap=True)
POW = Op("power", "np.power", integers.math_power, exact=integers.exact_power, kinds=arithmetic)
SQRT = Op("sqrt", "np.sqrt", "math.sqrt")

LT = Op("less", "<", kinds=boolean, form="compare", cheap=True)
LE = Op("less_equal", "<=", kinds=boolean, form="compare", cheap=True)
GT = Op("greater", ">", kinds=boolean, form="compare", cheap=True)
GE = Op("greater_equal", ">=", kinds=boolean, form="compare", cheap=True)
EQ = Op("equal", "==", kinds=boolean, form="compare", cheap=True)
NE = Op("not_equal", "!=", kinds=boolean, form="compare", cheap=True)

AND = Op("and", "&", kinds=boolean, form="logic", cheap=True)
OR = Op("or", "|", kinds=boolean, form="logic", cheap=True)
XOR = Op("xor", "^", kinds=boolean, form="logic", cheap=True)
NOT = Op("not", "np.logical_not", kinds=boolean, cheap=True, math=numbers.math_not)

# Operands: condition, value, condition, value, ..., value: the first true condition chooses.
SELECT = Op(
    "piecewise", "", kinds=lambda kinds: promote([*kinds[1::2], kinds[-1]]), form="select", lazy=True, within=True
)
STACK = Op("stack", stack, kinds=promote, elementwise=False)  # data: (shape,), the leading axes

SHAPED = Op("shaped", shapes.shaped, kinds=lambda kinds: kinds[0], cheap=True, view=True, elementwise=False)
EXTENT = Op("extent", shapes.extent, kinds=integer, cheap=True, elementwise=False)
WIDENED = Op("widened", shapes.widened, kinds=lambda kinds: kinds[0], view=True, elementwise=False)
