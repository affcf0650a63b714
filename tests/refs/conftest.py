"""What the tests of refs share."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import pytest
from jax._src import compiler


# Of these, which write MLIR, a program takes up to five times as long as of those that XLA has had before.
NEW_EMITTERS = "xla_cpu_use_fusion_emitters"


@pytest.fixture(scope="module")
def unoptimized() -> Iterator[None]:
    """Programs that XLA makes in haste: for tests that compile many, run each once, and look at values alone."""
    with _in_haste():
        yield


@pytest.fixture
def unoptimized_here() -> Iterator[None]:
    """The same for one test, where others of its file look at what XLA makes."""
    with _in_haste():
        yield


@contextmanager
def _in_haste() -> Iterator[None]:
    jax.config.update("jax_disable_most_optimizations", True)
    with pytest.MonkeyPatch.context() as patch:
        if _has_both_emitters():
            patch.setattr(compiler, "get_compile_options", _with_old_emitters(compiler.get_compile_options))
        yield
    jax.config.update("jax_disable_most_optimizations", False)


@functools.cache
def _has_both_emitters() -> bool:
    """Whether this XLA lets one choose; the one of jax 0.12 does not."""
    try:
        jax.jit(lambda: 0, compiler_options={NEW_EMITTERS: False}).lower().compile()
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" not in str(error):
            raise
        return False
    return True


def _with_old_emitters(options_of: Any) -> Any:
    """jax takes options for one function, `jax.jit(compiler_options=...)`, or for a process, and not for a file."""

    @functools.wraps(options_of)
    def get_compile_options(*args: Any, **kwargs: Any) -> Any:
        options = options_of(*args, **kwargs)
        options.env_option_overrides = [*options.env_option_overrides, (NEW_EMITTERS, False)]
        return options

    return get_compile_options
