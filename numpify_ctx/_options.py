"""Options of `numpify`: what is wrong with them."""

from __future__ import annotations

import keyword

from ._errors import OptionError
from ._symbolic.text import short


def check_name(name: object) -> None:
    """Whether a function can be called so.

    Raises:
        TypeError, ValueError: it is no string, or no identifier.
    """
    if name is None:
        return
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {short(name)}, of type {type(name).__name__}")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"name={name!r} is not a valid identifier")


def unknown_option(option: str) -> OptionError:
    """The error of a keyword that `numpify` does not have: of those of `lambdify`, with what to do instead."""
    instead = {
        "modules": "the function always computes with NumPy, and with SciPy where it is installed; pass functions={f: "
        "callable} for functions of your own",
        "cse": "common subexpressions are always computed once",
        "dummify": "any name is made a valid one, see parameter_names",
        "printer": "source is never printed by SymPy; pass functions={f: callable} for functions of your own",
        "use_imps": "implemented functions are always used",
    }.get(option, "the options are functions, name, cache, threads and native")
    return OptionError(f"numpify() got an unexpected keyword argument {option!r}: {instead}")
