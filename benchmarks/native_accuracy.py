"""How far the elementary functions of kernels are from the truth: `python -m benchmarks.native_accuracy [points]`.

For each function, the largest error in units in the last place beside mpmath, over several domains: where it is used
most, around its zeros and ends, and everywhere that doubles reach.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

from numpify_ctx._emission.native import complexes
from numpify_ctx._emission.native.composed import COMPOSED
from numpify_ctx._emission.native.frame import Operand, kernel_text
from numpify_ctx._emission.native.functions import FUNCTIONS, OF_TWO
from numpify_ctx._emission.native.machine import Kernel, compiled, machine
from numpify_ctx._emission.native.single import SINGLE
from numpify_ctx._emission.native.vectors import DOUBLE, FLOAT


Generator = np.random.Generator
Points = Callable[[Generator, int], Any]

_SETTLED = 30  # points of each domain that mpmath looks at


def mp_logaddexp(x: Any, y: Any) -> Any:
    """log(e**x + e**y)."""
    return max(x, y) + mp.log1p(mp.exp(-abs(x - y)))


_TRUTH: dict[str, Callable[..., Any]] = {
    "exp2": lambda x: mp.mpf(2) ** x,
    "log2": lambda x: mp.log(x, 2),
    "power": lambda x, y: x**y,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "mod": mp.fmod,
    "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan, "arctan2": mp.atan2,
    "arcsinh": mp.asinh, "arccosh": mp.acosh, "arctanh": mp.atanh, "sinc": mp.sinc, "logaddexp": mp_logaddexp,
}  # fmt: skip
# Of long doubles, what NumPy has no function for, or one by another definition.
_BY_NUMPY: dict[str, Callable[..., Any]] = {
    "sinc": lambda x: np.sin(x) / x,
    "acot": lambda x: np.arctan2(np.copysign(1, x).astype(x.dtype), np.abs(x)),
    "acoth": lambda x: np.log1p(2 / (x - 1)) / 2,
    "sech": lambda x: 1 / np.cosh(x),
    "csch": lambda x: 1 / np.sinh(x),
}


def _uniform(low: float, high: float) -> Points:
    return lambda rng, n: rng.uniform(low, high, n)


def _scales(low: float, high: float, around: float = 0.0, signed: bool = True) -> Points:
    """Numbers of all magnitudes from 2**low to 2**high, from `around` on."""

    def points(rng: Generator, n: int) -> Any:
        size = np.exp2(rng.uniform(low, high, n))
        return around + (size * rng.choice([-1.0, 1.0], n) if signed else size)

    return points


def _right_angles(rng: Generator, n: int) -> Any:
    return np.round(rng.uniform(-1e6, 1e6, n)) * (np.pi / 2)


def _pair(x: Points, y: Points) -> Points:
    return lambda rng, n: (x(rng, n), y(rng, n))


_CIRCULAR = (_uniform(-20, 20), _scales(-1074, 1023), _right_angles, _scales(10, 41))
_LOGARITHM = (_scales(-1074, 1023, signed=False), _uniform(0.5, 2), _scales(-52, -2, around=1.0))
_HYPERBOLIC = (_uniform(-709, 709), _uniform(-2, 2), _scales(-1074, 5))
_INVERSE = (_uniform(-1, 1), _scales(-1074, -1), _scales(-52, -1, around=1.0, signed=False))
_WIDE = (_uniform(-10, 10), _scales(-1074, 1023), _uniform(0.3, 1.1))
_PLANE = (_pair(_scales(-3, 3), _scales(-3, 3)), _pair(_scales(-1074, 1023), _scales(-1074, 1023)))

DOMAINS: dict[str, tuple[Points, ...]] = {
    "exp": (_uniform(-745, 709), _uniform(-1, 1), _scales(-60, 3)),
    "exp2": (_uniform(-1074, 1023), _uniform(-1, 1)),
    "expm1": (_uniform(-50, 709), _uniform(-1, 1), _scales(-60, 3)),
    "log": _LOGARITHM, "log2": _LOGARITHM, "log10": _LOGARITHM,
    "log1p": (_scales(-1074, 1023, signed=False), _uniform(-1, 2), _scales(-70, -1)),
    "sin": _CIRCULAR, "cos": _CIRCULAR, "tan": _CIRCULAR,
    "sinh": _HYPERBOLIC, "cosh": _HYPERBOLIC, "tanh": (_uniform(-20, 20), *_HYPERBOLIC[1:]),
    "arcsin": _INVERSE, "arccos": _INVERSE, "arctan": _WIDE, "arctan2": _PLANE,
    "arcsinh": _WIDE, "arccosh": (_uniform(1, 20), _scales(-52, 0, 1.0, False), _scales(0, 1023, signed=False)),
    "arctanh": _INVERSE,
    "power": (
        _pair(_uniform(0, 3), _uniform(-300, 300)), _pair(_scales(-1074, 1023, signed=False), _scales(-10, 4)),
        _pair(_scales(-50, -3, around=1.0), _scales(3, 50)),
        _pair(_uniform(-9, -0.1), lambda rng, n: np.round(rng.uniform(-300, 300, n))),
    ),
    "mod": (
        *_PLANE, _pair(_uniform(-1e3, 1e3), _uniform(-3, 3)), _pair(_scales(-1074, -1000), _scales(-1074, -1000)),
        _pair(lambda rng, n: np.round(rng.uniform(-1e6, 1e6, n)), lambda rng, n: np.round(rng.uniform(1, 99, n))),
        _pair(_scales(40, 60), _scales(-3, 3)),
    ),
    "cbrt": _WIDE, "hypot": (*_PLANE, _pair(_scales(-1074, -1000), _scales(-1074, -1000))),
}  # fmt: skip

# Made of those above by a formula; angle(x) is arctan2(0, x), which is 0 or pi.
COMPOSED_DOMAINS: dict[str, tuple[Points, ...]] = {
    "sinc": (_uniform(-20, 20), _scales(-60, 30)), "acot": (_WIDE[0], _WIDE[2], _scales(-500, 500)),
    "acoth": (_scales(-20, 10, around=1.0, signed=False), _scales(1, 60)),
    "sech": (_uniform(-700, 700), _uniform(-2, 2)), "csch": (_uniform(-700, 700), _uniform(-2, 2), _scales(-60, 3)),
    "logaddexp": (_pair(_uniform(-30, 30), _uniform(-30, 30)), _pair(_scales(-3, 9), _scales(-3, 9))),
}  # fmt: skip


def _circle(rng: Generator, n: int) -> Any:
    """Pairs next to the unit circle."""
    size = 1 + rng.uniform(-1, 1, n) * 10.0 ** rng.uniform(-17, 0, n)
    angle = rng.uniform(-4, 4, n)
    return size * np.cos(angle), size * np.sin(angle)


_PARTS = (_pair(_uniform(-3, 3), _uniform(-3, 3)), _pair(_uniform(-20, 20), _uniform(-20, 20)), _circle,
          _pair(_scales(-60, 3), _scales(-60, 3)))  # fmt: skip
_GROWING = (*_PARTS, _pair(_uniform(-709, 709), _uniform(-709, 709)))
_ANYWHERE = (*_PARTS, _pair(_scales(-1020, 1020), _scales(-1020, 1020)))

# Of complex numbers, the real and the imaginary part.
COMPLEX_DOMAINS: dict[str, tuple[Points, ...]] = {
    **dict.fromkeys(("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh"), _GROWING),
    **dict.fromkeys(("log", "log2", "log10", "sqrt"), _ANYWHERE),
}  # fmt: skip


@functools.cache
def kernel(name: str, dtype: str = "d") -> Kernel:
    """The kernel of one function, as a program has it: of doubles, or of floats."""

    def write(body: Any, values: Any) -> Any:
        operands = [v[0] for v in values]
        if dtype == "f" and name in SINGLE:
            return [(body.function(name, *operands),)]
        doubles = [o.converted(DOUBLE) for o in operands]
        result = COMPOSED[name](body, *doubles) if name in COMPOSED else body.function(name, *doubles)
        return [(result.converted(FLOAT) if dtype == "f" else result,)]

    kinds = dtype * (2 if name in OF_TWO or name == "logaddexp" else 1)
    return compiled(kernel_text([Operand(dtype)] * len(kinds), [dtype], write, machine().target), kinds, dtype)


def worst_single(name: str, step: int) -> tuple[float, float]:
    """The largest error of a function of floats beside that of doubles, at every so-many-th float, and where."""
    worst, at = 0.0, 0.0
    for begin in range(0, 2**32, 2**26):
        x = np.arange(begin, begin + 2**26, step, dtype=np.uint32).view(np.float32)
        with np.errstate(all="ignore"):
            exact = getattr(np, name)(x.astype(np.float64))
            unit = np.spacing(np.abs(exact.astype(np.float32))).astype(np.float64)
            error = np.abs((kernel(name, "f").ufunc(x) - exact) / unit)
        error[~np.isfinite(error)] = 0  # infinities and nan are looked at by the tests
        if error.max() > worst:
            worst, at = float(error.max()), float(x[error.argmax()])
    return worst, at


def _error(value: float, exact: Any) -> float:
    """How far a value is from the exact one, in units in the last place of that."""
    unit = float(np.spacing(abs(float(exact))))
    if not np.isfinite(unit):
        return 0.0 if value == float(exact) else np.inf
    return float(abs(mp.mpf(value) - exact) / unit) if np.isfinite(value) else np.inf


def worst_at(name: str, *operands: Any) -> tuple[float, tuple[float, ...]]:
    """The largest error at these points, in units in the last place, and where."""
    with np.errstate(all="ignore"):
        found = kernel(name).ufunc(*operands)
    truth = _TRUTH.get(name) or getattr(mp, name)
    worst, where = 0.0, (0.0,)
    with mp.workprec(1300 if name in ("sin", "cos", "tan") else 200):
        for value, *point in zip(found.tolist(), *(o.tolist() for o in operands), strict=True):
            exact = truth(*map(mp.mpf, point))
            if isinstance(exact, mp.mpc) or not mp.isfinite(exact):
                continue
            error = _error(value, exact)
            if error > worst:
                worst, where = error, tuple(point)
    return worst, where


def worst(name: str, count: int, seed: int = 0) -> tuple[float, tuple[float, ...]]:
    """The largest error over all domains of a function, with so many points in each, and where.

    Where NumPy has a longer type than double, it picks the worst points, and mpmath settles these.
    """
    rng = np.random.default_rng(seed)
    results = []
    for points in DOMAINS.get(name) or COMPOSED_DOMAINS[name]:
        made = points(rng, count)
        operands = made if isinstance(made, tuple) else (made,)
        if np.finfo(np.longdouble).nmant >= 63:
            chosen = _worst_by_numpy(name, operands)
            operands = tuple(operand[chosen] for operand in operands)
        results.append(worst_at(name, *operands))
    return max(results)


def _worst_by_numpy(name: str, operands: tuple[Any, ...]) -> Any:
    """The places of the largest errors beside NumPy's function of long doubles."""
    with np.errstate(all="ignore"):
        found = kernel(name).ufunc(*operands)
        function = _BY_NUMPY.get(name) or getattr(np, name)
        exact = function(*(operand.astype(np.longdouble) for operand in operands))
        rounded = exact.astype(np.float64)
        error = np.abs((found - exact) / np.spacing(np.abs(rounded)))
        error[~np.isfinite(error) & ((found == rounded) | np.isnan(rounded))] = 0
    return np.argsort(np.where(np.isnan(error), np.inf, error))[-_SETTLED:]


