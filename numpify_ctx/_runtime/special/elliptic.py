"""Elliptic integrals, by the parameter m, each with its reference and its fast forms.

Where a formula comes from is said as DLMF and the number of the equation (https://dlmf.nist.gov).
"""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from types import ModuleType
from typing import Any

import numpy as np

from ..types import MPContext, MPNumber, Value
from .direct import ANY, POSITIVE, Direct
from .pointwise import Fast, Pointwise, of_scipy, replaced


_FEW_BITS, _ROUGHLY = 40, 1e-6  # what tells one branch from another


def _first_fast(special: ModuleType, z: Value, m: Value) -> Any:
    """DLMF 19.25.5 beyond m = 1, where it is real only before the first singularity of the integrand."""
    return replaced(
        np.copysign(special.ellipkinc(np.abs(z), m), z), ~(m <= 1), lambda z, m: _first_beyond(special, z, m), z, m
    )


def _first_beyond(special: ModuleType, z: Value, m: Value) -> Any:
    sine, cosine = np.sin(z), np.cos(z)
    return sine * special.elliprf(cosine**2, 1 - m * sine**2, 1.0)


def _second_fast(special: ModuleType, z: Value, m: Value) -> Any:
    """DLMF 19.25.9 beyond m = 1."""
    return replaced(special.ellipeinc(z, m), ~(m <= 1), lambda z, m: _second_beyond(special, z, m), z, m)


def _second_beyond(special: ModuleType, z: Value, m: Value) -> Any:
    sine, cosine = np.sin(z), np.cos(z)
    x, y = cosine**2, 1 - m * sine**2
    return sine * special.elliprf(x, y, 1.0) - m / 3 * sine**3 * special.elliprd(x, y, 1.0)


def _complete_third(special: ModuleType, n: Value, m: Value) -> Any:
    """DLMF 19.25.2; infinite where the integrand is at pi/2."""
    value = _complete_third_within(special, n, m)
    infinite = ((n == 1) & (np.real(m) <= 1)) | ((m == 1) & (np.real(n) <= 1))
    return np.where(infinite, np.inf, value)


def _complete_third_within(special: ModuleType, n: Value, m: Value) -> Any:
    return special.elliprf(0.0, 1 - m, 1.0) + n / 3 * special.elliprj(0.0, 1 - m, 1.0, 1 - n)


def _third_fast(special: ModuleType, n: Value, z: Value, m: Value) -> Any:
    """DLMF 19.25.14 for |z| <= pi/2, and there by 19.2.10."""
    turns = np.round(z / np.pi)
    z = z - turns * np.pi
    sine, cosine = np.sin(z), np.cos(z)
    x, y = cosine**2, 1 - m * sine**2
    part = sine * special.elliprf(x, y, 1.0) + n / 3 * sine**3 * special.elliprj(x, y, 1.0, 1 - n * sine**2)
    return part + np.where(turns == 0, 0, 2 * turns * _complete_third(special, n, m))


def _third_by_means(mp: MPContext, n: MPNumber, m: MPNumber) -> Any:
    """DLMF 19.8.7, by arithmetic-geometric means, for complex numbers too: both sides are analytic off the cuts.

    On a cut the value is the limit from below, as the root of 1 - n is on the positive imaginary axis.
    """
    arithmetic, geometric, p = mp.one, mp.sqrt(1 - m), mp.sqrt(1 - n)
    term = total = mp.one
    for _ in range(200):
        product = arithmetic * geometric
        term *= (p * p - product) / (p * p + product) / 2
        p = (p * p + product) / (2 * p)
        # The root on the side of the means: a product of two complex numbers may have the other one.
        arithmetic, geometric = (arithmetic + geometric) / 2, arithmetic * mp.sqrt(geometric / arithmetic)
        total += term
        if abs(term) <= mp.eps * abs(total) and abs(arithmetic - geometric) <= mp.eps * abs(arithmetic):
            return mp.pi / (4 * arithmetic) * (2 + n / (1 - n) * total)
    raise mp.NoConvergence


def _complete_third_reference(mp: MPContext, n: MPNumber, m: MPNumber) -> Any:
    """mpmath integrates numerically off the reals and beyond 1, which takes seconds."""
    if n in (0, 1) or m == 1:
        return mp.ellippi(n, m)
    if _leads_to_the_root(mp, n, m) < min(_leads_to_the_root(mp, m / n, m), 0.5):
        # By DLMF 19.7.8 from m/n.
        residue = mp.pi / 2 / (mp.sqrt(1 - n) * mp.sqrt(1 - m / n))
        return mp.ellipk(m) - _third_by_means(mp, m / n, m) + residue
    return _third_by_means(mp, n, m)


