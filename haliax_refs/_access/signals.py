"""Code that must not be interrupted half-way by a signal whose handler raises, as that of Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


def uninterrupted(function: Callable[[], None]) -> None:
    """Call `function`; signals that come meanwhile are handled after it, so it must put its result away itself.

    It takes some microseconds. Python runs handlers in the main thread only, so another thread just calls it.

    >>> uninterrupted(lambda: print("done"))
    done
    """
    if threading.current_thread() is not threading.main_thread():
        function()
        return
    pending: list[tuple[int, FrameType | None]] = []

    def note(number: int, frame: FrameType | None) -> None:
        pending.append((number, frame))

    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    own = {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        for number in own:
            signal.signal(number, note)
        function()
    finally:
        failure: BaseException | None = None
        while True:
            try:
                for number, handler in own.items():
                    signal.signal(number, handler)
                break
            except BaseException as error:  # by a handler that is back already: put back the others, too
                failure = error
        for late, frame in pending:
            own[signal.Signals(late)](late, frame)
        if failure is not None:
            raise failure
