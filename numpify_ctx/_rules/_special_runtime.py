"""The special functions of SymPy, each with its reference and its fast forms.

Where a formula comes from is said as DLMF and the number of the equation (https://dlmf.nist.gov).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._pointwise import Fast, Pointwise


def _sc(name: str) -> Callable[..., Any]:
    """The function of scipy.special called `name`, as it is."""
    return lambda special, *args: getattr(special, name)(*args)


def _whole(n: Any) -> Any:
    return np.equal(np.floor(n), n)


def _finite(value: Any) -> Any:
    """nan, which the reference replaces, for what overflows."""
    return np.where(np.isfinite(value), value, np.nan)


def _or_nan(value: Any, zero: Any) -> Any:
    """nan, which the reference replaces, for what underflows where it is not `zero`."""
    return np.where((value == 0) & ~zero, np.nan, value)


# -- error functions ---------------------------------------------------------------------------------------------------

ERF = Pointwise("erf", lambda mp, z: mp.erf(z), Fast(_sc("erf")), Fast(_sc("erf")))
ERFC = Pointwise("erfc", lambda mp, z: mp.erfc(z), Fast(_sc("erfc")), Fast(_sc("erfc")))
ERFI = Pointwise("erfi", lambda mp, z: mp.erfi(z), Fast(_sc("erfi")), Fast(_sc("erfi")))


def _erf2(mp: Any, x: Any, y: Any) -> Any:
    """erf(y) - erf(x), by the complements where both are near 1 or both near -1."""
    if mp.re(x) > 1 and mp.re(y) > 1:
        return mp.erfc(x) - mp.erfc(y)
    if mp.re(x) < -1 and mp.re(y) < -1:
        return mp.erfc(-y) - mp.erfc(-x)
    return mp.erf(y) - mp.erf(x)


def _erf2_fast(special: Any, x: Any, y: Any) -> Any:
    tail = special.erfc(np.abs(x)) - special.erfc(np.abs(y))
    return np.where((x > 0) & (y > 0), tail, np.where((x < 0) & (y < 0), -tail, special.erf(y) - special.erf(x)))


def _far_apart(x: Any, y: Any) -> Any:
    """Does erf(y) - erf(x) lose no more than a digit?"""
    return (np.abs(y - x) > 0.25) | (x == y)


ERF2 = Pointwise("erf2", _erf2, Fast(_erf2_fast, where=_far_apart))
ERFINV = Pointwise("erfinv", lambda mp, x: mp.erfinv(x), Fast(_sc("erfinv"), keep_nan=True))
ERFCINV = Pointwise("erfcinv", lambda mp, x: mp.erfinv(1 - x), Fast(_sc("erfcinv"), keep_nan=True))


def _erf2inv_fast(special: Any, x: Any, y: Any) -> Any:
    """z such that erf(z) - erf(x) = y, by the complement on the side where it is smaller."""
    right = special.erfcinv(special.erfc(x) - y)
    left = -special.erfcinv(special.erfc(-x) + y)
    return np.where(special.erf(x) + y > 0, right, left)


def _erf2inv(mp: Any, x: Any, y: Any) -> Any:
    return mp.erfinv(mp.erf(x) + y)


ERF2INV = Pointwise("erf2inv", _erf2inv, Fast(_erf2inv_fast, keep_nan=True))

# Where a complex one overflows, SciPy has the signs wrong.
_FRESNEL = tuple(
    (Fast(lambda s, x, i=i: s.fresnel(x)[i]), Fast(lambda s, z, i=i: _finite(s.fresnel(z)[i]))) for i in (0, 1)
)
FRESNELS = Pointwise("fresnels", lambda mp, z: mp.fresnels(z), *_FRESNEL[0])
FRESNELC = Pointwise("fresnelc", lambda mp, z: mp.fresnelc(z), *_FRESNEL[1])

# -- gamma functions ---------------------------------------------------------------------------------------------------

GAMMA = Pointwise("gamma", lambda mp, z: mp.gamma(z), Fast(_sc("gamma"), keep_nan=True), Fast(_sc("gamma")))


def _loggamma_fast(special: Any, x: Any) -> Any:
    """SciPy's complex form has series at the zeros 1 and 2, its real form has not."""
    value = np.asarray(special.loggamma(x))
    near = (x > 0.8) & (x < 2.2)
    if near.any():
        value[near] = special.loggamma(np.asarray(x)[near] + 0j).real
    pole = (x <= 0) & _whole(x)
    return np.where(pole, np.inf, value) if pole.any() else value