def _leads_to_the_root(mp: MPContext, n: MPNumber, m: MPNumber) -> Any:
    """The cosine between sqrt(1 - n) and the first mean: p goes to that, not to its negative, where it is positive.

    Near 0 it wanders along the line between.
    """
    start = mp.sqrt(1 - n) / mp.sqrt(mp.sqrt(1 - m))
    return mp.re(start) / abs(start) if start else mp.zero


def _incomplete_third_reference(mp: MPContext, n: MPNumber, z: MPNumber, m: MPNumber) -> Any:
    """DLMF 19.25.14 for |re z| <= pi/2, and there by 19.2.10."""
    if not (z and mp.isfinite(n) and mp.isfinite(z) and mp.isfinite(m)):
        return mp.ellippi(n, z, m)
    with mp.extraprec(max(0, mp.mag(z)) + 10):
        turns = mp.nint(mp.re(z) / mp.pi) if abs(mp.re(z)) > mp.pi / 2 else 0
        z = z - turns * mp.pi
        whole = 2 * turns * _complete_third_reference(mp, n, m) if turns else mp.zero
    if mp.isinf(whole):
        return mp.inf

    def terms() -> tuple[Any, Any]:
        cosine, sine = mp.cos_sin(z)
        x, y = cosine**2, 1 - m * sine**2
        return sine * mp.elliprf(x, y, 1), n * sine**3 * _symmetric_third(mp, x, y, 1 - n * sine**2) / 3

    return mp.sum_accurately(terms) + whole


def _symmetric_third(mp: MPContext, x: MPNumber, y: MPNumber, p: MPNumber) -> Any:
    """R_J(x, y, 1, p). Carlson's algorithm may take the wrong branch for complex numbers.

    mpmath makes sure by an integral in all digits, for seconds; of which branch it is, a few digits tell.
    """
    value = mp.elliprj(x, y, 1, p, integration=0)
    with mp.workprec(_FEW_BITS):
        roughly = mp.elliprj(x, y, 1, p)
        if abs(value - roughly) <= _ROUGHLY * abs(roughly):
            return value
    return mp.elliprj(x, y, 1, p)


def _off_its_cuts(n: Value, m: Value) -> Any:
    return ~((np.imag(n) == 0) & (np.real(n) > 1)) & ~((np.imag(m) == 0) & (np.real(m) > 1))


def _singular(m: Value, z: Value) -> Any:
    """Does the path from 0 to z meet a zero of 1 - m sin(t)**2?"""
    return (m > 1) & ((np.abs(z) > np.pi / 2) | (m * np.sin(z) ** 2 > 1))


_BELOW_1 = (-np.inf, 1.0)
# nan beyond m = 1, and nowhere else.
ELLIPTIC_K = Pointwise("elliptic_k", lambda mp, m: mp.ellipk(m), Fast(of_scipy("ellipk"), keep_nan=True))
ELLIPTIC_F = Pointwise(
    "elliptic_f",
    lambda mp, z, m: mp.ellipf(z, m),
    Fast(
        _first_fast,
        outside=lambda z, m: _singular(m, z),
        direct=Direct(attrgetter("ellipkinc"), (POSITIVE, _BELOW_1), no_nan=True),
    ),
)
ELLIPTIC_E = Pointwise("elliptic_e", lambda mp, m: mp.ellipe(m), Fast(of_scipy("ellipe"), keep_nan=True))
ELLIPTIC_E_INCOMPLETE = Pointwise(
    "elliptic_e",
    lambda mp, z, m: mp.ellipe(z, m),
    Fast(
        _second_fast,
        outside=lambda z, m: _singular(m, z),
        direct=Direct(attrgetter("ellipeinc"), (ANY, _BELOW_1), no_nan=True),
    ),
)
ELLIPTIC_PI = Pointwise(
    "elliptic_pi",
    _complete_third_reference,
    Fast(
        _complete_third,
        outside=lambda n, m: (n > 1) | (m > 1),
        direct=Direct(lambda s: partial(_complete_third_within, s), ((-1e6, 1.0), (-1e6, 1.0)), no_nan=True),
    ),
    Fast(_complete_third, where=_off_its_cuts),
    reach=(1e6, 1e6),
)
ELLIPTIC_PI_INCOMPLETE = Pointwise(
    "elliptic_pi",
    _incomplete_third_reference,
    Fast(_third_fast, outside=lambda n, z, m: _singular(m, z) | _singular(n, z)),
    reach=(1e6, 1e6, 1e6),
)
