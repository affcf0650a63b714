"""Matrices whose two axes come first, and whose other axes broadcast.

`a` of shape (m, n, *rest) is a matrix for every element of `rest`. Without a rest these are NumPy's own functions.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .integers import exact_add, exact_multiply, exact_power, fits
from .ranked import aligned, broadcast_shape, pad
from .types import Value


def back(a: Value) -> Any:
    """The matrix axes last, as np.linalg has them."""
    return a if a.ndim == 2 else np.moveaxis(a, (0, 1), (-2, -1))


def front(a: Value) -> Any:
    """The matrix axes first again."""
    return a if a.ndim == 2 else np.moveaxis(a, (-2, -1), (0, 1))


def _whole(a: Value) -> Any:
    return a.dtype.kind in "iub"


def _wide(a: Value) -> Any:
    return a.astype(np.int64) if _whole(a) else a


def _same(asked: str, rank: int, arrays: Sequence[Any]) -> None:
    first = np.shape(arrays[0])[:rank]
    if any(np.shape(a)[:rank] != first for a in arrays):
        shapes = [np.shape(a)[:rank] for a in arrays]
        raise ValueError(f"cannot {asked}: the shapes are {', '.join(map(str, shapes))}; they must be equal")


def add(rank: int, *terms: Value) -> Any:
    """The sum of arrays of equal leading axes.

    >>> add(2, np.eye(2), np.eye(2)[..., None] * np.array([1.0, 2.0]))[0, 0]
    array([2., 3.])
    """
    _same("add", rank, terms)
    terms = tuple(aligned(rank, terms))
    return exact_add((False,) * len(terms), *map(_wide, terms))


def multiply(rank: int, *factors: Value) -> Any:
    """The product of arrays of equal leading axes, entry by entry."""
    _same("multiply entry by entry", rank, factors)
    result, *others = aligned(rank, factors)
    for other in others:
        result = _times(result, other)
    return result


def _times(a: Value, b: Value) -> Any:
    return exact_multiply(_wide(a), _wide(b)) if _whole(a) and _whole(b) else a * b


def scale(rank: int, factor: Value, a: Value) -> Any:
    """A number times an array of `rank` leading axes.

    >>> scale(2, np.array([1.0, 2.0]), np.ones((1, 1))).tolist()
    [[[1.0, 2.0]]]
    """
    a = np.asarray(a)
    a = pad(rank, a, np.ndim(factor))
    if _whole(a) and isinstance(factor, int | np.integer):
        return exact_multiply(factor, _wide(a))
    return _times(np.asarray(factor), a) if isinstance(factor, np.ndarray) else factor * a


def matmul(a: Value, b: Value) -> Any:
    """The product of two matrices; whole numbers that would overflow are multiplied as floats."""
    if a.shape[1] != b.shape[0]:
        raise ValueError(
            f"cannot multiply matrices of shapes {a.shape[:2]} and {b.shape[:2]}: {a.shape[1]} is not {b.shape[0]}"
        )
    if _whole(a) and _whole(b):
        if a.dtype == bool or b.dtype == bool or a.dtype.itemsize < 8 or b.dtype.itemsize < 8:
            a, b = _wide(a), _wide(b)
        largest = float(np.abs(a.astype(float)).max(initial=0)) * float(np.abs(b.astype(float)).max(initial=0))
        if not fits(largest * a.shape[1]):
            a = a.astype(np.float64)
    return a @ b if a.ndim == b.ndim == 2 else front(np.matmul(back(a), back(b)))


def _square(asked: str, a: Value) -> Any:
    a = np.asarray(a)
    if a.shape[0] != a.shape[1]:
        raise ValueError(f"cannot take {asked} of a matrix of shape {a.shape[:2]}: it is not square")
    return _wide(a)


def _of_halves(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, also of half precision, which np.linalg lacks: by single precision, and rounded."""

    @functools.wraps(function)
    def widened(*args: Value) -> Any:
        halves = [getattr(a, "dtype", None) == np.float16 for a in args]
        if not any(halves):
            return function(*args)
        result = function(*(a.astype(np.float32) if half else a for a, half in zip(args, halves, strict=True)))
        return result.astype(np.float16) if result.dtype == np.float32 else result

    return widened


