"""Division by a whole number in kernels, by two operations: the bits of a division, whatever is divided."""

from __future__ import annotations

import random

import numpy as np
import pytest
import sympy as sp

from numpify_ctx._emission.native.division import has_quick_form

from .native_forms import both, is_native


pytest.importorskip("llvmlite")
x = sp.symbols("x")
LARGEST = 2**49 - 1  # of odd divisors that have a quick form
DIVISORS = [3, -3, 5, 6, 7, 10, -49, 120, 641, 10**6, 3**20, 2**31 - 1, LARGEST, -LARGEST, LARGEST * 8, 2**48 + 1]
OTHERS = [1, 2, -8, LARGEST + 2, 2**53 - 1]


@pytest.fixture(scope="module")
def forms():
    return both([x / d for d in DIVISORS] + [x / d + 1 for d in OTHERS], [x])


def hardest(divisor, count):
    """Doubles whose quotient is 1/odd of half a unit in the last place from half way between two doubles."""
    odd = abs(divisor) // (divisor & -divisor)
    rng = random.Random(divisor)
    found = []
    while len(found) < count:
        # An odd M of 54 bits, and X of 53 with X*2**shift = M*odd +- 1: but for the 1, X/odd is M/2**shift.
        middle, sign = rng.randrange(2**53, 2**54), rng.choice([1, -1])
        shift = (middle * odd).bit_length() - 53
        middle += (sign * pow(odd, -1, 2**shift) - middle) % 2**shift
        if middle < 2**54 and (middle * odd).bit_length() - 53 == shift:
            found.append(rng.choice([1, -1]) * float((middle * odd - sign) >> shift))
    return np.array(found)


def same_bits(found, wanted):
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.isnan(found), ~numbers)
    np.testing.assert_array_equal(found[numbers].view(np.uint64), wanted[numbers].view(np.uint64))


@pytest.mark.parametrize("divisor", DIVISORS)
def test_quotients_next_to_half_way_between_two_doubles(forms, divisor):
    native, _ = forms
    values = hardest(divisor, 4000)
    scaled = np.concatenate([values, values * 2.0**-400, values * 2.0**-819, values * 2.0**-821, values * 2.0**900])
    assert has_quick_form(divisor, "double")
    found = native(scaled)[DIVISORS.index(divisor)]
    assert is_native(native, scaled)
    same_bits(found, scaled / divisor)


def test_all_exponents_zeros_infinities_and_nan(forms):
    native, plain = forms
    bits = np.random.default_rng(3).integers(0, 2**64, 200_000, dtype=np.uint64)
    edges = [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        5e-324,
        -5e-324,
        2.0**-1022,
        2.0**-767,
        np.nextafter(2.0**-767, 0),
        1e308,
    ]
    # With tiny numbers beside them, and without, in one vector.
    values = np.concatenate([bits.view(np.float64), edges, np.tile([0.0, -0.0, np.inf, -np.inf, 1.0], 16)])
    with np.errstate(all="ignore"):
        for one, other in zip(native(values), plain(values), strict=True):
            same_bits(one, other)


def test_parts_of_complex_numbers():
    native, plain = both([x / 3, x / -7 + 1], [x])
    parts = np.concatenate([hardest(3, 500), [0.0, -0.0, np.inf, 5e-324, 1.0, 1e-300]])
    real, imaginary = (v.ravel() for v in np.meshgrid(parts, parts[-40:]))
    values = np.empty(real.shape, complex)
    values.real, values.imag = real, imaginary
    with np.errstate(all="ignore"):
        for one, other in zip(native(values), plain(values), strict=True):
            same_bits(one.view(float), other.view(float))


def test_what_has_no_quick_form():
    assert not any(has_quick_form(d, "double") for d in (*OTHERS, 0, 2.5, True, 3 * 2**60))
    assert not has_quick_form(3, "float")