LOGGAMMA = Pointwise(
    "loggamma", lambda mp, z: mp.loggamma(z), Fast(_loggamma_fast, keep_nan=True), Fast(_sc("loggamma"))
)
DIGAMMA = Pointwise("digamma", lambda mp, z: mp.digamma(z), Fast(_sc("psi"), keep_nan=True), Fast(_sc("psi")))


def _polygamma(mp: Any, n: Any, z: Any) -> Any:
    """Derivative n of digamma; for other n Espinosa and Moll's continuation, which is SymPy's."""
    if mp.isint(n) and mp.re(n) >= 0:
        return mp.psi(int(mp.re(n)), z)
    slope = mp.zeta(n + 1, z, 1)
    return (slope + (mp.euler + mp.digamma(-n)) * mp.zeta(n + 1, z)) * mp.rgamma(-n)


POLYGAMMA = Pointwise(
    "polygamma",
    _polygamma,
    Fast(
        # DLMF 5.15.1
        lambda s, n, x: np.where(n == 0, s.psi(x), np.where(n % 2, 1, -1) * s.gamma(n + 1) * s.zeta(n + 1, x)),
        where=lambda n, x: _whole(n) & (n >= 0) & (n < 150) & (x > 0),
        outside=lambda n, x: _whole(n) & (n >= 0) & _whole(x) & (x <= 0),
    ),
    reach=(1e3, 1e4),
)


def _trigamma(special: Any, x: Any) -> Any:
    """DLMF 5.15.1, and for negative numbers 5.15.6."""
    positive = special.zeta(2.0, np.where(x > 0, x, 1 - x))
    return np.where(x > 0, positive, (np.pi / np.sin(np.pi * (x % 2))) ** 2 - positive)


TRIGAMMA = Pointwise(
    "trigamma", lambda mp, z: mp.psi(1, z), Fast(_trigamma, outside=lambda x: _whole(x) & (x <= 0)), reach=(1e4,)
)


def _lowergamma(mp: Any, a: Any, z: Any) -> Any:
    if mp.isint(a) and mp.re(a) <= 0:
        return mp.inf
    if mp.re(z) < 0:
        # DLMF 8.5.1: one series, where mpmath's two parts cancel, or turn to one another for ever.
        return z**a / a * mp.hyp1f1(a, a + 1, -z)
    return mp.gammainc(a, 0, z)


LOWERGAMMA = Pointwise(
    "lowergamma",
    _lowergamma,
    Fast(
        lambda s, a, x: _or_nan(s.gammainc(a, x), x == 0) * s.gamma(a),
        where=lambda a, x: (a > 0) & (a < 170) & (x >= 0),
    ),
)


def _uppergamma(mp: Any, a: Any, z: Any) -> Any:
    return mp.gammainc(a, z, mp.inf)


UPPERGAMMA = Pointwise(
    "uppergamma",
    _uppergamma,
    Fast(
        lambda s, a, x: np.where(a == 0, s.exp1(x), s.gammaincc(a, x) * s.gamma(a)),
        where=lambda a, x: ((a > 0) & (a < 170) & (x >= 0)) | ((a == 0) & (x >= 0)),
    ),
)
BETA = Pointwise(
    "beta", lambda mp, x, y: mp.beta(x, y), Fast(_sc("beta"), where=lambda x, y: (x > 0) & (y > 0) & (x + y < 150))
)


def _betainc(mp: Any, a: Any, b: Any, x1: Any, x2: Any) -> Any:
    return mp.betainc(a, b, x1, x2)


def _betainc_regularized(mp: Any, a: Any, b: Any, x1: Any, x2: Any) -> Any:
    if a == 0 and b == 0:
        raise ValueError("infinity over infinity, and the limit depends on the way there")
    return mp.betainc(a, b, x1, x2, regularized=True)


def _regularized_fast(special: Any, a: Any, b: Any, x1: Any, x2: Any) -> Any:
    return special.betainc(a, b, x2) - special.betainc(a, b, x1)


def _no_cancellation(a: Any, b: Any, x1: Any, x2: Any) -> Any:
    """A proper interval from 0: nothing is subtracted."""
    return (a > 0) & (b > 0) & (x1 == 0) & (x2 >= 0) & (x2 <= 1)


BETAINC = Pointwise(
    "betainc",
    _betainc,
    Fast(lambda s, a, b, x, y: _regularized_fast(s, a, b, x, y) * s.beta(a, b), where=_no_cancellation),
)
BETAINC_REGULARIZED = Pointwise(
    "betainc_regularized", _betainc_regularized, Fast(_regularized_fast, where=_no_cancellation)
)