@_of_halves
def solve(a: Value, b: Value) -> Any:
    """a**-1 * b."""
    a = _square("the inverse", a)
    if a.shape[1] != np.shape(b)[0]:
        raise ValueError(
            f"cannot solve for shapes {a.shape[:2]} and {np.shape(b)[:2]}: {a.shape[1]} is not {np.shape(b)[0]}"
        )
    one, other = aligned(2, [a, _wide(np.asarray(b))])
    return front(np.linalg.solve(back(one), back(other)))


def solve_right(a: Value, b: Value) -> Any:
    """a * b**-1."""
    return transpose(solve(transpose(b), transpose(np.asarray(a))))


@_of_halves
def inverse(a: Value) -> Any:
    """The inverse; np.linalg.LinAlgError if there is none."""
    return front(np.linalg.inv(back(_square("the inverse", a))))


@_of_halves
def matrix_power(a: Value, exponent: Value) -> Any:
    """a**exponent; for an exponent that is no whole number, by eigenvalues.

    >>> matrix_power(np.array([[2.0, 1.0], [1.0, 2.0]]), 0.5).round(6).tolist()
    [[1.366025, 0.366025], [0.366025, 1.366025]]
    """
    a = _square("a power", a)
    if np.ndim(exponent) == 0:
        return front(_power(back(a), exponent))
    one, exponents = aligned(2, [a, np.asarray(exponent)[None, None]])
    shape = np.broadcast_shapes(one.shape[2:], exponents.shape[2:])
    one, exponents = np.broadcast_to(one, one.shape[:2] + shape), np.broadcast_to(exponents[0, 0], shape)
    parts = {n: np.asarray(_power(back(one), n)) for n in np.unique(exponents).tolist()}
    result = np.empty((*shape, *one.shape[:2]), np.result_type(*parts.values()))
    for n, part in parts.items():
        result[exponents == n] = part[exponents == n]
    return front(result)


def _power(a: Value, exponent: Value) -> Any:
    if exponent == np.floor(exponent) and not np.iscomplexobj(exponent):
        n = int(exponent)
        if _whole(a) and n > 1:
            size = float(np.abs(a).sum(axis=-1).max(initial=0))
            if size > 1 and not fits(math.exp(min(n * math.log(size), 99))):
                a = a.astype(np.float64)
        return np.linalg.matrix_power(a, n)
    if np.array_equal(a, np.conjugate(np.swapaxes(a, -1, -2))):
        values, vectors = np.linalg.eigh(a)
        inverse = np.conjugate(np.swapaxes(vectors, -1, -2))
    else:
        values, vectors = np.linalg.eig(a)
        if not np.all(np.linalg.cond(vectors) < 1e8):
            raise np.linalg.LinAlgError(f"cannot take power {exponent} of a matrix that has no basis of eigenvectors")
        inverse = np.linalg.inv(vectors)
    if np.any(values.real < 0) and not np.iscomplexobj(values):
        values = values.astype(np.complex128)
    return (vectors * np.power(values, exponent)[..., None, :]) @ inverse


def transpose(a: Value) -> Any:
    """Rows and columns exchanged."""
    return np.swapaxes(a, 0, 1)


def adjoint(a: Value) -> Any:
    """The conjugate transpose."""
    return np.conjugate(np.swapaxes(a, 0, 1))


def trace(a: Value) -> Any:
    """The sum of the diagonal; integers that would overflow are added as floats."""
    a = _square("the trace", a)
    if a.dtype.kind in "iu" and len(a):
        return exact_add((False,) * len(a), *(a[i, i] for i in range(len(a))))
    return np.trace(a)[()]


@_of_halves
def determinant(a: Value) -> Any:
    """The determinant."""
    return np.linalg.det(back(_square("the determinant", a)))


