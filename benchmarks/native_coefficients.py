"""The numbers of `numpify_ctx/_emission/native/coefficients.py`, computed: `python -m benchmarks.native_coefficients`.

Each polynomial interpolates a function at the zeros of a Chebyshev polynomial, at 60 digits, and so is within a factor
of a few of the best there is; the error printed beside it is the largest, relative to what the whole function is worth.
A constant that a double does not hold is split into several, the sum of which it is to 160 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np


mp.mp.dps = 70


def interpolated(function: Callable[[Any], Any], low: float, high: float, degree: int) -> list[float]:
    """Coefficients, in ascending order, of the polynomial that agrees with a function at Chebyshev's points."""
    count = degree + 1
    points = [
        (mp.mpf(low) + high) / 2 + (mp.mpf(high) - low) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * count))
        for i in range(count)
    ]
    # Newton's divided differences, and then the powers.
    table = [function(p) for p in points]
    for level in range(1, count):
        for i in range(count - 1, level - 1, -1):
            table[i] = (table[i] - table[i - 1]) / (points[i] - points[i - level])
    result = [table[-1]]
    for i in range(count - 2, -1, -1):
        result = [mp.mpf(0), *result]
        for j in range(len(result) - 1):
            result[j] -= points[i] * result[j + 1]
        result[0] += table[i]
    return [float(c) for c in result]


def error(
    coefficients: list[float], function: Callable[[Any], Any], weight: Callable[[Any], Any], low: float, high: float
) -> float:
    """The largest difference, times a weight, at 500 points."""
    worst = mp.mpf(0)
    for i in range(500):
        z = mp.mpf(low) + (mp.mpf(high) - low) * (mp.mpf(i) + mp.mpf("0.5")) / 500
        found = mp.polyval([mp.mpf(c) for c in reversed(coefficients)], z)
        worst = max(worst, abs((found - function(z)) * weight(z)))
    return float(worst)


def series(terms: Callable[[int], Any], z: Any) -> Any:
    """A power series, to the precision at hand."""
    return mp.nsum(lambda n: terms(int(n)) * z ** int(n), [0, mp.inf]) if z else mp.mpf(terms(0))


def of_root(function: Callable[[Any], Any], first: Any) -> Callable[[Any], Any]:
    """(f(t) - t)/t**3 as a function of z = t**2, for an odd f that begins with t; its value at 0 is `first`."""

    def quotient(z: Any) -> Any:
        if abs(z) < mp.mpf(10) ** -25:
            return mp.mpf(first)
        t = mp.sqrt(mp.mpc(z))
        return ((function(t) - t) / t**3).real

    return quotient


def _exp(r: Any) -> Any:
    return (mp.expm1(r) - r) / r**2 if abs(r) > mp.mpf(10) ** -25 else mp.mpf(1) / 2


def _cos(z: Any) -> Any:
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2 if abs(z) > mp.mpf(10) ** -15 else mp.mpf(1) / 24


def _log(z: Any) -> Any:
    """(log((1 + s)/(1 - s)) - 2s)/s**3 as a function of z = s**2."""
    if abs(z) < mp.mpf(10) ** -25:
        return mp.mpf(2) / 3
    s = mp.sqrt(z)
    return (mp.log((1 + s) / (1 - s)) - 2 * s) / s**3


def _log_rest(z: Any) -> Any:
    """What is left of that when 2/3 is taken off, over z."""
    return (_log(z) - mp.mpf(2) / 3) / z if abs(z) > mp.mpf(10) ** -25 else mp.mpf(2) / 5


def _log1p(f: Any) -> Any:
    """(log(1 + f) - f + f**2/2)/f**3."""
    if abs(f) < mp.mpf(10) ** -15:
        return mp.mpf(1) / 3 - mp.mpf(f) / 4
    return (mp.log1p(f) - f + f**2 / 2) / f**3


