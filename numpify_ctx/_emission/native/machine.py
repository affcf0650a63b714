"""From the text of a module to a ufunc of NumPy's: the only place that knows llvmlite, which is imported when needed.

The ufunc is made by `PyUFunc_FromFuncAndData`, entry 1 of the table of functions that NumPy exports to C; one whose
results have axes of their own, a generalized ufunc, by `PyUFunc_FromFuncAndDataAndSignature`, entry 31.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .frame import BIT, Target, library_text


_TYPES = {
    "?": np.bool_, "q": np.int64, "f": np.float32, "d": np.float64, "F": np.complex64, "D": np.complex128,
    "b": np.int8, "h": np.int16, "i": np.int32, "B": np.uint8, "H": np.uint16, "I": np.uint32, BIT: np.bool_,
}  # fmt: skip

# One kernel is compiled at a time, and none while the process forks: a lock of LLVM's that another thread holds would
# stay held in the child for ever.
_LOCK = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)


class Unavailable(Exception):
    """There is no native form here; the message says why."""


@dataclass(frozen=True, slots=True)
class Machine:
    """LLVM for this processor."""

    binding: Any
    processor: str
    features: str
    target: Target


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Kernel:
    """A compiled kernel; the ufunc must not be used after it is gone.

    Attributes:
        ufunc: of the inputs, an array for each result. The own axis of one comes last, as in all generalized ufuncs.
        writing: the same of arrays of one axis, and of arrays for all results but the last, which count as inputs and
            are written; None if there is one result. NumPy has a short way for ufuncs of one output, which takes a
            third of the time, and hands over the memory of such inputs as it is: of one axis, it copies none but what
            it has to convert or to align.
        text: the module.
        counter: how many calls met integers with too many bits, in all threads.
        nans: how many gave nan where no argument is.
    """

    ufunc: Any
    writing: Any
    text: str
    counter: ctypes.c_int64
    nans: ctypes.c_int64
    _held: tuple[Any, ...]


@functools.cache
def machine() -> Machine:
    """LLVM, made ready.

    Raises:
        Unavailable: llvmlite is not installed or too old, or the processor lacks what kernels are made of.
    """
    try:
        import llvmlite.binding as binding
    except ImportError as error:
        raise Unavailable("llvmlite is not installed; pip install llvmlite, or 'haliax-refs[fast]'") from error
    if binding.llvm_version_info[0] < 20:
        raise Unavailable(f"llvmlite has LLVM {binding.llvm_version_info[0]}, and 20 is needed")
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features()
    return Machine(binding, binding.get_host_cpu_name(), features.flatten(), _target(features))


def _target(features: Any) -> Target:
    kind = platform.machine().lower()
    if kind in ("x86_64", "amd64"):
        # Without the instruction, each fma would be a call of the C library for each lane.
        if not features.get("fma"):
            raise Unavailable("this processor has no fused multiplication and addition")
        # DQ has the conversions between int64 and double, which kernels make.
        return Target(512 if features.get("avx512f") and features.get("avx512dq") else 256, x86=True)
    if kind in ("arm64", "aarch64"):
        return Target(128, x86=False)
    raise Unavailable(f"no native form is known for processors of the kind {kind}")


def why_unavailable() -> str | None:
    """Why there is no native form in this process; None if there is."""
    try:
        machine()
    except Unavailable as error:
        return str(error)
    return None


def compiled(
    text: str, inputs: Sequence[str], outputs: Sequence[str], lengths: Sequence[int] = (), name: str = "numpify"
) -> Kernel:
    """The kernel of a module: `inputs` and `outputs` are characters of types, `lengths` as for `kernel_text`."""
    with _LOCK:
        engine = _engine(text)
    address = engine[0].get_function_address("kernel")
    dtypes = [np.dtype(_TYPES[t]) for t in (*inputs, *outputs)]
    functions = (ctypes.c_void_p * 1)(address)
    # NumPy passes `data` on to each call of the loop, which so has the address of the counters.
    counters = (ctypes.c_int64 * 2)()
    counter, nans = (ctypes.c_int64.from_buffer(counters, 8 * place) for place in range(2))
    data = (ctypes.c_void_p * 1)(ctypes.addressof(counters))
    types = (ctypes.c_char * len(dtypes))(*[bytes([d.num]) for d in dtypes])
    label = ctypes.create_string_buffer(name.encode())
    empty = ctypes.create_string_buffer(b"")

    def made(count: int, entry: int = 1, signature: tuple[bytes, ...] = ()) -> Any:
        return _from_func_and_data(entry, *[ctypes.c_char_p] * len(signature))(
            ctypes.addressof(functions), ctypes.addressof(data), ctypes.addressof(types), 1, len(dtypes) - count, count,
            -1, ctypes.addressof(label), ctypes.addressof(empty), 0, *signature,
        )  # fmt: skip

    writing = None
    if any(lengths):
        own = ",".join(f"({length})" if length else "()" for length in lengths)
        ufunc = made(len(outputs), 31, (f"{','.join(['()'] * len(inputs))}->{own}".encode(),))
    else:
        ufunc, writing = made(len(outputs)), made(1) if len(outputs) > 1 else None
    # NumPy copies none of these: they must live as long as the ufunc.
    return Kernel(ufunc, writing, text, counter, nans, (engine, functions, data, types, label, empty))


@functools.cache
def _library(name: str, width: int) -> tuple[Any, int]:
    """What a function calls where arguments are rare: the engine, to be kept, and the address."""
    engine = _engine(library_text(name, width, machine().target))
    return engine, engine[0].get_function_address(f"{name}.rare.{width}")


def _engine(text: str) -> tuple[Any, Any]:
    """A module, compiled; the engine, and what it stands on."""
    found = machine()
    llvm = found.binding
    module = llvm.parse_assembly(text)
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=found.processor, features=found.features, opt=2, jit=True
    )
    module.triple = llvm.get_default_triple()
    module.data_layout = str(target.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # The text is of vectors already: these passes would cost time for nothing.
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, target)
    for function in module.functions:
        # What is rare is compiled once for all kernels; here its calls get the address.
        name, _, width = function.name.partition(".rare.")
        if width and function.is_declaration:
            engine.add_global_mapping(function, _library(name, int(width))[1])
    engine.finalize_object()
    return engine, target


def core_of_numpy() -> Any:
    """NumPy's own extension module: its table of functions for C, and what it knows of the processor."""
    from numpy._core import _multiarray_umath  # type: ignore[attr-defined]  # it is not meant to be typed

    return _multiarray_umath


@functools.cache
def _from_func_and_data(entry: int, *more: Any) -> Any:
    # NumPy's C API is a table of addresses in a capsule: through ctypes it needs no C compiler.
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(pointer(core_of_numpy()._UFUNC_API, None), ctypes.POINTER(ctypes.c_void_p))
    whole, address = ctypes.c_int, ctypes.c_void_p
    kind = ctypes.PYFUNCTYPE(
        ctypes.py_object, address, address, address, whole, whole, whole, whole, address, address, whole, *more
    )
    return kind(table[entry])