def permanent(a: Value) -> Any:
    """The permanent, by Ryser's formula: 2**n sums."""
    a = _square("the permanent", a)
    n = a.shape[0]
    if n > 20:
        raise ValueError(f"cannot take the permanent of a matrix of shape {(n, n)}: it takes 2**{n} sums")
    if _whole(a):
        row = float(np.abs(a.astype(np.float64)).sum(axis=1).max(initial=0.5))
        if not fits(math.exp(min(n * math.log(2 * row), 99))):
            a = a.astype(np.float64)
    total: Any = 0.0 if a.dtype.kind == "f" else 0
    for bits in range(1, 1 << n):
        chosen = [j for j in range(n) if bits >> j & 1]
        total = total + (-1) ** (n - len(chosen)) * np.prod(a[:, chosen].sum(axis=1), axis=0)
    return total


def hadamard_power(base_rank: int, exponent_rank: int, base: Value, exponent: Value) -> Any:
    """base**exponent entry by entry, of which one may be a number."""
    matrices = [a for a, rank in ((base, base_rank), (exponent, exponent_rank)) if rank]
    _same("raise to a power entry by entry", 2, matrices)
    # A number broadcasts by itself, a matrix needs its axes.
    rest = max(np.ndim(base) - base_rank, np.ndim(exponent) - exponent_rank)

    def fit(a: Value, rank: int) -> Any:
        return pad(rank, np.asarray(a), rest) if rank else np.asarray(a)[()]

    return exact_power(_wide(fit(base, base_rank)), _wide(fit(exponent, exponent_rank)))


def kronecker(*matrices: Value) -> Any:
    """The Kronecker product; integers that would overflow are multiplied as floats."""
    result = matrices[0]
    for other in matrices[1:]:
        left, right = aligned(2, [result, other])
        product = np.asarray(exact_multiply(left[:, None, :, None], right[None, :, None, :]))
        result = product.reshape(product.shape[0] * product.shape[1], -1, *product.shape[4:])
    return result


def block(columns: int, *blocks: Value) -> Any:
    """A matrix of blocks, given row by row, `columns` in a row."""
    blocks = _of_one_rest(blocks)
    rows = [np.concatenate(blocks[i : i + columns], axis=1) for i in range(0, len(blocks), columns)]
    return np.concatenate(rows, axis=0)


def _of_one_rest(matrices: Sequence[Any]) -> Any:
    matrices = aligned(2, matrices)
    rest = np.broadcast_shapes(*(m.shape[2:] for m in matrices))
    return [np.broadcast_to(m, m.shape[:2] + rest) for m in matrices]


def block_diagonal(*blocks: Value) -> Any:
    """A matrix with these blocks along its diagonal."""
    blocks = _of_one_rest(blocks)
    height, width = (sum(b.shape[i] for b in blocks) for i in (0, 1))
    result = np.zeros((height, width, *(blocks[0].shape[2:] if blocks else ())), np.result_type(np.int8, *blocks))
    row = column = 0
    for b in blocks:
        result[row : row + b.shape[0], column : column + b.shape[1]] = b
        row, column = row + b.shape[0], column + b.shape[1]
    return result


def diagonal_matrix(vector: Value) -> Any:
    """The matrix with a row or column as its diagonal."""
    if 1 not in vector.shape[:2]:
        raise ValueError(f"cannot make a diagonal of a matrix of shape {vector.shape[:2]}: it is no row or column")
    entries = vector[:, 0] if vector.shape[1] == 1 else vector[0]
    result = np.zeros((len(entries), *entries.shape), entries.dtype)
    i = np.arange(len(entries))
    result[i, i] = entries
    return result


def only_diagonal(a: Value) -> Any:
    """`a` with zeros off its diagonal."""
    result = np.zeros_like(a)
    i = np.arange(min(a.shape[:2]))
    result[i, i] = a[i, i]
    return result


def diagonal_of(a: Value) -> Any:
    """The diagonal, as a column."""
    i = np.arange(min(a.shape[:2]))
    return a[i, i][:, None]


