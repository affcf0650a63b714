"""Several refs written as one: whatever happens, all of them then have their old contents, or all the new ones."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import jax

from .._compat import Holder, holder_of
from .._handle import Handle
from .._locks import holding
from .programs import Program, run_and_look
from .signals import uninterrupted


class Write(NamedTuple):
    """A program that takes a ref's buffer and the arguments, and gives the new buffer."""

    handle: Handle
    program: Program
    arguments: list[Any]


R = TypeVar("R")


def jitted_anyway(function: Callable[..., R], *args: Any) -> R:
    """Call `function`, which runs programs: each is one step, with nothing of the caller's for `jax_disable_jit`."""
    if not jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        return function(*args)  # a signal would find jax's context in the middle of being left
    with jax.disable_jit(False):
        return function(*args)


def store_all(writes: Sequence[Write]) -> None:
    """Run programs, one after the other, each of which writes to its ref and calls nothing back."""

    def store() -> None:
        for write in writes:
            write.handle._check_valid()
        if all(write.program.donates for write in writes):
            uninterrupted(functools.partial(_run_each, writes))
            for write in writes:
                write.program.note_run()
        else:
            uninterrupted(functools.partial(_put, _looked_at(writes)))

    holding([write.handle._ref for write in writes], store)


def _run_each(writes: Sequence[Write]) -> None:
    for handle, program, arguments in writes:
        holder = holder_of(handle._ref)
        holder._buf = program.call(holder._buf, *arguments)


def _looked_at(writes: Sequence[Write]) -> list[tuple[Holder, jax.Array]]:
    """What is to be put into each holder; with nothing donated, nothing is gone if one of the results is refused."""
    new: dict[int, tuple[Holder, jax.Array]] = {}
    for handle, program, arguments in writes:
        holder = holder_of(handle._ref)
        _, buffer = new.get(id(holder), (holder, holder._buf))  # a buffer may be written to twice, through two views
        new[id(holder)] = holder, run_and_look(program, buffer, arguments, "written to")
    return list(new.values())


def _put(buffers: Sequence[tuple[Holder, jax.Array]]) -> None:
    for holder, buffer in buffers:
        holder._buf = buffer


def run_on_all(program: Program, handles: Sequence[Handle], arguments: list[Any]) -> None:
    """Run a program that takes the buffers of several refs, each once, as a list, and gives a list of new ones."""
    holders = [holder_of(handle._ref) for handle in handles]
    raws = [handle._ref for handle in handles]

    def check() -> list[jax.Array]:
        for handle in handles:
            handle._check_valid()
        return [holder._buf for holder in holders]

    def run() -> None:
        old = check()
        if program.donates:
            uninterrupted(lambda: _put(list(zip(holders, program.call(old, *arguments), strict=True))))
        else:
            new = run_and_look(program, old, arguments, "written to")
            uninterrupted(functools.partial(_put, list(zip(holders, new, strict=True))))

    def run_unlocked() -> bool:
        """Whether what was computed, with nothing locked, is of what the refs still held when they were locked."""
        old: list[jax.Array] = []
        holding(raws, lambda: old.extend(check()))
        new, stored = run_and_look(program, old, arguments, "written to"), False

        def store() -> None:
            nonlocal stored
            if all(now is before for now, before in zip(check(), old, strict=True)):
                uninterrupted(functools.partial(_put, list(zip(holders, new, strict=True))))
                stored = True

        holding(raws, store)
        return stored

    if not program.calls_back:
        holding(raws, run)
        return
    while not run_unlocked():  # what it calls back may use refs, so another thread may have written meanwhile
        pass
