"""Resonance: the steady swing of a driven, damped oscillator, from its equation of motion to curves.

SymPy solves the equation; `numpify` makes NumPy functions of amplitude and phase. Mass, stiffness and force are frozen.
The damping is a live parameter: one compiled function draws the whole family of curves while the damping is turned
between calls, as a slider would. Points of every curve are then checked against SymPy at 30 digits.

    python examples/resonance.py [PNG]

writes PNG (default: out/resonance.png) and exits with 1 if the check fails.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, BoundNumpifiedFunction, Parameters, numpify


mass, stiffness, damping, force, omega, t = sp.symbols("m k c F_0 omega t", positive=True)
FIXED = {mass: 1.0, stiffness: 100.0, force: 1.0}  # kg, N/m, N: resonance without damping at 10 rad/s
DAMPINGS = (0.5, 1.0, 2.0, 4.0, 8.0, 2**0.5 * 10)  # N s/m; the last is the least without a resonance peak
TOLERANCE = 1e-13


def steady_state() -> tuple[sp.Expr, sp.Expr]:
    """Amplitude and phase lag of the steady solution of m x'' + c x' + k x = F_0 cos(omega t).

    The force is the real part of F_0 exp(i omega t), so the displacement is that of X exp(i omega t) for the complex X
    that solves the equation.
    """
    amplitude = sp.Symbol("X")
    x = amplitude * sp.exp(sp.I * omega * t)
    motion = mass * x.diff(t, 2) + damping * x.diff(t) + stiffness * x - force * sp.exp(sp.I * omega * t)
    (response,) = sp.solve(sp.expand(motion / sp.exp(sp.I * omega * t)), amplitude)
    real, imaginary = sp.simplify(force / response).as_real_imag()
    return force / sp.sqrt(real**2 + imaginary**2), sp.atan2(imaginary, real)  # X lags by the phase of F_0 / X


def worst_error(functions: dict[sp.Expr, BoundNumpifiedFunction], knobs: Parameters, points: np.ndarray) -> float:
    """The largest relative error of compiled functions against SymPy at 30 digits, over all curves."""
    worst = 0.0
    for value in DAMPINGS:
        knobs[damping] = value
        for expr, function in functions.items():
            for point, found in zip(points, function(points), strict=True):
                # Rationals hold a float exactly, so that both sides see the same numbers.
                exact = {s: sp.Rational(v) for s, v in {**FIXED, damping: value, omega: float(point)}.items()}
                expected = expr.subs(exact).evalf(30)
                worst = max(worst, abs(float((sp.Float(float(found), 30) - expected) / expected)))
    return worst


def draw(amplitude: BoundNumpifiedFunction, phase: BoundNumpifiedFunction, knobs: Parameters, path: Path) -> None:
    """Write both families of curves to a PNG file."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MultipleLocator

    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(8, 8), height_ratios=(3, 2), layout="constrained")
    sweep = np.linspace(0.0, 20.0, 2001)
    natural = np.sqrt(FIXED[stiffness] / FIXED[mass])
    peaks = []
    for value, colour in zip(DAMPINGS, plt.colormaps["viridis"](np.linspace(0.0, 0.88, len(DAMPINGS))), strict=True):
        knobs[damping] = value
        response = 1000 * amplitude(sweep)
        label = f"{value:.3g}"
        above.plot(sweep, response, color=colour, label=label)
        below.plot(sweep, np.degrees(phase(sweep)), color=colour, label=label)
        peaks.append((sweep[response.argmax()], response.max()))
    above.plot(*zip(*peaks, strict=True), "o", color="black", markersize=3.5, clip_on=False, zorder=4, label="peaks")
    for axes in (above, below):
        axes.axvline(natural, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
    below.annotate(
        r"$\omega_0=\sqrt{k/m}$", (natural, 0), xytext=(6, 6), textcoords="offset points", va="bottom", color="0.4"
    )
    above.set(ylabel="amplitude (mm)", ylim=(0.0, None))
    below.set(
        ylabel="phase lag behind the force (degrees)", xlabel=r"driving frequency $\omega$ (rad/s)", ylim=(0, 180)
    )
    below.set_xlim(sweep[0], sweep[-1])
    below.yaxis.set_major_locator(MultipleLocator(45))
    above.legend(title=r"damping $c$ (N$\,$s/m)", frameon=False)
    above.set_title(
        r"$m\,\ddot x + c\,\dot x + k\,x = F_0\cos\omega t$"
        f"    with $m={FIXED[mass]:g}$ kg, $k={FIXED[stiffness]:g}$ N/m, $F_0={FIXED[force]:g}$ N",
        loc="left",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=160)
    plt.close(figure)


def main(path: Path) -> int:
    """Derive, compile, draw, check; 0 if the check holds."""
    knobs = Parameters({damping: DAMPINGS[0]})
    functions = {
        expr: numpify(expr, [omega, mass, stiffness, damping, force])
        .freeze({**FIXED, damping: DYNAMIC_PARAMETER})
        .set_parameter_context(knobs)
        for expr in steady_state()
    }
    amplitude, phase = functions.values()
    for name, function in (("amplitude", amplitude), ("phase lag", phase)):
        print(f"{name}: {function}\ncompiled to\n{function.source}")
    draw(amplitude, phase, knobs, path)
    print(f"wrote {path}")

    points = np.array([0.25, 2.5, 7.0, 9.75, 10.0, 12.5, 19.5])
    worst = worst_error(functions, knobs, points)
    holds = worst <= TOLERANCE
    compared = len(points) * len(DAMPINGS) * len(functions)
    print(f"check: {compared} values against SymPy's evalf at 30 digits, max relative error {worst:.1e}", end=" ")
    print(f"({'holds' if holds else 'FAILS'}: at most {TOLERANCE:g} allowed)")
    return 0 if holds else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("png", nargs="?", type=Path, default=Path("out/resonance.png"), help="where the curves go")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(parse().png))