def identity(rows: Value, columns: Value) -> Any:
    """The identity, in the smallest integers, so that it upcasts nothing."""
    return np.eye(_count(rows), _count(columns), dtype=np.int8)


def zeros(*sizes: Value) -> Any:
    """Zeros, in the smallest integers, so that they upcast nothing."""
    return np.zeros(tuple(map(_count, sizes)), np.int8)


def ones(*sizes: Value) -> Any:
    """Ones, in the smallest integers, so that they upcast nothing."""
    return np.ones(tuple(map(_count, sizes)), np.int8)


def _count(size: Value) -> int:
    if np.ndim(size) or size != int(size) or size < 0:
        raise ValueError(f"cannot make a matrix of size {size}: sizes are whole numbers, the same for all elements")
    return int(size)


def permutation(*images: int) -> Any:
    """The matrix whose row i has its one in column images[i]."""
    return np.eye(len(images), dtype=np.int8)[list(images)]


def permuted(axis: int, images: tuple[int, ...], a: Value) -> Any:
    """Rows (axis 0) or columns (axis 1) in another order."""
    return np.take(a, images, axis=axis)


def sliced(a: Value, *bounds: Value) -> Any:
    """a[start:stop:step, start:stop:step]."""
    if any(np.ndim(n) for n in bounds):
        raise ValueError("cannot slice a matrix: the bounds are arrays; each must be one number")
    numbers = [int(n) for n in bounds]
    return a[slice(*numbers[:3]), slice(*numbers[3:])]


def fourier(sign: int, size: Value) -> Any:
    """The unitary matrix of the discrete Fourier transform (sign -1) or of its inverse."""
    n = _count(size)
    i = np.arange(n)
    return np.exp(sign * 2j * np.pi * (np.outer(i, i) % n) / n) / math.sqrt(n)


@_of_halves
def cholesky(upper: bool, a: Value) -> Any:
    """The lower triangular factor, or its adjoint."""
    lower = front(np.linalg.cholesky(back(_square("the Cholesky factor", a))))
    return adjoint(lower) if upper else lower


@_of_halves
def qr(second: bool, a: Value) -> Any:
    """The unitary factor, or the triangular one, whose diagonal is not negative."""
    q, r = np.linalg.qr(back(_wide(a)))
    diagonal = np.diagonal(r, axis1=-2, axis2=-1)
    signs = np.where(diagonal == 0, 1, diagonal / np.where(diagonal == 0, 1, np.abs(diagonal)))
    return front(np.conjugate(signs)[..., :, None] * r if second else q * signs[..., None, :])


def dot(a: Value, b: Value) -> Any:
    """The sum of the products of the entries of two rows or columns, without conjugation."""
    return matmul(_flat(a)[None], _flat(b)[:, None])[0, 0]


def _flat(a: Value) -> Any:
    return _wide(a[:, 0] if a.shape[1] == 1 else a[0])


def applied(body: Any, captured: Value, ranks: Value, rank: int, a: Value) -> Any:
    """A function of numbers on each entry of an array."""
    a = pad(rank, np.asarray(a), len(broadcast_shape(captured, ranks)))
    result = np.asarray(body(a, *captured))
    if result.ndim < a.ndim:
        result = np.broadcast_to(result, np.broadcast_shapes(result.shape, a.shape))
    return result


def from_function(body: Any, captured: Value, ranks: Value, rows: Value, columns: Value) -> Any:
    """The matrix whose entries are body(i, j)."""
    most = len(broadcast_shape(captured, ranks))
    rows, columns = _count(rows), _count(columns)
    i = np.arange(rows).reshape(-1, 1, *([1] * most))
    j = np.arange(columns).reshape(1, -1, *([1] * most))
    result = np.asarray(body(i, j, *captured))
    rest = result.shape[2:] if result.ndim == most + 2 else result.shape
    return np.broadcast_to(result, (rows, columns, *rest)).copy()
