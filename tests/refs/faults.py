"""Signals while something runs: sent to the main thread by another one, handled by a handler that raises."""

from __future__ import annotations

import gc
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from jax._src import core


class Interrupted(BaseException):
    """What the handler raises: no `except Exception` may hide it."""


@contextmanager
def raising_handler() -> Iterator[None]:
    def handler(*_: Any) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def restore_trace() -> None:
    """Undo what a signal does to jax itself.

    jax's `bind` takes the current trace away and puts it back without a `finally` around both: a signal between the two
    leaves the thread with none, and every later call of jax there fails.
    """
    core.trace_ctx.set_trace(core.eval_trace)


def bombard(call: Callable[[], Any], look: Callable[[], str], hits: int) -> Counter[str]:
    """Call again and again while a thread sends signals to this one; what `look` saw after each that hit."""
    me, seen = threading.get_ident(), Counter[str]()
    # Two plain flags: a signal within a method of threading.Event would leave its lock taken.
    armed, stop = False, False

    def send() -> None:
        nonlocal armed
        chance = random.Random(0)
        while not stop:
            for _ in range(chance.randrange(300)):  # some microseconds
                pass
            if armed:
                armed = False
                signal.pthread_kill(me, signal.SIGUSR1)
            else:
                time.sleep(1e-6)

    sender = threading.Thread(target=send, daemon=True)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    gc.disable()  # what a signal raises in a callback of the collector's is lost, with a warning
    with raising_handler():
        sender.start()
        try:
            while sum(seen.values()) < hits:
                try:
                    armed = True
                    while armed:
                        call()
                    call()
                except Interrupted:
                    restore_trace()
                    seen[look()] += 1
        finally:
            sys.setswitchinterval(interval)
            gc.enable()
            stop = True
            while sender.is_alive():
                with suppress(Interrupted):
                    sender.join(0.01)
    return seen


def strike(call: Callable[[], Any], look: Callable[[], str], hits: int) -> Counter[str]:
    """Call again and again while a timer interrupts at any moment of the call, however long that takes.

    The thread of `bombard` finds its turn where this one gives up the interpreter's lock: in long calls, at few places.
    """
    seen, chance, struck = Counter[str](), random.Random(0), False

    def handler(*_: Any) -> None:
        nonlocal struck
        struck = True
        raise Interrupted

    most = 1.3 * usual_time(call)
    gc.disable()
    before = signal.signal(signal.SIGALRM, handler)
    try:
        while sum(seen.values()) < hits:
            struck = False
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, most))
                call()
                signal.setitimer(signal.ITIMER_REAL, 0)
            except BaseException:
                # Other code may raise something of its own then, as equinox does in reading a file.
                if not struck:
                    raise
                restore_trace()
                seen[look()] += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    return seen


def usual_time(call: Callable[[], Any]) -> float:
    """The median of what a call takes, in seconds."""
    took = []
    for _ in range(9):
        begin = time.perf_counter()
        call()
        took.append(time.perf_counter() - begin)
    return sorted(took)[4]
