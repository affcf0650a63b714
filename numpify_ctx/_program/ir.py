"""The compiled form of an expression: a hash-consed program, before any text.

A program is a list of nodes in topological order: an operand always has a smaller number than its user, so that every
pass is a loop over integers and no expression is too deep. A node is an operation, the numbers of its operands, and
static data. Equal nodes are one node, whichever subexpression they came from.

Facts about each node are inferred while it is built (see `builder.Builder`):

- `deps`: a bit mask of the leaves that it depends on: bit `i` for parameter `i`, higher bits for bound variables.
- `kinds`: the kinds of number it may be, a set written as a mask of `BOOL < INT < REAL < COMPLEX`.
- `rank`: how many leading axes (matrix, array) it has before the axes that broadcast.

Guards. Some operations (`Op.lazy`) do not evaluate all their operands: `SELECT` evaluates an arm only where its
condition is the first true one. And some (whose data is a `Region`) evaluate an operand many times with
other values of bound variables: a sum. The program does not say *where* a node is computed; the emitter places it,
inside an arm unless it is needed outside too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from .._kinds import ANY, Kinds, floating


@dataclass(frozen=True, slots=True)
class Numpy:
    """A function of NumPy's, written `np.name`."""

    name: str

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        found: Callable[..., Any] = getattr(np, self.name)
        return found


@dataclass(frozen=True, slots=True)
class Math:
    """A function of the module `math`, written `math.name`."""

    name: str

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        found: Callable[..., Any] = getattr(math, self.name)
        return found


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of Python's, which NumPy computes by a ufunc; `word` is its form between truth values."""

    symbol: str
    function: np.ufunc
    word: str = ""


Form = Literal["call", "sum", "product", "quotient", "negative", "compare", "logic", "select", "name", "const"]
_OPERATORS = frozenset({"sum", "product", "quotient", "negative", "compare", "logic"})


