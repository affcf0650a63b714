"""Every name of jax and haliax that is not plainly public: what it is for, and what is done without it.

Nothing else in this package imports or spells one (a test looks). Where a name may move between versions, this is the
one place to follow it; where there is no substitute, the import fails here, by its name, and not in a write.

Long: it is that one place.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType, NoneType
from typing import Any, Protocol, TypeAlias

import equinox._eval_shape
import equinox._jit
import haliax
import haliax._src.scan
import haliax.jax_utils
import haliax.partitioning
import jax
import jax._src.pallas.core
import jax._src.state.primitives
import jax.extend.core
import jax.interpreters.ad
import jax.numpy as jnp
import numpy as np
from jax import stages
from jax.experimental import pallas


try:
    from jax.extend.core import get_opaque_trace_state as _get_opaque_trace_state
except ImportError:  # jax 0.8 and 0.9
    from jax.core import get_opaque_trace_state as _get_opaque_trace_state
try:
    from jax._src.state.discharge import discharge_state as _discharge_state
except ImportError:
    _discharge_state = None  # type: ignore[assignment]  # see `without_refs`
try:
    from jax._src.traceback_util import register_exclusion as _register_exclusion
except ImportError:
    _register_exclusion = None  # type: ignore[assignment]  # see `leave_out_of_tracebacks`
try:
    from jax._src.source_info_util import register_exclusion as _register_library
except ImportError:
    _register_library = None  # type: ignore[assignment]  # see `leave_out_of_tracebacks`

JAX_VERSION: tuple[int, ...] = jax.__version_info__

# --- jax: tracebacks ------------------------------------------------------------------------------------------------


def leave_out_of_tracebacks(folder: str) -> None:
    """Have jax's traceback filtering leave out the frames of the files in `folder`, as it does its own.

    So do its messages, which then name the user's line where one of ours made a ref or traced an operation. equinox has
    it do the same. Where jax has no function for it, tracebacks are longer, and the line is one of ours.
    """
    for register in (_register_exclusion, _register_library):
        if register is not None:
            register(folder)


# --- jax: tracing ---------------------------------------------------------------------------------------------------

# The class of traced values: they are told from arrays at once, and nothing of them is known while tracing. Documented,
# but in `jax.core`, which loses names from version to version. Without it, `jax.Array` and a failing `np.asarray` tell.
Tracer = jax.core.Tracer


def trace_state() -> object:
    """What identifies the trace that is current: equal within one trace, and outside of all of them.

    Says whether anything is traced, and whether a ref may be frozen here. There is no substitute.

    >>> trace_state() == trace_state()
    True
    """
    return _get_opaque_trace_state(convention="nnx")


def called_in_c(program: Callable[..., Any]) -> Callable[..., Any] | None:
    """What a compiled program that has run once, or a jitted function, calls in C++ with no bytecode after it.

    A signal is handled between two bytecodes, and must not strike between a run and its result. Where there is nothing
    of the kind, None: then signals are held back during each run.

    >>> called_in_c(jax.jit(lambda x: x)) is not None, called_in_c(lambda x: x)
    (True, None)
    """
    call: Any = getattr(program, "_call", program)
    return None if isinstance(call, FunctionType | stages.Compiled | NoneType) else call


# Runs what was traced once, again in another program. There is no substitute.
jaxpr_as_fun: Callable[..., Callable[..., Any]] = jax.extend.core.jaxpr_as_fun
Jaxpr: TypeAlias = jax.extend.core.Jaxpr
JaxprEqn: TypeAlias = jax.extend.core.JaxprEqn

# --- jax: refs ------------------------------------------------------------------------------------------------------


class Holder(Protocol):
    """What holds the array of a `jax.Ref`."""

    _buf: jax.Array


def holder_of(raw: jax.Ref) -> Holder:
    """The holder of the array of a `jax.Ref` that is not traced, from which a program takes it and puts one in.

    A program of a plain array runs in C++, and what it returns may be kept whatever interrupts it.

    >>> holder_of(jax.new_ref(jnp.float32(1.0)))._buf
    Array(1., dtype=float32)
    """
    holder: Any = getattr(raw, "_refs", raw)
    return holder  # type: ignore[no-any-return]


def copied(array: jax.Array) -> jax.Array:
    """A copy, where the array is, for which nothing is compiled.

    What `jax.device_put` comes to in the end: on the way there, it takes ten times as long.
    """
    copy = _array_copier()
    if copy is not None and array.is_fully_addressable:
        return copy(array)
    copied: jax.Array = jax.device_put(array, array.sharding if array.committed else None, may_alias=False)
    return copied


@functools.lru_cache(maxsize=1)
def _array_copier() -> Callable[[jax.Array], jax.Array] | None:
    """What `jax.device_put` calls in C++ to copy an array; None where that has changed."""
    client: Any = getattr(sys.modules.get("jax._src.lib"), "xla_client", None)
    try:
        copy_all, how = client.batched_copy_array_to_devices_with_sharding, [client.ArrayCopySemantics.ALWAYS_COPY]

        def copy(array: jax.Array) -> jax.Array:
            sharding: Any = array.sharding
            copies: list[jax.Array] = copy_all([array], [sharding._internal_device_list], [sharding], how)
            return copies[0]

        array = jnp.ones(1)
        if not array.is_fully_addressable:  # the mesh of several processes is set: what copies here cannot be tried
            return None
        made = copy(array)
        # of one shard: where a mesh is set, this array is on all of its devices
        pointers = {each.addressable_data(0).unsafe_buffer_pointer() for each in (array, made)}
        is_copy = len(pointers) == 2 and made.tolist() == [1.0]
    except (AttributeError, TypeError):
        return None
    return copy if is_copy and made.committed == array.committed else None


@functools.lru_cache(maxsize=1)
def _eager_maker() -> Callable[..., jax.Ref] | None:
    """How jax makes a ref of an array outside of a trace, but for the copy; None where it does so in another way.

    A ref is made by jax, and its parts are taken from there.
    """
    array = jnp.ones(1)
    raw = jax.new_ref(array)
    kind_of_type, kind_of_holder, committed = type(jax.typeof(raw)), type(holder_of(raw)), holder_of(raw)._buf.committed
    memory = getattr(jax.typeof(array), "memory_space", None)

    @functools.lru_cache(maxsize=256)
    def type_of(kind: Any, *options: tuple[str, Any]) -> Any:
        return kind_of_type(kind, **dict(options))

    def make(array: jax.Array, **options: Any) -> jax.Ref:
        kind = jax.typeof(array)
        if getattr(kind, "memory_space", None) != memory:
            return jax.new_ref(array, **options)
        aval = type_of(kind, *options.items())
        if committed and not array.committed:
            copy = jax.device_put(array, array.sharding, may_alias=False)
        else:
            copy = copied(array)
        return jax.Ref(aval, kind_of_holder(aval, copy))  # type: ignore[call-arg]

    try:
        made = make(array)
    except (AttributeError, TypeError):
        return None
    return make if jax.typeof(made) == jax.typeof(raw) and made[...].tolist() == [1.0] else None


def new_eager_ref(array: Any, **options: Any) -> jax.Ref:
    """`jax.new_ref` outside of a trace, where it compiles a program to copy for each shape, and keeps it: here none.

    Without the classes that a ref is made of, and of what they do not make, it is `jax.new_ref`: of a weak type, which
    some versions make strong, of keys, and in other memory.
    """
    plain = isinstance(array, jax.Array) and not isinstance(array, Tracer) and options.keys() <= {"kind"}
    if not plain or jnp.issubdtype(array.dtype, jax.dtypes.extended) or array.weak_type:
        return jax.new_ref(array, **options)
    return (_eager_maker() or jax.new_ref)(array, **options)


# How XLA is to compile a program that overwrites large buffers of a CPU: one part after the other, so that what is
# temporary may share memory, and without a copy of what is overwritten where none is needed. Elsewhere it does so.
_IN_PLACE: dict[str, str | bool] = {
    "xla_cpu_copy_insertion_use_region_analysis": True,
    "xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED",  # from jax 0.9 on
}


def compiled_in_place(lowered: stages.Lowered, buffers: Sequence[jax.Array]) -> stages.Compiled:
    """What was lowered, compiled so that it needs little memory beside the buffers that it is given.

    Of the options of XLA's for that, those that this version does not know are left out.
    """
    # From its sharding, which a buffer still has that another thread has given away by now.
    devices: list[Any] = [device for array in buffers[:1] for device in array.sharding.device_set]
    on_cpu = all(device.platform == "cpu" for device in devices)
    options = _known_options() if on_cpu else {}
    return lowered.compile(compiler_options=options)


@functools.lru_cache(maxsize=1)
def _known_options() -> dict[str, str | bool]:
    lowered = jax.jit(lambda: 0).lower()
    known = {}
    for name, value in _IN_PLACE.items():
        try:
            lowered.compile(compiler_options={name: value})
        except jax.errors.JaxRuntimeError:
            continue
        known[name] = value
    return known


def has_several_devices() -> bool:
    """Whether there are several devices: False also while jax has not looked for any, so that nothing is divided yet.

    >>> has_several_devices()
    False
    """
    # To look for them in a trace would be too early for who calls `jax.distributed.initialize` afterwards.
    looked = getattr(sys.modules.get("jax._src.xla_bridge"), "backends_are_initialized", None)
    return (looked is None or looked()) and jax.device_count() > 1


def mesh_that_is_set() -> jax.sharding.Mesh:
    """The mesh of `jax.set_mesh`, an empty one if none is set; public after jax 0.8. Not under a trace.

    >>> mesh_that_is_set().empty
    True
    """
    if hasattr(jax.sharding, "get_mesh"):
        return jax.sharding.get_mesh()
    from jax._src.mesh import get_concrete_mesh

    return get_concrete_mesh()


# What `pl.ds(...)` makes: a selector by its class. The class itself has no public name.
PallasSlice: Any = type(pallas.ds(0, 1))

# What jax's errors about refs say; it has no types for them. Where a text changes, jax's own error passes through.
UNBATCHED_WRITE = "unbatched array reference"
UNDIFFERENTIATED_WRITE = "non-differentiated array reference"
# Of `jax.shard_map` that closes over a ref: while tracing, and, from jax 0.11 on, outside of a trace.
UNPLACED_REF = "object has no attribute 'nospec'"
PASSED_REF = "Attempting to pass a Ref"


def in_kernel() -> bool:
    """Whether a kernel of Pallas is being traced; True where this jax does not say.

    A kernel takes no constant arrays. Without an answer, each ref that has a memory space is taken for a kernel's.

    >>> in_kernel()
    False
    """
    core = jax._src.pallas.core
    # from jax 0.12 on, and before
    configured, environment = getattr(core, "_grid_context", None), getattr(core, "_pallas_tracing_env", None)
    if configured is not None:
        return getattr(configured, "value", True) is not None
    return getattr(environment, "grid_context", True) is not None


def varies_over(value: object) -> frozenset[str]:
    """The mesh axes over which a value, or what a ref holds, varies within `jax.shard_map`; none where jax says none.

    >>> varies_over(jnp.zeros(2))
    frozenset()
    """
    aval = jax.typeof(value)
    aval = getattr(aval, "inner_aval", aval)  # of a ref
    # `vma` until jax 0.10, `mat.varying` from then on
    found: frozenset[str] | None = getattr(getattr(aval, "mat", None), "varying", None) or getattr(aval, "vma", None)
    return found or frozenset()


def varied(array: jax.Array, names: tuple[str, ...]) -> jax.Array:
    """The same array, as one that may vary over these mesh axes, too; `pvary` became `pcast`."""
    pcast: Callable[..., jax.Array] | None = getattr(jax.lax, "pcast", None)
    if pcast is None:
        vary: Callable[..., jax.Array] = getattr(jax.lax, "pvary")  # noqa: B009  # newer versions have no such name
        return vary(array, names)
    return pcast(array, names, to="varying")


# How to make a value vary, for errors to say.
VARIED_BY = "jax.lax.pcast(value, {!r}, to='varying')" if hasattr(jax.lax, "pcast") else "jax.lax.pvary(value, {!r})"

# The primitives of `jax.ref.addupdate` and `jax.new_ref`, the rules by which jax differentiates, and what stands for no
# tangent. Two rules are patched: jax's fails to add to a ref that is not differentiated, and, from jax 0.12 on, to make
# one of integers where vmap maps the derivative. Without the second primitive, that error passes through.
addupdate_p: Any = jax._src.state.primitives.addupdate_p
new_ref_p: Any = getattr(sys.modules.get("jax._src.core"), "ref_p", None)
CAN_MAKE_INTEGERS_IN_FORWARD_MODE = JAX_VERSION < (0, 12)
primitive_jvps: dict[Any, Callable[..., Any]] = jax.interpreters.ad.primitive_jvps
ZeroTangent: type[Any] = jax.interpreters.ad.Zero

# Whether `jax.new_ref` and `jax.empty_ref` take an option; without it, passing one is a NotImplementedError.
HAS_KIND = "kind" in inspect.signature(jax.new_ref).parameters  # from jax 0.9 on
HAS_PIN = "pin" in inspect.signature(jax.new_ref).parameters  # from jax 0.11 on
# No eager form, so outside of a trace, and before jax 0.10, a new ref of `jnp.empty` stands in.
empty_ref: Callable[..., Any] | None = getattr(jax, "empty_ref", None)
# Frees the buffer at once; before jax 0.10 it goes with the last view of it.
free_ref: Callable[..., Any] | None = getattr(jax, "free_ref", None)

# Before jax 0.10, an index into a ref that vmap maps reads and writes the wrong cells, without an error.
CAN_VMAP = JAX_VERSION >= (0, 10)
# Before jax 0.12, vmap has no rule for a loop over a ref whose mapped dimension is not the first (jax issue 39288).
CAN_LOOP_IN_VMAP = JAX_VERSION >= (0, 12)

# How jax checks that a ref is passed once and not returned. Patched, so that its errors name the axes and the way out;
# where one of them is missing, jax's error passes through as it is.
_REF_CHECKS = (
    ("jax._src.api_util", "check_no_aliased_ref_args"),
    ("jax._src.api_util", "_check_no_aliased_closed_over_refs"),
    ("jax._src.interpreters.partial_eval", "_check_no_returned_refs"),
)
REF_CHECKS: tuple[Any, ...] = tuple(
    function for module, name in _REF_CHECKS if (function := getattr(sys.modules.get(module), name, None)) is not None
)

# How jax chooses which output takes the memory of a donated argument. Patched: it offers outputs that are the contents
# of refs, whose memory they have already, and XLA fails. Without it, or the token, that error passes through.
_mlir: Any = sys.modules.get("jax._src.interpreters.mlir")
SET_UP_ALIASES: Any = getattr(_mlir, "_set_up_aliases", None)
ABSTRACT_TOKEN: Any = getattr(sys.modules.get("jax._src.core"), "abstract_token", None)


# Two threads may both ask of a type: they write the same answer. There are as many types as jax has kinds of aval.
_REF_TYPES: dict[type, bool] = {}


def is_traced_ref(tracer: Any) -> bool:
    """Whether a tracer is of a `jax.Ref`, as `isinstance` says: that takes 1 us, so it is asked once for each type.

    >>> seen = []
    >>> _ = jax.make_jaxpr(lambda ref, x: seen.extend([is_traced_ref(ref), is_traced_ref(x)]))(jax.new_ref(1.0), 1.0)
    >>> seen
    [True, False]
    """
    kind = type(jax.typeof(tracer))
    found = _REF_TYPES.get(kind)
    if found is None:
        found = _REF_TYPES[kind] = isinstance(tracer, jax.Ref)
    return found


def referent(ref: Any) -> Any:
    """The ref that a tracer stands for, where a traced function closes over it; `ref` where that is not known."""
    return ref.get_referent() if hasattr(ref, "get_referent") else ref


def evaluate(closed: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    """What a jaxpr of `jax.make_jaxpr` computes of `args`, with `consts` for the constants that it closed over."""
    function = jax.extend.core.jaxpr_as_fun(jax.extend.core.ClosedJaxpr(closed.jaxpr, consts))
    return list(function(*args))


def without_refs(closed: Any, consts: Sequence[Any], args: Sequence[Any]) -> Callable[..., list[Any]] | None:
    """A jaxpr of `jax.make_jaxpr` as a function of arrays: contents in place of refs, loops and branches included.

    `discharge_state` is how jax itself lowers refs; it has no public name. Where it is missing, or does not know a
    primitive, callers make do with refs.

    Args:
        consts: what `closed` closes over; some are refs.
        args: of the function that it was traced from.
    Returns:
        A function of `consts`, each ref's contents in its place, and then `args`. It returns what the jaxpr does,
        and then what each of those refs holds at the end. None where jax cannot make it.
    """
    if _discharge_state is None:
        return None
    n = len(consts)
    opened = jax.make_jaxpr(lambda *given: evaluate(closed, given[:n], given[n:]))(*consts, *args)
    try:
        discharged = _discharge_state(opened, lower=False)
    except (NotImplementedError, TypeError):  # TypeError: before jax 0.10 it takes other arguments
        return None
    function: Callable[..., list[Any]] = jax.extend.core.jaxpr_as_fun(discharged)
    return function


def written_consts(closed: Any) -> set[int]:
    """Which of the constants that a jaxpr closed over are refs that it writes to, by number.

    A jaxpr's effects are not public. Without them, every ref would count as written, and be written back.
    """
    variables = [*closed.jaxpr.constvars, *closed.jaxpr.invars]
    written = set()
    for effect in closed.jaxpr.effects:
        if type(effect).__name__ in ("WriteEffect", "AccumEffect"):
            given = getattr(effect, "input", None)  # a variable; before jax 0.10, its number
            written.add(effect.input_index if given is None else variables.index(given))
    return {number for number in written if number < len(closed.consts)}


def note_as_users(error: NotImplementedError) -> None:
    """Note that a function of the user's raised it, so that it is not taken for a rule that jax lacks."""
    error.__dict__["of_the_user"] = True


