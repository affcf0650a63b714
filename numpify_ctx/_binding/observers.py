"""Callbacks that are told of changes, each of every change, in the order in which the changes happened."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .._errors import BindingError
from .._locks import new_lock
from .._symbolic.text import describe


Callback = Callable[[Any, Any, Any], object]
"""Told of a change as `callback(symbol, old, new)`, once the new value is there."""

changing = new_lock()
"""Held while a value changes and the change is noted, and never while callbacks run."""

_MOST = 100_000  # changes told on account of one: beyond, callbacks set each other's values without end


class _Change(NamedTuple):
    """A change, and the tokens of the callbacks that observed when it happened."""

    symbol: object
    old: object
    new: object
    tokens: tuple[object, ...]


class Observers:
    """The callbacks of one thing that changes. A change is first noted, with `changing` held, and then told."""

    __slots__ = ("_callbacks", "_noted", "_owed", "_telling")

    def __init__(self) -> None:
        # By tokens, in the order they came: a callback that observes twice is told twice, and each `stop` ends one. All
        # of this is changed by whichever thread holds `changing`, a lock.
        self._callbacks: dict[object, Callback] = {}
        self._noted: deque[_Change] = deque()
        self._telling = False
        self._owed = 0  # changes that a thread noted, and left to the one that is telling

    def add(self, callback: Callback, of: object) -> Callable[[], None]:
        """Tell `callback` of all changes of `of` from now on. Returns a function that unsubscribes it.

        Raises:
            BindingError: `callback` cannot be called.
        """
        if not callable(callback):
            raise BindingError(
                f"cannot observe {describe(of)} with {describe(callback)}: it is not callable; "
                "pass a function of (symbol, old, new)"
            )
        token = object()
        with changing:
            self._callbacks[token] = callback

        def stop() -> None:
            with changing:
                self._callbacks.pop(token, None)

        return stop

    def note(self, symbol: object, old: object, new: object) -> bool:
        """Note a change, for those who observe now. Returns whether anyone does; then it is to be told once."""
        if self._callbacks:
            self._noted.append(_Change(symbol, old, new, tuple(self._callbacks)))
        return bool(self._callbacks)

    def forget_next(self) -> None:
        """Tell no one of the first change that is noted."""
        with changing:
            if self._noted:
                self._noted.popleft()

    def tell_next(self) -> list[BaseException]:
        """Tell the first change that is noted, or leave it to the thread that is telling another. Returns what the
        callbacks raised."""
        raised: list[BaseException] = []
        with changing:
            if self._telling:
                self._owed += 1
                return raised
            self._telling = True
        try:
            while True:
                raised += self._tell(self._noted.popleft())
                with changing:
                    if not self._owed:
                        self._telling = False
                        return raised
                    self._owed -= 1
        except BaseException:  # an interrupt between two callbacks
            self._telling = False
            raise

    def _tell(self, change: _Change) -> list[BaseException]:
        raised: list[BaseException] = []
        for token in change.tokens:
            callback = self._callbacks.get(token)
            if callback is None:
                continue  # unsubscribed since
            try:
                callback(change.symbol, change.old, change.new)
            except BaseException as error:  # raised by `tell`, after the others were told
                raised.append(error)
        return raised


class _Waiting(threading.local):
    """Whose next change this thread has still to tell, in the order in which they happened; None if it is not telling.

    A callback that sets a value only adds to it, so that no one hears of the new change before the one that led to it.
    """

    queue: deque[Observers] | None = None


_waiting = _Waiting()


def tell(noted: Sequence[Observers]) -> None:
    """Tell a change that was noted with each of these.

    Raises:
        Exception: what one callback raised, after all were told; of several, an ExceptionGroup.
        RuntimeError: callbacks set values without end.
    """
    if _waiting.queue is not None:
        _waiting.queue.extend(noted)
        return
    queue = _waiting.queue = deque(noted)
    raised: list[BaseException] = []
    told = 0
    try:
        while queue:
            raised += queue.popleft().tell_next()
            told += 1
            if told > _MOST:
                raise RuntimeError(f"callbacks set values without end: one change led to {told - 1} others")
    finally:
        _waiting.queue = None
        for observers in queue:  # none, unless something went wrong: each change that is noted is told once or never
            observers.forget_next()
    if len(raised) == 1:
        raise raised[0]
    if raised:
        raise BaseExceptionGroup(f"{len(raised)} callbacks raised", raised)  # an ExceptionGroup, if it can be one
