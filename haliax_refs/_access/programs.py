"""The compiled programs of eager operations, and how one runs so that the ref is whole whatever happens.

Outside a trace a raw `jax.Ref` write copies the whole buffer, and each new static position compiles anew. Here a
program is compiled once for each structure: positions and index arrays are its arguments. It takes the buffer as a
plain array and, if it writes, gives it back, donated: so it updates in place, and jax calls it without running Python.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding

from .._compat import Holder, Jaxpr, JaxprEqn, called_in_c, holder_of, jaxpr_as_fun
from .._handle import Handle
from .._locks import lock_of
from .._recent import Recent
from .._types import PyTree
from .index import Target
from .operation import Apply, Get, Operation
from .perform import perform_anywhere
from .signals import uninterrupted


class Program:
    """What is compiled for one structure.

    Attributes:
        compiled: takes the buffer and the arguments, and gives what is read, or the new buffer.
        call: the same.
        warm: it has run once, and `call` is what jax has in C++, with no Python code around it to be interrupted.
        donates: the buffer that it is given is gone when it has run.
        calls_back: it calls Python while it runs, which may use refs: nothing may be locked meanwhile.
    """

    __slots__ = ("call", "calls_back", "compiled", "donates", "warm")

    def __init__(self, compiled: Callable[..., Any], *, donates: bool, calls_back: bool) -> None:
        self.compiled = self.call = compiled
        self.donates, self.calls_back, self.warm = donates, calls_back, False

    def note_run(self) -> None:
        """Note that it has run: from then on there is something to call in C++."""
        if not self.warm and (fast := called_in_c(self.compiled)) is not None:
            self.call, self.warm = fast, True


# dtypes of less than a byte: a compiled program refuses the layout that jax gives a NumPy argument of these
_NARROW = frozenset(
    np.dtype(getattr(jnp, name)) for name in ("int2", "uint2", "int4", "uint4", "float4_e2m1fn") if hasattr(jnp, name)
)

# Of what is compiled only the executable is kept, some 0.2 MB: `jax.jit` would keep 1.3 MB more of what it came from.
_COMPILED: Recent[Any, Program] = Recent(1024)
# A function may hold anything, and most are made where they are passed.
_COMPILED_APPLIED: Recent[Any, Program] = Recent(16)


def find(operation: Operation, target: Target, buffer: jax.Array, arguments: list[Any]) -> Program:
    """The program for such a buffer and such arguments, compiled where it is the first."""
    debug = is_debugging()
    key = (
        operation,
        target,
        buffer.dtype,
        getattr(buffer, "weak_type", False),  # keys have none
        buffer.sharding,
        buffer.committed,
        debug,
        *map(signature, arguments),
    )
    known = _COMPILED_APPLIED if isinstance(operation, Apply) else _COMPILED
    program = known.get(key)
    if program is None:
        # Under the debugging flags the old contents must survive a result that is refused.
        donates = not debug and not isinstance(operation, Get)
        program = known.remember(key, make(operation, target, buffer, arguments, donates))
    return program


def make(operation: Operation, target: Target, buffer: jax.Array, arguments: list[Any], donates: bool) -> Program:
    """A program, compiled.

    A ref is nearly always on one device. Then what is compiled is called itself: through `jax.jit` costs twice that.
    """
    calls_back = False
    if isinstance(operation, Apply):
        function = function_of(operation, target)
        # What the caller applies is traced here, once, to see whether it calls back.
        traced = jax.make_jaxpr(function)(buffer, *arguments)
        calls_back = calls_python(traced.jaxpr)
        donates = donates and not calls_back
        function = _function_of_jaxpr(traced)
    else:
        function = _kept_function_of(operation, target)
    if type(buffer.sharding) is SingleDeviceSharding and buffer.dtype not in _NARROW:
        # XLA gives results in a device's own memory: donated from elsewhere and not said to go back there, one of
        # another memory kind than jax expects ends the process.
        moved = not isinstance(operation, Get) and not is_in_own_memory(buffer)
        call = jitted(function, buffer.sharding if moved else None, donates).lower(buffer, *arguments).compile()
    else:
        sharding = None if isinstance(operation, Get) else buffer.sharding
        call = jitted(function, sharding, donates)
    return Program(call, donates=donates, calls_back=calls_back)


def is_in_own_memory(buffer: jax.Array) -> bool:
    """Whether a buffer is where a program leaves its results, unless it is told to leave them elsewhere."""
    kind = buffer.sharding.memory_kind
    devices: list[Any] = [*buffer.sharding.device_set]
    return kind is None or all(kind == device.default_memory().kind for device in devices)


def is_debugging() -> bool:
    """Whether `jax_debug_nans` or `jax_debug_infs` is on."""
    return bool(jax.config.jax_debug_nans or jax.config.jax_debug_infs)  # type: ignore[attr-defined]


def signature(argument: PyTree) -> tuple[Any, ...]:
    """What a program that is compiled for this argument takes instead of it."""
    if isinstance(argument, jax.Array):
        return (
            argument.shape,
            argument.dtype,
            getattr(argument, "weak_type", False),
            argument.sharding,
            argument.committed,
        )
    # What jax takes a NumPy dtype of 64 bits for depends on whether `jax.enable_x64` is on.
    wide = argument.dtype.itemsize == 8
    return argument.shape, jax.dtypes.canonicalize_dtype(argument.dtype) if wide else argument.dtype


def function_of(operation: Operation, target: Target) -> Callable[..., jax.Array]:
    """What a program does, to be traced: from the buffer and the arguments to what is read, or to the new buffer."""
    layout = target.layout

    def program(buffer: jax.Array, *arguments: PyTree) -> Any:
        # The order in which `run` puts them: operands, all scalars as one array, the value.
        operands, rest = arguments[: layout.operands], [*arguments[layout.operands :]]
        scalars = rest.pop(0) if layout.scalars else None
        raw = jax.new_ref(buffer)
        result = perform_anywhere(operation, raw, target, scalars, operands, rest.pop() if rest else None)
        return result if isinstance(operation, Get) else jax.freeze(raw)

    # jax's errors and profiles show the name.
    program.__name__ = program.__qualname__ = f"named_ref_{type(operation).__name__.lower()}"
    return program


# so that jax finds what it has compiled for refs on several devices
_kept_function_of = functools.lru_cache(maxsize=256)(function_of)


def jitted(function: Callable[..., jax.Array], sharding: Any, donates: bool) -> Any:
    """A program, jitted: `sharding` is that of the buffer that it gives back, where XLA might choose another."""
    more = {} if sharding is None else {"out_shardings": sharding}
    return jax.jit(function, donate_argnums=(0,) if donates else (), **more)


def _function_of_jaxpr(traced: Any) -> Callable[..., jax.Array]:
    run = jaxpr_as_fun(traced)

    def named_ref_apply(*arguments: PyTree) -> jax.Array:
        (result,) = run(*arguments)
        return result  # type: ignore[no-any-return]

    return named_ref_apply


def calls_python(jaxpr: Jaxpr) -> bool:
    """Whether a traced function calls Python while it runs: no effect of `jax.pure_callback` says so."""
    return any(
        "callback" in equation.primitive.name or any(map(calls_python, _inner(equation))) for equation in jaxpr.eqns
    )


def _inner(equation: JaxprEqn) -> Iterator[Any]:
    for parameter in jax.tree.leaves(dict(equation.params), is_leaf=lambda leaf: hasattr(leaf, "eqns")):
        inner = getattr(parameter, "jaxpr", parameter)
        if hasattr(inner, "eqns"):
            yield inner


def load(handle: Handle, operation: Get, target: Target, arguments: list[Any]) -> Any:
    """Run a program that reads. It donates nothing, so whatever interrupts it, there is nothing to put back."""
    raw = handle._ref
    holder = holder_of(raw)
    program = find(operation, target, holder._buf, arguments)
    with lock_of(raw):
        handle._check_valid()
        if is_debugging():
            return run_and_look(program, holder._buf, arguments, "read from")
        return program.call(holder._buf, *arguments)


def store(handle: Handle, operation: Operation, target: Target, arguments: list[Any]) -> None:
    """Run a program that writes. Whatever interrupts it, the ref has its old or its new contents, whole."""
    raw = handle._ref
    holder = holder_of(raw)
    program = find(operation, target, holder._buf, arguments)
    if program.calls_back:
        _store_unlocked(handle, program, arguments)
        return
    new: list[jax.Array] = []
    with lock_of(raw):
        handle._check_valid()
        if not program.donates:
            holder._buf = run_and_look(program, holder._buf, arguments, "written to")
        elif program.warm:
            try:
                # A signal is handled between two bytecodes: there is none between the run and the list that has its
                # result, nor a call, which is where Python looks for signals, before that is put into the ref.
                new.extend(map(program.call, (holder._buf,), *[(argument,) for argument in arguments]))
            finally:
                if new:
                    holder._buf = new[0]
        else:
            # The first time, jax runs it from Python.
            uninterrupted(functools.partial(_run_and_put, program, holder, arguments))
            program.note_run()


def _run_and_put(program: Program, holder: Holder, arguments: list[Any]) -> None:
    holder._buf = program.call(holder._buf, *arguments)


def _store_unlocked(handle: Handle, program: Program, arguments: list[Any]) -> None:
    """Store, with nothing locked while it runs: what it calls back may use refs, from a thread of jax's.

    So another thread may have stored meanwhile: then what was computed is of old contents, and it is run again.
    """
    raw = handle._ref
    holder = holder_of(raw)
    while True:
        with lock_of(raw):
            handle._check_valid()
            old = holder._buf
        try:
            new = program.call(old, *arguments)
        except RuntimeError:
            if old is holder._buf:
                raise
            continue  # another thread's program has taken the old one
        with lock_of(raw):
            handle._check_valid()
            # Compare and swap: what was computed is stored only if it is of the contents that are there.
            if holder._buf is old:
                holder._buf = new
                return


def run_and_look(program: Program, buffer: PyTree, arguments: list[Any], verb: str) -> Any:
    """Run a program that donates nothing, and look for what `jax_debug_nans` and `jax_debug_infs` look for.

    jax itself would look when the old buffer is gone, and then raise, so that the new one is lost, too.
    """
    nans, infs = jax.config.jax_debug_nans, jax.config.jax_debug_infs  # type: ignore[attr-defined]
    with jax.debug_nans(False), jax.debug_infs(False):
        result = program.call(buffer, *arguments)
        for array in jax.tree.leaves(result):
            for found, test, word in ((nans, jnp.isnan, "nan"), (infs, jnp.isinf, "inf")):
                if found and jnp.issubdtype(array.dtype, jnp.inexact) and bool(test(array).any()):
                    raise FloatingPointError(f"invalid value ({word}) encountered: it would be {verb} a NamedRef")
    return result