def has_no_vmap_rule(error: Exception) -> bool:
    """Whether jax refused to map what is done with a ref. Where the texts change, its own error passes through.

    A branch, a window: NotImplementedError. A loop before jax 0.12 (jax issue 39288): one of two errors by accident.
    """
    text = str(error)
    return (isinstance(error, NotImplementedError) and "of_the_user" not in error.__dict__) or (
        not CAN_LOOP_IN_VMAP
        and (
            (isinstance(error, AttributeError) and "'Ref' object has no attribute 'transpose'" in text)
            or (isinstance(error, ValueError) and "Triggering __jax_array__() during abstractification" in text)
        )
    )


def is_unmapped_output_error(error: ValueError) -> bool:
    """Whether `jax.jacfwd` failed on a ref that the function makes: vmap maps it, and with it the function's value."""
    return "got axis spec None but output was batched" in str(error)


# The class of what `jax.vjp` returns. Before jax 0.11 its `with_refs` with a `GradValue` beside a ref is wrong within
# loops (jax issue 32468), and its error for a ref without `with_refs` is obscure; both are mended in the class.
try:
    from jax._src.api import VJP as _VJP
except ImportError:
    Pullback: Any = None
else:
    Pullback = _VJP
# `GradValue` and `GradRef`, which `with_refs` takes and gives; with jax 0.10.
gradients: Any = getattr(jax, "ad", None)
CAN_MIX_GRADIENTS = JAX_VERSION >= (0, 11)
PULLED_WITHOUT_REFS = "'ValAccum' object has no attribute"