LOG_END = float((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * 1.001
POLYNOMIALS: dict[str, tuple[str, Callable[[Any], Any], Callable[[Any], Any], float, float, int]] = {
    "EXP": ("exp(r) = 1 + r + r**2*p(r), |r| <= log(2)/2", _exp, lambda r: r**2, -0.35, 0.35, 10),
    "LOG": (
        "log((1 + s)/(1 - s)) = 2*s + s*z*p(z), z = s**2, |s| <= (sqrt(2) - 1)/(sqrt(2) + 1)",
        _log, lambda z: z / 2, 0.0, LOG_END, 6,
    ),
    "LOG_REST": (
        "log((1 + s)/(1 - s)) = 2*s + s*z*(2/3 + z*p(z)), to the precision of two doubles less 40 bits",
        _log_rest, lambda z: z**2 / 2, 0.0, LOG_END, 8,
    ),
    "SIN": (
        "sin(r) = r + r*z*p(z), z = r**2, |r| <= pi/4",
        of_root(mp.sin, mp.mpf(-1) / 6), lambda z: z, 0.0, 0.625, 5,
    ),
    "COS": ("cos(r) = 1 - z/2 + z**2*p(z)", _cos, lambda z: z**2, 0.0, 0.625, 5),
    "ATAN": (
        "atan(t) = t + t*z*p(z), z = t**2, |t| <= tan(pi/8)",
        of_root(mp.atan, mp.mpf(-1) / 3), lambda z: z, 0.0, 0.1722, 10,
    ),
    "ASIN": (
        "asin(t) = t + t*z*p(z), z = t**2, |t| <= 1/2",
        of_root(mp.asin, mp.mpf(1) / 6), lambda z: z, 0.0, 0.2501, 12,
    ),
    "SINH": ("sinh(t) = t + t*z*p(z), z = t**2, |t| <= 1", of_root(mp.sinh, mp.mpf(1) / 6), lambda z: z, 0.0, 1.0, 7),
    "TANH": (
        "tanh(t) = t + t*z*p(z), z = t**2, |t| <= 0.55",
        of_root(mp.tanh, -mp.mpf(1) / 3), lambda z: z, 0.0, 0.3026, 10,
    ),
    "EXP_SHORT": ("of floats: exp(r) = 1 + r + r**2*p(r), |r| <= log(2)/2", _exp, lambda r: r**2, -0.35, 0.35, 4),
    "LOG_SHORT": (
        "of floats: log(1 + f) = f - f**2/2 + f**3*p(f), sqrt(1/2) <= 1 + f <= sqrt(2)",
        _log1p, lambda f: f**2, -0.2929, 0.4143, 7,
    ),
    "SIN_SHORT": (
        "of floats: sin(r) = r + r*z*p(z), z = r**2, |r| <= pi/4",
        of_root(mp.sin, mp.mpf(-1) / 6), lambda z: z, 0.0, 0.625, 2,
    ),
    "COS_SHORT": ("of floats: cos(r) = 1 - z/2 + z**2*p(z)", _cos, lambda z: z**2, 0.0, 0.625, 2),
    "CBRT": ("cbrt(m) = p(m), sqrt(1/2) <= m <= sqrt(2), roughly", mp.cbrt, lambda m: 1, 0.7071, 1.4143, 5),
}  # fmt: skip


def split(value: Any, parts: int, zeros: int = 0, short: bool = False) -> list[float]:
    """Doubles, or floats, whose sum is a value; the first ends in so many zero bits."""
    found = []
    for i in range(parts):
        part = float(np.float32(float(value))) if short else float(value)
        if i == 0 and zeros:
            mantissa, exponent = mp.frexp(value)
            part = float(mp.floor(mp.ldexp(mantissa, 53 - zeros)) * mp.mpf(2) ** (int(exponent) - 53 + zeros))
        found.append(part)
        value -= part
    return found


def main() -> None:
    """Print the module."""
    print('"""Numbers of the elementary functions, computed by `python -m benchmarks.native_coefficients`."""\n')
    print("# Parts of one number, the largest first: their sum is the number.")
    constants = {
        "PI_2": split(mp.pi / 2, 3), "LN2": split(mp.log(2), 3, 12), "LN2_DD": split(mp.log(2), 2),
        "LOG2E": split(1 / mp.log(2), 2), "LOG10E": split(1 / mp.log(10), 2),
        "LOG10_2": split(mp.log10(2), 2, 12),
        "TWO_THIRDS": split(mp.mpf(2) / 3, 2),
        "PI_2_SHORT": split(mp.pi / 2, 3, short=True), "LN2_SHORT": split(mp.log(2), 2, short=True),
    }  # fmt: skip
    for name, parts in constants.items():
        print(f"{name} = ({', '.join(map(repr, parts))})")
    mp.mp.prec = 1400
    bits = int(mp.floor(2 / mp.pi * mp.mpf(2) ** 1280))
    mp.mp.dps = 70
    print("\n# 2/pi, its first 1280 bits as an integer.")
    print("TWO_OVER_PI = int(\n    " + "\n    ".join(f'"{f"{bits:0320x}"[i : i + 80]}"' for i in range(0, 320, 80)))
    print("    , 16,\n)  # fmt: skip")
    for name, (meaning, function, weight, low, high, degree) in POLYNOMIALS.items():
        coefficients = interpolated(function, low, high, degree)
        print(f"\n# {meaning}: error {error(coefficients, function, weight, low, high):.1e}.")
        print(f"{name} = (\n" + "".join(f"    {c!r},\n" for c in coefficients) + ")")


if __name__ == "__main__":
    main()
