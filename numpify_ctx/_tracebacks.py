"""Short tracebacks: the frames of this package between what a user wrote and where an error was raised are marked.

IPython and pytest leave out frames with a local variable `__tracebackhide__`, and tell how many; `%xmode show` and
`--full-trace` show them. Nothing is done before there is an error.

`haliax_refs` has the same file: neither package imports the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from sys import exc_info
from typing import ParamSpec, TypeVar


PACKAGE = str(Path(__file__).parent) + os.sep

P = ParamSpec("P")
R = TypeVar("R")


def hide_frames() -> None:
    """Mark the frames of this package in the traceback of the error that is being handled, and is about to leave it.

    To mark a frame may keep its variables as they are now. So none may be the error: it would keep itself, and with it
    all arguments, until the garbage collector comes.
    """
    traceback = exc_info()[2]
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_filename.startswith(PACKAGE):
            frame.f_locals["__tracebackhide__"] = True
        traceback = traceback.tb_next


def short_traceback(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose errors hide the frames within.

    >>> short_traceback(int)("2")
    2
    """

    @wraps(function)
    def called(*args: P.args, **named: P.kwargs) -> R:
        try:
            return function(*args, **named)
        except Exception:
            hide_frames()
            raise

    return called