# --- haliax ---------------------------------------------------------------------------------------------------------

# What `hax.scan` takes a step of by default; named to pass the same default on.
is_scanned_by_default: Callable[[Any], bool] = haliax._src.scan.is_named_or_shaped_array_like
# How `hax.named_jit` divides arguments into traced and static, and the shardings that it gives them. Patched, so that
# a ref is traced and stays where it is; without them, `hax.named_jit` would take a ref for a constant.
hashable_partition: Callable[..., Any] = haliax.tree_util.hashable_partition
infer_resource_partitions: Callable[..., Any] = haliax.partitioning.infer_resource_partitions
# Of marin-haliax only. Patched, so that it takes refs.
HAX_SHARD_MAP: Callable[..., Any] | None = getattr(haliax, "shard_map", None)
# How it finds the specs of arrays by the names of their axes.
pspec_for: Callable[..., Any] = haliax.partitioning.pspec_for
# How Haliax calls reductions and functions along axes. Patched, so that a ref is refused in our words.
wrap_reduction_call: Callable[..., Any] = haliax.wrap.wrap_reduction_call
wrap_axiswise_call: Callable[..., Any] = haliax.wrap.wrap_axiswise_call
# How `BlockSeq` takes one block's part of an argument; a static method. Without it, `BlockSeq` takes no refs.
SLICE_OUT = "_slice_out"
slice_out: Callable[..., Any] | None = getattr(haliax.nn.BlockSeq, SLICE_OUT, None)