# -- exponential integrals ---------------------------------------------------------------------------------------------

_EI_ZERO, _LI_ZERO = 0.37250741078136663, 1.4513692348833811


def _off(zero: float) -> Callable[..., Any]:
    """Not so near to a zero that SciPy, right to an absolute error, has wrong digits."""
    return lambda z: np.abs(z - zero) > 0.01


EI = Pointwise(
    "Ei", lambda mp, z: mp.ei(z), Fast(_sc("expi"), where=_off(_EI_ZERO)), Fast(_sc("expi"), where=_off(_EI_ZERO))
)


def _is_small_order(n: Any) -> Any:
    """SciPy makes 32-bit integers of orders."""
    return _whole(n) & (n >= 0) & (n < 2**31)


def _expint_n(special: Any, n: Any, x: Any) -> Any:
    return np.where(n == 1, special.exp1(x), special.expn(np.where(_is_small_order(n), n, 0).astype(np.float64), x))


EXPINT = Pointwise(
    "expint",
    lambda mp, n, z: mp.expint(n, z),
    Fast(
        _expint_n,
        where=lambda n, x: _is_small_order(n) & (x > 0),
        outside=lambda n, x: _whole(n) & (n >= 1) & (x < 0),
    ),
    Fast(lambda s, n, z: s.exp1(z), where=lambda n, z: (n == 1) & (np.imag(z) != 0)),
    orders=(0,),
)


def _li(mp: Any, z: Any) -> Any:
    return mp.li(z) if z else MP_ZERO


MP_ZERO = 0

LI = Pointwise(
    "li",
    _li,
    Fast(lambda s, x: s.expi(np.log(x)), where=lambda x: (x > 0) & _off(_LI_ZERO)(x), outside=lambda x: x < 0),
    Fast(lambda s, z: s.expi(np.log(z)), where=lambda z: (np.imag(z) != 0) & (np.abs(z - 1) > 0.5)),
)
LI_OFFSET = Pointwise(
    "Li",
    lambda mp, z: _li(mp, z) - mp.li(2),
    Fast(
        lambda s, x: s.expi(np.log(x)) - 1.0451637801174927848,
        where=lambda x: (x > 0) & (np.abs(x - 2) > 1),
        outside=lambda x: x < 0,
    ),
)
SI = Pointwise("Si", lambda mp, z: mp.si(z), Fast(lambda s, x: s.sici(x)[0]), Fast(lambda s, z: s.sici(z)[0]))
CI = Pointwise(
    "Ci",
    lambda mp, z: mp.ci(z),
    Fast(lambda s, x: s.sici(x)[1], outside=lambda x: x < 0),
    Fast(lambda s, z: s.sici(z)[1]),
)
SHI = Pointwise("Shi", lambda mp, z: mp.shi(z), Fast(lambda s, x: s.shichi(x)[0]), Fast(lambda s, z: s.shichi(z)[0]))
CHI = Pointwise(
    "Chi",
    lambda mp, z: mp.chi(z),
    Fast(lambda s, x: s.shichi(x)[1], outside=lambda x: x < 0),
    Fast(lambda s, z: s.shichi(z)[1]),
)

# -- Bessel functions --------------------------------------------------------------------------------------------------


def _not_real(n: Any, x: Any) -> Any:
    """Functions with a branch point at 0 are not real on the left of it."""
    return x < 0


def _not_real_between(n: Any, x: Any) -> Any:
    """... unless the order is an integer."""
    return (x < 0) & ~_whole(n)


def _reflected(function: str, sign: int) -> Callable[..., Any]:
    """J or I: an integer order below 0 is one above it (DLMF 10.4.1, 10.27.1), where the series begins late."""

    def reference(mp: Any, n: Any, z: Any) -> Any:
        if mp.isint(n) and mp.re(n) < 0:
            return sign ** int(-mp.re(n)) * getattr(mp, function)(-n, z)
        return getattr(mp, function)(n, z)

    return reference


def _hankel(function: str) -> Callable[..., Any]:
    """J and Y cancel off the real axis, by as many digits as the result is smaller than they."""

    def reference(mp: Any, n: Any, z: Any) -> Any:
        with mp.extraprec(int(min(4 * abs(mp.im(z)), 4000))):
            return getattr(mp, function)(n, z)

    return reference


