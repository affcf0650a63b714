"""The elementary functions of kernels, beside mpmath: at most 2 units in the last place, everywhere.

`python -m benchmarks.native_accuracy` does the same with a million points each, for the table in the docs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from numpify_ctx._emission.native import machine
from numpify_ctx._emission.native.functions import FUNCTIONS
from numpify_ctx._emission.native.single import SINGLE


pytest.importorskip("llvmlite")
native_accuracy = pytest.importorskip("benchmarks.native_accuracy", reason="the benchmarks are not beside these tests")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_two_units_in_the_last_place(name):
    worst, at = native_accuracy.worst(name, 20_000, seed=1)
    assert worst < 2, f"{name} at {at}"


@pytest.mark.parametrize("name", SINGLE)
def test_floats_are_within_two_units_in_the_last_place(name):
    """Numbers of every exponent and both signs, with infinities and nan; the truth is rounded once, from doubles."""
    bits = np.random.default_rng(2).integers(0, 2**32, 400_000).astype(np.uint32)
    around = (np.arange(-4000, 4001) * (np.pi / 2)).astype(np.float32)  # zeros of sin and cos
    edges = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, 1e-45, -1e-45, 88.7, 88.8, -103.9, -104.0], np.float32)
    x = np.concatenate([bits.view(np.float32), around, edges, np.linspace(-90, 90, 100_001, dtype=np.float32)])
    with np.errstate(all="ignore"):
        found = native_accuracy.kernel(name, "f").ufunc(x)
        exact = getattr(np, name)(x.astype(np.float64))
        rounded = exact.astype(np.float32)
        error = np.abs((found - exact) / np.spacing(np.abs(rounded), dtype=np.float32))
    settled = ~np.isfinite(rounded)
    np.testing.assert_array_equal(found[settled], rounded[settled])
    assert np.max(error[~settled]) < 2, x[~settled][np.argmax(error[~settled])]
    numbers = ~np.isnan(rounded)
    np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(rounded[numbers]))


def test_there_are_domains_for_all_functions():
    assert native_accuracy.DOMAINS.keys() == FUNCTIONS.keys()


def test_results_are_the_same_bits_on_an_older_processor(monkeypatch):
    """AVX2 beside what this machine has, vectors of half the length: one implementation gives the same everywhere."""
    here = machine.machine()
    if not here.target.x86:
        pytest.skip("for x86")
    found = {}
    for processor in (here, replace(here, processor="haswell", features="", target=replace(here.target, bits=256))):
        monkeypatch.setattr(machine, "machine", lambda p=processor: p)
        monkeypatch.setattr(native_accuracy, "machine", lambda p=processor: p)
        machine._library.cache_clear()
        native_accuracy.kernel.cache_clear()
        for name in FUNCTIONS:
            made = native_accuracy.DOMAINS[name][-1](np.random.default_rng(3), 1000)
            operands = made if isinstance(made, tuple) else (made,)
            with np.errstate(all="ignore"):
                found.setdefault(name, []).append(native_accuracy.kernel(name).ufunc(*operands))
    machine._library.cache_clear()
    native_accuracy.kernel.cache_clear()
    for name, (one, other) in found.items():
        np.testing.assert_array_equal(one.view(np.int64), other.view(np.int64), err_msg=name)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_arguments_that_are_nearly_multiples_of_a_right_angle(name):
    # The worst cases of the reduction, by continued fractions of pi (Muller et al., "Handbook of floating-point
    # arithmetic", table 11.2), and what is large but for the reduction easy.
    cases = [6381956970095103.0 * 2.0**797, 5.0**40, 1e22, 2.0**40, np.nextafter(2.0**40, 3e12), 1.7976931348623157e308]
    cases += [np.pi * k / 2 for k in (1, 2, 3, 100, 12345, 2**30)]
    points = np.array([*cases, *(-c for c in cases)])
    worst, at = native_accuracy.worst_at(name, points)
    assert worst < 2, at