def names_of(array: haliax.NamedArray) -> tuple[str, ...]:
    """The names of a NamedArray's axes, also where what is in it has another number of dimensions.

    equinox and optax make such, of leaves. marin-haliax keeps names only, and fails to give the axes then.

    >>> names_of(jax.tree.map(lambda leaf: "no array", haliax.zeros({"x": 2})))
    ('x',)
    """
    names: tuple[str, ...] | None = getattr(array, "axis_names", None)
    return tuple(axis.name for axis in array.axes) if names is None else names


def fits_axes(array: haliax.NamedArray) -> bool:
    """Whether what is in a NamedArray is of the shape of its axes, as far as it knows that shape.

    >>> column = haliax.zeros({"x": 2})
    >>> fits_axes(column), fits_axes(jax.tree.map(lambda leaf: leaf.sum(), column))
    (True, False)
    """
    shape = getattr(array.array, "shape", None)
    if hasattr(array, "axis_names"):
        return shape is not None and len(shape) == len(array.axis_names)
    return shape == tuple(axis.size for axis in array.axes)


# Whether a `NamedArray` is two fields in a dictionary, so that one can be made of them.
_IS_PLAIN = set(getattr(haliax.NamedArray, "__dataclass_fields__", ())) == {"array", "axes"} and not any(
    hasattr(haliax.NamedArray, name) for name in ("__slots__", "__post_init__")
)