BESSELJ = Pointwise(
    "besselj", _reflected("besselj", -1), Fast(_sc("jv"), outside=_not_real_between), Fast(_sc("jv")), (0,)
)
BESSELY = Pointwise(
    "bessely", lambda mp, n, z: mp.bessely(n, z), Fast(_sc("yv"), outside=_not_real), Fast(_sc("yv")), (0,)
)
BESSELI = Pointwise(
    "besseli", _reflected("besseli", 1), Fast(_sc("iv"), outside=_not_real_between), Fast(_sc("iv")), (0,)
)
BESSELK = Pointwise(
    "besselk", lambda mp, n, z: mp.besselk(n, z), Fast(_sc("kv"), outside=_not_real), Fast(_sc("kv")), (0,)
)
HANKEL1 = Pointwise(
    "hankel1",
    _hankel("hankel1"),
    Fast(_sc("hankel1")),
    Fast(_sc("hankel1")),
    (0,),
    complex_valued=True,
    reach=(1e4, 1e6),
)
HANKEL2 = Pointwise(
    "hankel2",
    _hankel("hankel2"),
    Fast(_sc("hankel2")),
    Fast(_sc("hankel2")),
    (0,),
    complex_valued=True,
    reach=(1e4, 1e6),
)


def _jn(mp: Any, n: Any, z: Any) -> Any:
    """DLMF 10.47.3; at 0 its limit. Divided by sqrt(z), not sqrt(1/z): for integer orders it has no cut."""
    if z == 0 and mp.re(n) >= 0:
        return mp.mpf(n == 0)
    return mp.sqrt(mp.pi / 2) / mp.sqrt(z) * mp.besselj(n + 0.5, z)


def _yn(mp: Any, n: Any, z: Any) -> Any:
    """DLMF 10.47.4."""
    return mp.sqrt(mp.pi / 2) / mp.sqrt(z) * mp.bessely(n + 0.5, z)


def _hn1(mp: Any, n: Any, z: Any) -> Any:
    return _jn(mp, n, z) + mp.j * _yn(mp, n, z)


def _hn2(mp: Any, n: Any, z: Any) -> Any:
    return _jn(mp, n, z) - mp.j * _yn(mp, n, z)


def _order(n: Any) -> Any:
    """Spherical orders for SciPy: integers from 0, others replaced."""
    return np.where(_whole(n) & (n >= 0), n, 0).astype(np.int64)


def _spherical(n: Any, z: Any) -> Any:
    return _whole(n) & (n >= 0) & (z != 0)


JN = Pointwise(
    "jn",
    _jn,
    Fast(lambda s, n, x: s.spherical_jn(_order(n), x), where=_spherical),
    Fast(lambda s, n, z: s.spherical_jn(_order(n), z), where=_spherical),
    (0,),
)
YN = Pointwise(
    "yn",
    _yn,
    Fast(lambda s, n, x: s.spherical_yn(_order(n), x), where=_spherical),
    Fast(lambda s, n, z: s.spherical_yn(_order(n), z), where=_spherical),
    (0,),
)


def _hankel_fast(sign: int) -> Callable[..., Any]:
    return lambda s, n, x: s.spherical_jn(_order(n), x) + sign * 1j * s.spherical_yn(_order(n), x)


HN1 = Pointwise("hn1", _hn1, Fast(_hankel_fast(1), where=_spherical), complex_valued=True)
HN2 = Pointwise("hn2", _hn2, Fast(_hankel_fast(-1), where=_spherical), complex_valued=True)


def _marcumq(mp: Any, m: Any, a: Any, b: Any) -> Any:
    """A Poisson mixture of incomplete gamma functions: all terms have one sign. (DLMF 8.11, Marcum 1950.)"""
    half, bound = a * a / 2, b * b / 2
    if 0 < abs(m) < 1e-12:
        raise ValueError(f"the order {m} is too near to 0")
    weight = mp.exp(-half)
    total = mp.mpf(0)
    k = 0
    while True:
        total += weight * mp.gammainc(m + k, bound, mp.inf, regularized=True)
        k += 1
        weight = weight * half / k
        if k > abs(half) and abs(weight) < abs(total) * mp.eps:
            return total
        if k > 20000:
            raise ValueError("no convergence")


MARCUMQ = Pointwise("marcumq", _marcumq, reach=(1e3, 1e3, 1e3))

