"""A swing that loses energy, with a slider for each of its parameters: turn one, and the curve follows.

    hatch run sliders

opens it in a browser, as a marimo app. The formula is compiled once. The sliders are the parameter context, from which
each call reads what they say.
"""

import marimo


app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import sympy as sp

    from numpify_ctx import DYNAMIC_PARAMETER, numpify

    return DYNAMIC_PARAMETER, mo, np, numpify, plt, sp


@app.cell
def _(DYNAMIC_PARAMETER, numpify, sp):
    t, amplitude, omega, tau = sp.symbols("t A omega tau", positive=True)
    swing = numpify(amplitude * sp.exp(-t / tau) * sp.cos(omega * t), [t, amplitude, omega, tau])
    live = swing.freeze(dict.fromkeys((amplitude, omega, tau), DYNAMIC_PARAMETER))
    return amplitude, live, omega, tau


@app.cell
def _(amplitude, mo, omega, tau):
    knobs = {
        amplitude: mo.ui.slider(0.1, 2.0, 0.1, value=1.0, label="A", show_value=True),
        omega: mo.ui.slider(0.5, 6.0, 0.5, value=3.0, label="omega", show_value=True),
        tau: mo.ui.slider(0.5, 10.0, 0.5, value=4.0, label="tau", show_value=True),
    }
    sliders = mo.ui.array(list(knobs.values()))
    sliders
    return knobs, sliders


@app.cell
def _(knobs, live, np, plt, sliders):
    # marimo gives an array's sliders as copies, so the context is made of these, in the same order.
    wave = live.set_parameter_context(dict(zip(knobs, sliders.elements, strict=True)))
    times = np.linspace(0.0, 10.0, 500)
    figure, axes = plt.subplots(figsize=(8, 4))
    axes.plot(times, wave(times))
    axes.set(xlabel="t", ylabel="x", ylim=(-2, 2))
    figure
    return


if __name__ == "__main__":
    app.run()