def named_array(array: jax.Array, axes: tuple[haliax.Axis, ...]) -> haliax.NamedArray:
    """An array with axes that are known to fit it: `NamedArray` would compare the two, which takes 5 us of a read."""
    if not _IS_PLAIN:
        return haliax.NamedArray(array, axes)
    named = object.__new__(haliax.NamedArray)
    vars(named).update(array=array, axes=axes)
    return named


def has_axis_mapping() -> bool:
    """Whether `hax.axis_mapping` is in effect: without it nothing is known of how a traced buffer is divided.

    >>> has_axis_mapping()
    False
    """
    return haliax.partitioning.current_thread_local_mapping() is not None


def _is_constant_dim(size: object) -> bool:
    # All other dimensions, such as the symbolic ones of `jax.export`, have types of their own.
    return isinstance(size, int | np.integer)


class _StandIn(ModuleType):
    """A module with a few names set over those of another."""

    def __init__(self, module: ModuleType, **names: object) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _missing_in_haliax() -> tuple[tuple[ModuleType, str, object], ...]:
    """What haliax's own code needs of jax and no longer finds there: (module of haliax, name in it, what to put there).

    `hax.dot` of haliax 1.4 calls `jax.core.is_constant_dim`, which jax 0.11 removed. The name is supplied to
    `haliax.jax_utils` alone, by a stand-in for the `jax` that it refers to; jax itself is left alone. marin-haliax
    looks elsewhere, and gets nothing.
    """
    module = haliax.jax_utils
    if hasattr(jax.core, "is_constant_dim") or "jax.core.is_constant_dim" not in inspect.getsource(module):
        return ()
    return ((module, "jax", _StandIn(jax, core=_StandIn(jax.core, is_constant_dim=_is_constant_dim))),)