AIRYAI, AIRYAIPRIME, AIRYBI, AIRYBIPRIME = (
    Pointwise(
        name,
        reference,
        Fast(lambda s, x, i=i: s.airy(x)[i], where=lambda x: x > -100),
        Fast(lambda s, z, i=i: s.airy(z)[i], where=lambda z: np.abs(z) < 100),
    )
    for i, (name, reference) in enumerate(
        [
            ("airyai", lambda mp, z: mp.airyai(z)),
            ("airyaiprime", lambda mp, z: mp.airyai(z, derivative=1)),
            ("airybi", lambda mp, z: mp.airybi(z)),
            ("airybiprime", lambda mp, z: mp.airybi(z, derivative=1)),
        ]
    )
)

# -- elliptic integrals, by the parameter m ----------------------------------------------------------------------------


def _first_fast(special: Any, z: Any, m: Any) -> Any:
    """DLMF 19.25.5 beyond m = 1, where it is real only before the first singularity of the integrand."""
    sine, cosine = np.sin(z), np.cos(z)
    within = np.copysign(special.ellipkinc(np.abs(z), m), z)
    return np.where(m <= 1, within, sine * special.elliprf(cosine**2, 1 - m * sine**2, 1.0))


def _second_fast(special: Any, z: Any, m: Any) -> Any:
    """DLMF 19.25.9 beyond m = 1."""
    sine, cosine = np.sin(z), np.cos(z)
    x, y = cosine**2, 1 - m * sine**2
    beyond = sine * special.elliprf(x, y, 1.0) - m / 3 * sine**3 * special.elliprd(x, y, 1.0)
    return np.where(m <= 1, special.ellipeinc(z, m), beyond)


def _complete_third(special: Any, n: Any, m: Any) -> Any:
    """DLMF 19.25.2; infinite where the integrand is at pi/2."""
    value = special.elliprf(0.0, 1 - m, 1.0) + n / 3 * special.elliprj(0.0, 1 - m, 1.0, 1 - n)
    infinite = ((n == 1) & (np.real(m) <= 1)) | ((m == 1) & (np.real(n) <= 1))
    return np.where(infinite, np.inf, value)


def _third_fast(special: Any, n: Any, z: Any, m: Any) -> Any:
    """DLMF 19.25.14 for |z| <= pi/2, and there by 19.2.10."""
    turns = np.round(z / np.pi)
    z = z - turns * np.pi
    sine, cosine = np.sin(z), np.cos(z)
    x, y = cosine**2, 1 - m * sine**2
    part = sine * special.elliprf(x, y, 1.0) + n / 3 * sine**3 * special.elliprj(x, y, 1.0, 1 - n * sine**2)
    return part + np.where(turns == 0, 0, 2 * turns * _complete_third(special, n, m))


def _singular(m: Any, z: Any) -> Any:
    """Does the path from 0 to z meet a zero of 1 - m sin(t)**2?"""
    return (m > 1) & ((np.abs(z) > np.pi / 2) | (m * np.sin(z) ** 2 > 1))


ELLIPTIC_K = Pointwise("elliptic_k", lambda mp, m: mp.ellipk(m), Fast(_sc("ellipk"), outside=lambda m: m > 1))
ELLIPTIC_F = Pointwise(
    "elliptic_f", lambda mp, z, m: mp.ellipf(z, m), Fast(_first_fast, outside=lambda z, m: _singular(m, z))
)
ELLIPTIC_E = Pointwise("elliptic_e", lambda mp, m: mp.ellipe(m), Fast(_sc("ellipe"), outside=lambda m: m > 1))
ELLIPTIC_E_INCOMPLETE = Pointwise(
    "elliptic_e", lambda mp, z, m: mp.ellipe(z, m), Fast(_second_fast, outside=lambda z, m: _singular(m, z))
)
ELLIPTIC_PI = Pointwise(
    "elliptic_pi",
    lambda mp, n, m: mp.ellippi(n, m),
    Fast(_complete_third, outside=lambda n, m: (n > 1) | (m > 1)),
    Fast(_complete_third),
    reach=(1e6, 1e6),
)
ELLIPTIC_PI_INCOMPLETE = Pointwise(
    "elliptic_pi",
    lambda mp, n, z, m: mp.ellippi(n, z, m),
    Fast(_third_fast, outside=lambda n, z, m: _singular(m, z) | _singular(n, z)),
    reach=(1e6, 1e6, 1e6),
)

# -- zeta functions ----------------------------------------------------------------------------------------------------


def _zeta(mp: Any, s: Any) -> Any:
    return mp.zeta(s)


ZETA = Pointwise("zeta", _zeta, Fast(_sc("zeta"), keep_nan=True))


