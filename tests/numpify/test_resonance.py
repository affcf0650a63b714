"""`examples/resonance.py` derives, compiles, draws and checks, as its README command promises."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp


pytest.importorskip("matplotlib")
SCRIPT = Path(__file__).parents[2] / "examples" / "resonance.py"


@pytest.fixture(scope="module")
def resonance():
    spec = importlib.util.spec_from_file_location("resonance", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_runs_as_a_script(tmp_path):
    png = tmp_path / "deep" / "curves.png"
    done = subprocess.run([sys.executable, SCRIPT, png], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "check: 84 values against SymPy's evalf at 30 digits, max relative error" in done.stdout
    assert "(holds: at most 1e-13 allowed)" in done.stdout
    assert "c=DYNAMIC_PARAMETER" in done.stdout
    from matplotlib.image import imread

    image = imread(png)[..., :3]
    assert min(image.shape[:2]) > 1000
    assert len(np.unique(image.reshape(-1, 3)[::97], axis=0)) > 20, "curves of several colours"


def test_the_check_can_fail(resonance, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(resonance, "draw", lambda *args: None)
    steady = resonance.steady_state()
    # A wrong sign in what is compiled, while the check still asks SymPy for the right expression.
    monkeypatch.setattr(resonance, "numpify", lambda expr, args: __import__("numpify_ctx").numpify(-expr, args))
    assert resonance.main(tmp_path / "x.png") == 1
    assert "(FAILS: at most 1e-13 allowed)" in capsys.readouterr().out
    assert resonance.steady_state() == steady


def test_the_derivation_is_the_textbook_one(resonance):
    m, k, c, force, omega = sp.symbols("m k c F_0 omega", positive=True)
    amplitude, phase = resonance.steady_state()
    assert sp.simplify(amplitude - force / sp.sqrt((k - m * omega**2) ** 2 + (c * omega) ** 2)) == 0
    assert sp.simplify(sp.tan(phase) - c * omega / (k - m * omega**2)) == 0


def test_the_solution_solves_the_equation_of_motion(resonance):
    """By integration from rest, long enough for what is not steady to die out: no algebra of the example's."""
    integrate = pytest.importorskip("scipy.integrate")
    amplitude, phase = resonance.steady_state()
    values = {**resonance.FIXED, resonance.damping: 2.0, resonance.omega: 9.0}
    m, k, force = resonance.FIXED.values()

    def motion(time, state):
        return [state[1], (force * np.cos(9.0 * time) - 2.0 * state[1] - k * state[0]) / m]

    times = np.linspace(40.0, 42.0, 50)
    solved = integrate.solve_ivp(motion, (0.0, 42.0), [0.0, 0.0], t_eval=times, rtol=1e-10, atol=1e-13).y[0]
    expected = float(amplitude.subs(values)) * np.cos(9.0 * times - float(phase.subs(values)))
    assert np.allclose(solved, expected, rtol=0, atol=1e-9)