@functools.cache
def complex_kernel(name: str) -> Kernel:
    """The kernel of one function of complex numbers."""
    text = kernel_text(
        [Operand("D")], ["D"], lambda body, values: [complexes.FUNCTIONS[name](body, values[0])], machine().target
    )
    return compiled(text, "D", "D")


def worst_complex(name: str, count: int, seed: int = 0) -> tuple[float, complex]:
    """The largest error of the real and the imaginary part, each in units of its own last place, and where."""
    rng = np.random.default_rng(seed)
    worst, at = 0.0, 0j
    for points in COMPLEX_DOMAINS[name]:
        real, imaginary = points(rng, count)
        z = np.empty(count, np.complex128)
        z.real, z.imag = real, imaginary
        if np.finfo(np.longdouble).nmant >= 63:
            z = z[_worst_complex_by_numpy(name, z)]
        error, where = worst_complex_at(name, z)
        if error > worst:
            worst, at = error, where
    return worst, at


def worst_complex_at(name: str, z: Any) -> tuple[float, complex]:
    """The largest error of a part at these points, and where."""
    with np.errstate(all="ignore"):
        found = complex_kernel(name).ufunc(z)
    truth = _COMPLEX_TRUTH.get(name) or getattr(mp, name)
    worst, at = 0.0, 0j
    with mp.workprec(300):
        for value, point in zip(found.tolist(), z.tolist(), strict=True):
            exact = truth(mp.mpmathify(point))
            for part, true in ((value.real, mp.re(exact)), (value.imag, mp.im(exact))):
                error = _error(part, true)
                if error > worst:
                    worst, at = error, point
    return worst, at