# By identity: two operations of one name may compute different things, and the hash is taken for every node made.
@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One operation of programs: how it is written in each form, and what it gives. Compared by identity.

    Attributes:
        name: for people, and the stem of the name that an injected function gets in the source.
        numpy: how arrays compute it: `Numpy("sin")`; an `Operator`; or a callable, which is injected into the
            namespace. None only for leaves and selections, which the emitters write by themselves.
        math: how Python scalars compute it: `Math("sin")`, a callable, or None to use `numpy` for them too. It must
            raise, not return, wherever its result would differ from `numpy`'s: the call then falls back on `numpy`.
        native: how compiled kernels compute it, by a name that `_emission.native` knows; None to leave it to `numpy`.
        cut: a callable that replaces `numpy` where an operand may be complex: on a branch cut it has SymPy's value,
            whatever the signs of zeros.
        exact: a callable that replaces `numpy` where integer arrays could overflow; None where they cannot.
        kinds: kinds of the operands to kinds of the result.
        rank: ranks of the operands to the rank of the result; None for the largest.
        form: how the emitters write it: a "call" (on the items of the node's tuple `data`, if there is any, then the
            operands), or one of those that they know by name.
        lazy: every operand but the first is evaluated under a guard (SELECT).
        cheap: costs about as much as one pass over memory, and raises nothing: arms made of such are not worth a
            guard.
        positive: of real numbers, the sign bit of the result is never set: neither below 0, nor -0.0.
        within: of integers, the result is no larger in magnitude than the largest operand; of a lazy one, than the
            largest value.
        elementwise: element i of the result depends on element i of the operands alone.
        foreign: user-defined; its dtype is left as it is.
        leaves: of real numbers it may have a complex value, and is nan there; see `promotion`.
        exposes: what it is applied to may be complex though the result is real: Abs, re.
        real: it is of real numbers alone.
        ufunc: the ufunc of one result that is all that `numpy` does, which blocks call with `out=`; else None.
    """

    name: str
    numpy: Numpy | Operator | Callable[..., Any] | None
    math: Math | Callable[..., Any] | None = None
    native: str | None = None
    cut: Callable[..., Any] | None = None
    exact: Callable[..., Any] | None = None
    kinds: Kinds = floating
    rank: Callable[[Sequence[int]], int] | None = None
    form: Form = "call"
    lazy: bool = False
    cheap: bool = False
    positive: bool = False
    within: bool = False
    elementwise: bool = True
    foreign: bool = False
    leaves: bool = False
    exposes: bool = False
    real: bool = False
    ufunc: np.ufunc | None = field(init=False)

    def __post_init__(self) -> None:
        # At import, not at the first call: an operation that lacks a form would be found by a user.
        if self.form == "call":
            is_complete = self.numpy is not None and not isinstance(self.numpy, Operator)
        elif self.form in _OPERATORS:
            is_complete = isinstance(self.numpy, Operator) and (self.form != "logic" or bool(self.numpy.word))
        else:
            is_complete = self.numpy is None
        if not is_complete:
            raise TypeError(f"operation {self.name} of form {self.form!r} has no fitting numpy form: {self.numpy!r}")
        found = self.numpy.function if isinstance(self.numpy, Numpy | Operator) else self.numpy
        if isinstance(self.math, Math) and not callable(self.math.function):
            raise TypeError(f"operation {self.name} has no fitting math form: {self.math!r}")
        # Settled once, as emitters ask it of every node; the class is frozen, so it is set past its guard.
        is_plain = isinstance(found, np.ufunc) and found.nout == 1 and found.signature is None
        object.__setattr__(self, "ufunc", found if is_plain else None)

    def __repr__(self) -> str:
        return f"<{self.name}>"


CONST = Op("const", None, form="const", cheap=True)
PARAM = Op("param", None, form="name", cheap=True)
BOUND = Op("bound", None, form="name", cheap=True)


@dataclass(frozen=True, slots=True)
class Region:
    """Data of a node one of whose operands is evaluated many times (a sum over k).

    The last operand of the node is the body; `bound` are the BOUND nodes it is a function of. The emitter turns the
    body into a function of the bound variables and of the values it needs from outside, and calls the node's
    runtime function with
    `(body, captured, ranks, *extra, *other operands)`: the runtime calls `body(*bound values, *captured)`; `ranks`
    says how many leading axes each of the captured values has before those that broadcast.
    """

    bound: tuple[int, ...]
    extra: tuple[Hashable, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """How results are handed back: a leaf is a node, a branch a list, tuple or dict of layouts.

    Attributes:
        kind: "node", "list", "tuple" or "dict".
        node: the node of a leaf.
        items: the layouts of a branch.
        keys: the keys of a dict.
    """

    kind: str
    node: int = -1
    items: tuple[Layout, ...] = ()
    keys: tuple[Any, ...] = ()

    def leaves(self) -> list[int]:
        """The nodes, from left to right."""
        if self.kind == "node":
            return [self.node]
        found: list[int] = []
        todo = [self]
        while todo:
            layout = todo.pop()
            if layout.kind == "node":
                found.append(layout.node)
            # A stack gives the last first.
            todo.extend(reversed(layout.items))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A finished program. `ops[i]`, `args[i]`, `data[i]` are node `i`; `deps`, `kinds`, `rank` its facts.

    `results` are the nodes that are handed back, in the order of `layout`. `large` are the constants that are integers
    beyond int64: floats in arrays, and Python's integers beside Python's numbers.
    """

    parameters: tuple[str, ...]
    ops: Sequence[Op]
    args: Sequence[tuple[int, ...]]
    data: Sequence[Any]
    deps: Sequence[int]
    kinds: Sequence[int]
    rank: Sequence[int]
    layout: Layout
    parameter_ranks: tuple[int, ...]
    large: Mapping[int, int] = field(default_factory=dict)
    results: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "results", tuple(self.layout.leaves()))


def is_real_constant(program: Program, node: int) -> bool:
    """Is this a real number that is known, and not 0? Complex numbers are divided by such part by part."""
    value = program.data[node]
    return program.ops[node] is CONST and type(value) in (int, float) and value != 0


def infer_kinds(program: Program, parameter_kinds: Sequence[int]) -> Sequence[int]:
    """The kinds of all nodes, given those of the parameters."""
    if all(kind == ANY for kind in parameter_kinds):
        # Nothing more is known than when the program was built.
        return program.kinds
    kinds: list[int] = []
    given: dict[Any, int] = {}  # few distinct questions are asked, many times over
    for op, args, data, known in zip(program.ops, program.args, program.data, program.kinds, strict=True):
        if op is PARAM:
            kinds.append(parameter_kinds[data])
        elif op is BOUND or op is CONST:
            kinds.append(known)
        else:
            question: Any = (op, *map(kinds.__getitem__, args))
            kind = given.get(question)
            if kind is None:
                kind = given[question] = op.kinds(question[1:])
            # A rule may have known more than its operation infers; if the two exclude each other, the rule is right.
            kinds.append(kind & known or known)
    return kinds