def _hurwitz(mp: Any, s: Any, a: Any) -> Any:
    # At 0 it is smooth, but mpmath would take as many bits as 1 + s has.
    return mp.zeta(s if abs(s) > 1e-60 else 0, a)


HURWITZ = Pointwise("zeta", _hurwitz, Fast(_sc("zeta"), where=lambda s, a: (s > 1) & (a > 0)), reach=(1e4, 1e8))
ETA = Pointwise("dirichlet_eta", lambda mp, s: mp.altzeta(s))


def _general_eta(mp: Any, s: Any, a: Any) -> Any:
    """sum((-1)**n / (n + a)**s), by two zeta functions (DLMF 25.11.35)."""
    if a == 1:
        return mp.altzeta(s)
    if s == 1:
        return (mp.digamma((a + 1) / 2) - mp.digamma(a / 2)) / 2
    return (mp.zeta(s, a / 2) - mp.zeta(s, (a + 1) / 2)) / mp.mpf(2) ** s


GENERAL_ETA = Pointwise("dirichlet_eta", _general_eta, reach=(1e4, 1e8))
POLYLOG = Pointwise(
    "polylog",
    lambda mp, s, z: mp.polylog(s, z),
    Fast(
        lambda s, n, z: s.spence(1 - z),
        where=lambda n, z: (n == 2) & (z < -0.01),
        outside=lambda n, z: (n == 2) & (z > 1),
    ),
    reach=(1e3, np.inf),
)


def _lerchphi(mp: Any, z: Any, s: Any, a: Any) -> Any:
    return mp.lerchphi(z, s, a) if abs(z) > 1e-60 else a ** (-s)


LERCHPHI = Pointwise("lerchphi", _lerchphi, reach=(1e3, 1e3, 1e3))


def _index(mp: Any, n: Any) -> int:
    """A non-negative integer, or no value."""
    if not mp.isint(n) or mp.re(n) < 0:
        raise ValueError(f"{n} is no index")
    return int(mp.re(n))


STIELTJES = Pointwise("stieltjes", lambda mp, n, a: mp.stieltjes(_index(mp, n), a), reach=(1e3, 1e4))


def _xi(mp: Any, s: Any) -> Any:
    """s (s - 1) Gamma(s/2) zeta(s) / (2 pi**(s/2)) (DLMF 25.4.4), by the side of its symmetry without poles."""
    if mp.re(s) < 0.5:
        s = 1 - s
    residue = mp.mpf(1) if s == 1 else (s - 1) * mp.zeta(s)
    return residue * mp.gamma(s / 2 + 1) * mp.pi ** (-s / 2)


XI = Pointwise("riemann_xi", _xi)

# -- the Lambert function ----------------------------------------------------------------------------------------------

_TIP = -np.exp(-1.0)


def _lambertw(mp: Any, z: Any, k: Any) -> Any:
    return mp.lambertw(z, int(mp.re(k)))


def _lambertw_complex(special: Any, z: Any, k: Any) -> Any:
    return special.lambertw(z, np.real(k).astype(np.int64))


def _away_from_the_tip(z: Any, k: Any) -> Any:
    """SciPy loses digits near the branch point at -1/e, and near the zero at 0."""
    return (np.abs(z - _TIP) > 0.05) & _whole(np.real(k))


LAMBERTW = Pointwise(
    "lambertw",
    _lambertw,
    Fast(
        lambda s, x, k: s.lambertw(x, k.astype(np.int64)).real,
        where=lambda x, k: _away_from_the_tip(x, k) & (((k == 0) & (x > _TIP)) | ((k == -1) & (x > _TIP) & (x < 0))),
        outside=lambda x, k: (x < -0.4) | ((k == -1) & (x > 0)) | ~((k == 0) | (k == -1)),
    ),
    Fast(_lambertw_complex, where=_away_from_the_tip),
    (1,),
)
# A branch that is not real anywhere: complex also for real arguments.
LAMBERTW_BRANCH = Pointwise(
    "lambertw",
    _lambertw,
    Fast(_lambertw_complex, where=_away_from_the_tip),
    Fast(_lambertw_complex, where=_away_from_the_tip),
    (1,),
    complex_valued=True,
)

# -- small differences -------------------------------------------------------------------------------------------------

COSM1 = Pointwise("cosm1", lambda mp, z: -2 * mp.sin(z / 2) ** 2, Fast(_sc("cosm1")))
POWM1 = Pointwise("powm1", lambda mp, x, y: mp.powm1(x, y), Fast(_sc("powm1"), keep_nan=True))
