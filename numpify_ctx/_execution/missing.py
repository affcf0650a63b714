"""Missing numbers of pandas, `<NA>`, and the dtypes that have them: kept by functions that pandas does not know.

NumPy makes objects of what such a function gives, with nan for what is missing, and pandas leaves it at that. Here the
dtype is given back: a number is missing in the result where it is in an operand, and where it is nan, as pandas has it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np


def is_pandas_array(value: Any) -> bool:
    """Is it an array of pandas' own, which has neither labels nor `where`?"""
    pandas = sys.modules.get("pandas")  # whoever holds such an array has imported it
    return pandas is not None and isinstance(value, pandas.api.extensions.ExtensionArray)


def in_series(values: Sequence[Any]) -> list[Any] | None:
    """Arrays of pandas' own, each as a Series, which can do more; None where none is, or where labels are.

    Beside a Series such an array has no labels, and is paired by position: it stays what it is.
    """
    if not any(map(is_pandas_array, values)) or any(hasattr(v, "iloc") for v in values):
        return None
    series = sys.modules["pandas"].Series
    return [series(v) if is_pandas_array(v) else v for v in values]


def has_missing_dtype(value: Any) -> bool:
    """Has it a dtype, or a column of one, in which numbers can be missing?"""
    return hasattr(value, "isna") and any(hasattr(dtype, "na_value") for dtype in _dtypes(value))


def _dtypes(value: Any) -> list[Any]:
    dtypes = getattr(value, "dtypes", None)  # of a Series, one
    return list(dtypes) if dtypes is not None and hasattr(dtypes, "items") else [getattr(value, "dtype", None)]


def is_any_missing(value: Any) -> bool:
    """Is a number missing in it? nan is a number of a dtype in which none can be missing."""
    return has_missing_dtype(value) and bool(np.any(np.asarray(value.isna())))


def restored(result: Any, operands: Sequence[Any], dtype: Any) -> Any:
    """What an elementwise function gave, objects, as numbers of a dtype that has what is missing in the operands.

    Args:
        result: a Series or a frame of objects, aligned by pandas.
        operands: what the function was applied to.
        dtype: NumPy's dtype of bare results, which chooses the one that pandas has for it.
    Returns:
        The same with pandas' dtypes; None where no operand has one, or the result is no Series or frame.
    """
    with np.errstate(all="ignore"):
        # A ufunc that pandas knows, and that makes no nan of numbers, tells what is missing once labels are aligned.
        marker = functools.reduce(np.maximum, operands)
    if not has_missing_dtype(marker) or not hasattr(result, "iloc"):
        return None
    missing = marker.isna()
    if result.ndim == 1:
        return _column(result, missing, marker.dtype, dtype)
    columns = [
        _column(result.iloc[:, i], missing.iloc[:, i], marker.dtypes.iloc[i], dtype) for i in range(result.shape[1])
    ]
    return sys.modules["pandas"].concat(columns, axis=1)


def _column(result: Any, missing: Any, like: Any, dtype: Any) -> Any:
    if not hasattr(like, "na_value"):
        return result.astype(dtype)
    if dtype is np.complex128:
        return result.astype(dtype)  # refused where numbers are missing, as every complex result is
    return result.astype(_nullable(result[~missing], like, dtype)).mask(missing)


def _nullable(known: Any, like: Any, dtype: Any) -> Any:
    """The dtype of pandas' for these numbers; those of a function of Float32 are Float32."""
    if dtype is np.bool_:
        return "boolean"
    if known.infer_objects().dtype.kind == "i":
        return "Int64"
    return like if like.kind == "f" else "Float64"


def refuse_complex(value: Any) -> NoReturn:
    """Raise: complex numbers can't be missing."""
    raise TypeError(
        f"cannot compute complex numbers of a {type(value).__name__} with <NA>: complex128 has no missing numbers; "
        "fill or drop them first (.fillna(...), .dropna())"
    )
