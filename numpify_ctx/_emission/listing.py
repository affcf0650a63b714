"""The text of generated code, put where tracebacks and debuggers look for it."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections import deque


_serial = itertools.count()
# File names whose code is gone. A deque's `pop` and `append` are atomic, with and without Python's lock; and finalizers
# call this, in any thread and at any time, so that a lock of ours might be held already.
_unused: deque[str] = deque()


def new_filename() -> str:
    """A file name for `compile` that no living code has.

    A name is used again, since an entry of `linecache` may not be removed: whether code ends is for the garbage
    collector to say, and that may be in the middle of `linecache.checkcache`, which looks for every name that it found
    at its beginning.
    """
    try:
        return _unused.pop()
    except IndexError:
        return f"<numpify {next(_serial)}>"


def show(filename: str, text: str, owner: object) -> None:
    """Let tracebacks show `text` as what is in `filename`, for as long as `owner` lives."""
    _enter(filename, text)
    weakref.finalize(owner, _forget, filename).atexit = False


def _enter(filename: str, text: str) -> None:
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)


def _forget(filename: str) -> None:
    if filename in linecache.cache:  # else someone has emptied it
        _enter(filename, "")
    _unused.append(filename)