# The C library's own are of the precision of x87 here; those to other bases are not, and NumPy's own.
_COMPLEX_TRUTH: dict[str, Callable[..., Any]] = {"log2": lambda z: mp.log(z) / mp.log(2), "log10": mp.log10}
_OTHER_BASES = {"log2": np.log(np.longdouble(2)), "log10": np.log(np.longdouble(10))}


def _worst_complex_by_numpy(name: str, z: Any) -> Any:
    """The places of the largest errors beside NumPy's function of long doubles."""
    with np.errstate(all="ignore"):
        found, wide = complex_kernel(name).ufunc(z), z.astype(np.clongdouble)
        exact = np.log(wide) / _OTHER_BASES[name] if name in _OTHER_BASES else getattr(np, name)(wide)
        worst = np.zeros(len(z))
        for part, true in ((found.real, exact.real), (found.imag, exact.imag)):
            rounded = true.astype(np.float64)
            error = np.abs((part - true) / np.spacing(np.abs(rounded)))
            error[~np.isfinite(error) & ((part == rounded) | np.isnan(rounded))] = 0
            worst = np.maximum(worst, np.where(np.isnan(error), np.inf, error))
    return np.argsort(worst)[-_SETTLED:]


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{count} points in each domain\n\n| function | ulp | at |\n|---|---|---|")
    for name in (*FUNCTIONS, *COMPOSED_DOMAINS):
        error, where = worst(name, count)
        print(f"| {name} | {error:.2f} | {', '.join(map(repr, where))} |", flush=True)
    for name in COMPLEX_DOMAINS:
        error, at = worst_complex(name, count)
        print(f"| {name} of complex128 | {error:.2f} | {at!r} |", flush=True)
    for name in FUNCTIONS:
        if name not in OF_TWO:
            # The others are rounded doubles: their table needs fewer than some 70 million floats.
            error, at = worst_single(name, 61 if name in SINGLE else 997)
            print(f"| {name} of float32 | {error:.2f} | {at!r} |", flush=True)


if __name__ == "__main__":
    main()
