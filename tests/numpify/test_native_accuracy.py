"""The elementary functions of kernels, beside mpmath: at most 2 units in the last place, everywhere.

`python -m benchmarks.native_accuracy` does the same with a million points each, for the table in the docs.
"""

from __future__ import annotations

import numpy as np
import pytest

from numpify_ctx._emission.native.functions import FUNCTIONS


pytest.importorskip("llvmlite")
native_accuracy = pytest.importorskip("benchmarks.native_accuracy", reason="the benchmarks are not beside these tests")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_two_units_in_the_last_place(name):
    worst, at = native_accuracy.worst(name, 20_000, seed=1)
    assert worst < 2, f"{name} at {at}"


def test_there_are_domains_for_all_functions():
    assert native_accuracy.DOMAINS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_arguments_that_are_nearly_multiples_of_a_right_angle(name):
    # The worst cases of the reduction, by continued fractions of pi (Muller et al., "Handbook of floating-point
    # arithmetic", table 11.2), and what is large but for the reduction easy.
    cases = [6381956970095103.0 * 2.0**797, 5.0**40, 1e22, 2.0**40, np.nextafter(2.0**40, 3e12), 1.7976931348623157e308]
    cases += [np.pi * k / 2 for k in (1, 2, 3, 100, 12345, 2**30)]
    points = np.array([*cases, *(-c for c in cases)])
    worst, at = native_accuracy.worst_at(name, points)
    assert worst < 2, at