# Made once, so that what the opt-in puts into haliax is always the same object.
MISSING_IN_HALIAX = _missing_in_haliax()

# --- equinox --------------------------------------------------------------------------------------------------------

# Where `eqx.filter_jit` and `eqx.filter_eval_shape` divide what they are given and return. `_call` and `partition` in
# them are patched; without them, `eqx.filter_jit` would take a ref for a constant, and trace anew for another one.
EQUINOX_JIT: Any = equinox._jit
EQUINOX_EVAL_SHAPE: Any = equinox._eval_shape

# --- equinox: filter_vmap -------------------------------------------------------------------------------------------

# The class of what `eqx.filter_vmap` returns, whose calls are patched to take refs.
_FILTER_VMAP: Any = equinox.filter_vmap(lambda x: x)
FilterVmap: Any = type(_FILTER_VMAP)


def filter_vmap_function(mapped: Any) -> Callable[..., Any]:
    """What `eqx.filter_vmap` was given."""
    function: Callable[..., Any] = mapped._fun
    return function


def filter_vmap_is_default(mapped: Any) -> bool:
    """Whether `in_axes` was left out, so that the first axis is mapped."""
    return mapped._in_axes is _FILTER_VMAP._in_axes


def with_filter_vmap_function(mapped: Any, function: Callable[..., Any]) -> Any:
    """`mapped` with another function."""
    return dataclasses.replace(mapped, _fun=function)
