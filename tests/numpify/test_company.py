"""What an argument carries, a unit, a label, a mask or laziness, is kept, or refused by name."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify


x, a = sp.symbols("x a")

# Formulas of two variables, and the same by hand: in the words of the arguments' own operators.
FORMULAS: list[tuple[Any, Callable[[Any, Any], Any]]] = [
    (x + a, lambda x, a: x + a),
    (x - 2 * a, lambda x, a: x - 2 * a),
    (x * a, lambda x, a: x * a),
    (x / a, lambda x, a: x / a),
    (sp.exp(-x / a), lambda x, a: np.exp(-x / a)),
    (sp.sqrt(x * a), lambda x, a: np.sqrt(x * a)),
    (x**2, lambda x, a: x * x + 0 * a * a),
    (sp.Max(x, a), lambda x, a: np.maximum(x, a)),
    (sp.atan2(x, a), lambda x, a: np.arctan2(x, a)),
]


def same(got: Any, want: Any) -> bool:
    return type(got) is type(want) and bool(np.all(np.asarray(got) == np.asarray(want)))


class TestPandas:
    pd = pytest.importorskip("pandas")

    @pytest.mark.parametrize(("expr", "by_hand"), FORMULAS[:5], ids=lambda v: str(v) if isinstance(v, sp.Basic) else "")
    def test_a_series_is_aligned_by_its_labels(self, expr: Any, by_hand: Any) -> None:
        f = numpify(expr, [x, a])
        u, v = self.pd.Series([1.0, 2.0], index=["u", "v"]), self.pd.Series([10.0, 20.0], index=["v", "u"])
        self.pd.testing.assert_series_equal(f(u, v), by_hand(u, v))
        w = self.pd.Series([1.0, 2.0], index=[1, 2])
        self.pd.testing.assert_series_equal(f(w, w.iloc[1:]), by_hand(w, w.iloc[1:]))
        self.pd.testing.assert_series_equal(f(u, 2.0), by_hand(u, 2.0))

    def test_a_frame_is_aligned_by_its_columns(self) -> None:
        u = self.pd.DataFrame({"p": [1.0, 2.0], "q": [3.0, 4.0]})
        self.pd.testing.assert_frame_equal(numpify(x + 2 * a, [x, a])(u, u[["q", "p"]]), u + 2 * u)

    def test_a_selection_and_a_function_that_is_no_ufunc_keep_the_index(self) -> None:
        u = self.pd.Series([-1.0, 0.5, 2.0], index=list("pqr"))
        chosen = numpify(sp.Piecewise((sp.log(x), x > 1), (-x, x > 0), (3, True)), [x])(u)
        self.pd.testing.assert_series_equal(chosen, self.pd.Series([3.0, -0.5, np.log(2.0)], index=list("pqr")))
        small = numpify(sp.LambertW(x), [x])(u.iloc[1:])
        assert list(small.index) == ["q", "r"]
        assert np.allclose(small, numpify(sp.LambertW(x), [x])(np.array([0.5, 2.0])))

    def test_times_are_refused(self) -> None:
        f = numpify(2 * x, [x])
        for times in (
            self.pd.Series(self.pd.to_timedelta([1, 2], "s")),
            np.array([1, 2], "m8[s]"),
            np.timedelta64(1, "s"),
        ):
            with pytest.raises(TypeError, match="timedelta64"):
                f(times)
        with pytest.raises(TypeError, match="datetime64"):
            f(np.array(["2020-01-01"], "M8[D]"))


class TestXarray:
    xr = pytest.importorskip("xarray")

    @pytest.mark.parametrize(("expr", "by_hand"), FORMULAS, ids=lambda v: str(v) if isinstance(v, sp.Basic) else "")
    def test_arrays_are_broadcast_and_transposed_by_their_dimensions(self, expr: Any, by_hand: Any) -> None:
        f = numpify(expr, [x, a])
        u, v = self.xr.DataArray([1.0, 2.0], dims="p"), self.xr.DataArray([10.0, 20.0, 30.0], dims="q")
        m = self.xr.DataArray(np.arange(1.0, 7.0).reshape(2, 3), dims=("p", "q"))
        for pair in ((m, v), (m, m.transpose("q", "p")), (m, 2.0)):
            self.xr.testing.assert_allclose(f(*pair).transpose("p", "q"), by_hand(*pair).transpose("p", "q"))
        if expr.has(a):  # SymPy sorts the operands, and the dimensions come in the order of the operands
            self.xr.testing.assert_allclose(f(u, v).transpose("p", "q"), by_hand(u, v))

    def test_a_selection_keeps_the_dimensions(self) -> None:
        u = self.xr.DataArray([[-1.0, 2.0]], dims=("p", "q"), coords={"q": ["l", "r"]})
        got = numpify(sp.Piecewise((x, x > 0), (0, True)), [x])(u)
        self.xr.testing.assert_identical(got, u.where(u > 0, 0))


class TestPint:
    pint = pytest.importorskip("pint")
    Q = pint.UnitRegistry().Quantity

    @pytest.mark.parametrize("many", [False, True], ids=["scalar", "array"])
    def test_units_convert(self, many: bool) -> None:
        number = (lambda v: np.array([v, 2 * v])) if many else float
        km, m = self.Q(number(1.0), "km"), self.Q(number(1.0), "m")
        total = numpify(x + a, [x, a])(km, m)
        assert np.all(total.to("m").magnitude == number(1001.0))
        assert np.all(numpify(sp.sin(x), [x])(self.Q(number(90.0), "degree")).magnitude == np.sin(number(np.pi / 2)))
        assert numpify(x**2 / a, [x, a])(m, self.Q(2.0, "s")).units == m.units**2 / self.Q(1, "s").units

    @pytest.mark.parametrize("expr", [sp.exp(x), x + 1, sp.gamma(x), sp.Piecewise((x, x > 1), (0, True))], ids=str)
    def test_what_a_length_has_not_is_an_error(self, expr: Any) -> None:
        with pytest.raises((TypeError, ValueError, self.pint.DimensionalityError)):
            numpify(expr, [x])(self.Q(2.0, "m"))

    def test_frozen_and_dynamic_values_keep_their_units(self) -> None:
        f = numpify(x * a, [x, a])
        force = self.Q(2.0, "N")
        assert f.freeze(a=force)(3.0) == 3.0 * force
        knobs = Parameters({a: force})
        assert f.freeze({a: DYNAMIC_PARAMETER}).set_parameter_context(knobs)(3.0) == 3.0 * force


class TestAstropy:
    u = pytest.importorskip("astropy.units")

    @pytest.mark.parametrize("number", [1.0, np.array([1.0, 2.0])], ids=["scalar", "array"])
    def test_units_convert(self, number: Any) -> None:
        u = self.u
        total = numpify(x + a, [x, a])(number * u.km, number * u.m)
        assert np.allclose(total.to_value(u.m), 1001.0 * number)
        assert numpify(2 * x, [x])(number * u.deg).unit == u.deg
        assert np.allclose(numpify(sp.sin(x), [x])(90.0 * number * u.deg).value, np.sin(np.pi / 2 * number))
        with pytest.raises(u.UnitsError):
            numpify(x + a, [x, a])(number * u.km, number * u.s)


class TestMasked:
    @pytest.mark.parametrize(("expr", "by_hand"), FORMULAS, ids=lambda v: str(v) if isinstance(v, sp.Basic) else "")
    def test_masks_stay(self, expr: Any, by_hand: Any) -> None:
        u = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
        v = np.ma.array([4.0, 5.0, 6.0], mask=[0, 0, 1]) if expr.has(a) else 4.0
        got, want = numpify(expr, [x, a])(u, v), by_hand(u, v)
        assert np.array_equal(np.ma.getmaskarray(got), np.ma.getmaskarray(want))
        assert np.allclose(got.compressed(), want.compressed())

    def test_the_masked_number_is_masked(self) -> None:
        assert numpify(x + a, [x, a])(np.ma.masked, 1.0) is np.ma.masked

    def test_a_selection_keeps_the_mask(self) -> None:
        u = np.ma.array([-1.0, 2.0, 3.0], mask=[0, 0, 1])
        got = numpify(sp.Piecewise((x, x > 0), (0, True)), [x])(u)
        assert got.tolist() == [0.0, 2.0, None]


class TestDask:
    da = pytest.importorskip("dask.array")

    @pytest.mark.parametrize(
        "expr", [x + 1, sp.sin(x) ** 2, sp.Piecewise((x, x > 1), (0, True)), sp.LambertW(x)], ids=str
    )
    def test_nothing_is_computed_before_it_is_asked_for(self, expr: Any) -> None:
        values = np.array([0.5, 1.5, 2.5])
        lazy = numpify(expr, [x])(self.da.from_array(values, chunks=2))
        assert isinstance(lazy, self.da.Array)
        assert np.allclose(lazy.compute(), numpify(expr, [x])(values))

    @pytest.mark.parametrize("native", [None, False])
    @pytest.mark.parametrize("expr", [sp.pi, a**2, sp.I, sp.S.true, (x, a), [x * a, 3]], ids=str)
    def test_a_result_that_is_known_stays_lazy_beside_one_that_is_not(self, expr: Any, native: bool | None) -> None:
        values = np.array([0.5, np.nan, 2.5])
        lazy, f = self.da.from_array(values, chunks=2), numpify(expr, [x, a], native=native)
        unknown = lazy[lazy == lazy]  # how many there are is not known before they are computed
        bound = f.freeze(a=3.0)
        for got, bare in [
            (f(lazy, 3.0), f(values, 3.0)),
            (bound(lazy), f(values, 3.0)),
            (f(unknown, 3.0), f(values[[0, 2]], 3.0)),
        ]:
            for one, other in zip(*((r if isinstance(r, tuple | list) else (r,)) for r in (got, bare)), strict=True):
                assert isinstance(one, self.da.Array)
                assert one.dtype == other.dtype
                np.testing.assert_array_equal(one.compute(), other)

    @pytest.mark.parametrize("shapes", [((3,), (4, 3)), ((4, 1), (3,)), ((3,), (4, 1)), ((4, 3), (3,)), ((), (3,))])
    def test_the_shape_is_that_of_all_arguments_whichever_a_result_depends_on(self, shapes: Any) -> None:
        bare = [np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape) for shape in shapes]
        lazy = [self.da.from_array(values, chunks=2) for values in bare]
        f = numpify([x + 1, a * 2, x * a, 3, sp.LambertW(x)], [x, a])
        want = f(*bare)
        for given in (lazy, (lazy[0], bare[1]), (bare[0], lazy[1])):
            for got, value in zip(f(*given), want, strict=True):
                assert got.shape == value.shape
                np.testing.assert_array_equal(np.asarray(got), value)
        unknown = lazy[1][lazy[1] > 1] if len(shapes[1]) == 1 else lazy[1]
        if unknown is not lazy[1]:  # how many there are is not known before they are computed
            got = numpify(x + 1, [x, a])(self.da.ones((4, 1)), unknown)
            np.testing.assert_array_equal(got.compute(), np.full((4, 2), 2.0))


def test_a_subclass_of_ndarray_stays_whatever_its_rank() -> None:
    class Labelled(np.ndarray):
        pass

    for shape in ((), (1,), (2, 3)):
        got = numpify(x + a, [x, a])(np.ones(shape).view(Labelled), 1.0)
        assert same(got, np.add(np.ones(shape).view(Labelled), 1.0))
        chosen = numpify(sp.Piecewise((x, x > a), (a, True)), [x, a])(np.ones(shape).view(Labelled), 2.0)
        assert same(chosen, np.full(shape, 2.0).view(Labelled))


def test_a_subclass_of_ndarray_stays_where_a_plain_array_chooses() -> None:
    class Labelled(np.ndarray):
        pass

    chosen = numpify(sp.Piecewise((x, a > 0), (-x, True)), [x, a])(np.ones(2).view(Labelled), np.array([1.0, -1.0]))
    assert same(chosen, np.array([1.0, -1.0]).view(Labelled))


def carrying() -> dict[str, Any]:
    """Arguments that carry more than numbers."""
    found: dict[str, Any] = {
        "masked": np.ma.array([1.0, 2.0], mask=[0, 1]),
        "complex and masked": np.ma.array([1.0 + 1j, 2.0], mask=[0, 1]),
        "of a subclass": np.ones(2).view(np.recarray),
    }
    with contextlib.suppress(ImportError):
        import pandas as pd

        found |= {"a series": pd.Series([1.0, 2.0]), "a frame": pd.DataFrame({"p": [1.0, 2.0]})}
        found |= {"nullable": pd.array([1, None], dtype="Int64"), "of these": pd.Series([1, None], dtype="Float64")}
    with contextlib.suppress(ImportError):
        import xarray as xr

        found["of xarray"] = xr.DataArray([1.0, 2.0], dims="p")
        found["of arrays of xarray"] = xr.Dataset({"q": ("p", [1.0, 2.0])})
    with contextlib.suppress(ImportError):
        import pint

        found["of pint"] = pint.UnitRegistry().Quantity(np.array([1.0, 2.0]), "m")
    with contextlib.suppress(ImportError):
        import astropy.units as units

        found["of astropy"] = np.array([1.0, 2.0]) * units.m
    with contextlib.suppress(ImportError):
        import dask.array

        found["of dask"] = dask.array.from_array(np.array([1.0, 2.0]), chunks=1)
    return found


@pytest.mark.parametrize(("name", "value"), carrying().items(), ids=lambda v: v if isinstance(v, str) else "")
def test_a_result_is_no_argument_nor_there_twice(name: str, value: Any) -> None:
    """The memory of a result is the caller's, whatever he passes."""
    chosen = sp.Piecewise((x, a > 0), (2 * x, True))
    for expr in (x, sp.re(x), chosen, [x, x], [sp.Max(x), 2 * x, 2 * x]):
        results = numpify(expr, [x, a])(value, 1.0)
        results = results if isinstance(results, list) else [results]
        for i, result in enumerate(results):
            assert type(result) is type(value)
            assert all(result is not other for other in (value, *results[:i]))
            for other in (value, *results[:i]):
                if isinstance(result, np.ndarray):
                    assert not np.shares_memory(result, other)


def test_a_subclass_of_ndarray_has_the_shape_of_all_arguments() -> None:
    f = numpify(x, [x, a])
    masked = f(np.ma.array([[1.0], [2.0]], mask=[[0], [1]]), np.ones(2))
    assert masked.tolist() == [[1, 1], [None, None]]
    labelled = np.ones(1).view(np.recarray)
    assert same(f(labelled, np.ones(2)), np.ones(2).view(np.recarray))


def test_a_memory_map_is_an_array(tmp_path: Any) -> None:
    mapped = np.memmap(tmp_path / "numbers", np.float64, "w+", shape=3)
    assert type(numpify(x + 1, [x])(mapped)) is np.ndarray


def test_matrices_with_another_product_are_refused() -> None:
    f = numpify(x * a, [x, a])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        matrix = np.matrix([[1.0, 2.0]])
    with pytest.raises(TypeError, match=r"numpy\.matrix for 'x'.*asarray"):
        f(matrix, 1.0)
    sparse = pytest.importorskip("scipy.sparse")
    for kind in (sparse.csr_matrix, sparse.coo_array):
        with pytest.raises(TypeError, match=r"for 'a'.*toarray"):
            f(1.0, kind(np.eye(2)))


def test_what_needs_bare_numbers_says_which_operation_and_what_to_pass() -> None:
    masked = np.ma.array([1.0, 2.0], mask=[0, 1])
    k = sp.Symbol("k", integer=True)
    for expr in (sp.Matrix([x, 1]), sp.Sum(x**k / sp.factorial(k), (k, 0, 3)), sp.Integral(sp.exp(-x * a), (a, 0, 1))):
        with pytest.raises(TypeError, match=r"MaskedArray.*pass its numbers"):
            numpify(expr, [x])(masked)
    with pytest.raises(TypeError, match=r"out=.*MaskedArray for 'x'"):
        numpify(x + 1, [x])(masked, out=np.empty(2))


def test_what_depends_on_no_argument_that_carries_has_the_shape_of_all() -> None:
    masked = np.ma.array([1.0, 2.0], mask=[0, 1])
    assert numpify(sp.Integer(5), [x])(masked).tolist() == [5, 5]


@pytest.mark.parametrize("holder", [list, tuple])
def test_a_list_of_what_carries_is_refused(holder: type) -> None:
    pd, ureg = pytest.importorskip("pandas"), pytest.importorskip("pint").UnitRegistry()
    f = numpify(2 * x, [x])
    for value in (np.ma.masked_array([1.0, 2.0], [False, True]), pd.Series([1.0, 2.0]), ureg.Quantity(1.0, "m")):
        with pytest.raises(
            TypeError, match=rf"(?s)cannot take .* for 'x': it is a {holder.__name__} of {type(value).__name__}.*pass"
        ):
            f(holder([value, value]))
        with pytest.raises(TypeError, match=type(value).__name__):
            f(holder([[value], [value]]))
    assert f(holder([np.float64(1), 2])).tolist() == [2, 4]


def test_the_real_part_of_what_is_real_keeps_what_it_carries() -> None:
    pd, ureg = pytest.importorskip("pandas"), pytest.importorskip("pint").UnitRegistry()
    f = numpify(sp.re(x) + a, [x, a])
    assert f(ureg.Quantity(2.0, "km"), ureg.Quantity(500.0, "m")).m_as("km") == pytest.approx(2.5)
    assert f(pd.Series([1.0], index=["u"]), 2.0).to_dict() == {"u": 3.0}


def test_what_is_missing_is_not_chosen_for() -> None:
    pd = pytest.importorskip("pandas")
    for dtype in ("Int64", "Float64"):
        got = numpify(sp.Piecewise((x, x > a), (a, True)), [x, a])(pd.Series([1, 3, None], dtype=dtype), 2)
        assert got.iloc[:2].tolist() == [2, 3]
        assert got.isna().tolist() == [False, False, True]


@pytest.mark.parametrize("expr", [sp.floor(x), sp.ceiling(x), sp.erf(x), sp.gamma(x), sp.LambertW(x)], ids=str)
def test_functions_of_quantities_without_a_dimension_are_those_of_their_pure_numbers(expr: Any) -> None:
    f = numpify(expr, [x])
    Q, u = pytest.importorskip("pint").UnitRegistry().Quantity, pytest.importorskip("astropy.units")
    for number in (1.5, np.array([0.5, 2.25])):
        for got in (
            f(Q(number, "")),
            f(Q(number, "m") / Q(1000, "mm")),
            f(number * u.one),
            f(number * u.km / u.m / 1000),
        ):
            value = got.m_as("") if hasattr(got, "m_as") else got.to_value(u.one)
            np.testing.assert_allclose(value, f(number))
            assert np.shape(value) == np.shape(number)
        for length in (Q(number, "m"), number * u.m):
            with pytest.raises((TypeError, ValueError), match=r"'m|meter"):
                f(length)
    masked = f(Q(np.ma.array([1.5, 2.5], mask=[0, 1]), "")).magnitude
    assert masked.mask.tolist() == [False, True]
    assert masked[0] == pytest.approx(f(1.5))
    assert numpify(sp.Contains(x, sp.Integers), [x])(Q(1.5, "km") / Q(1, "m"))


@pytest.mark.parametrize("expr", [2 * x, sp.gamma(x), sp.floor(x / 3), x > 1], ids=str)
def test_none_is_no_number_whatever_the_function(expr: Any) -> None:
    f = numpify(expr, [x])
    for value in (None, [None, 1.0], np.array([None, 1.0])):
        with pytest.raises(TypeError, match=r"for 'x'.*pass a number or an array of numbers"):
            f(value)


def test_complex_numbers_of_mpmath_are_numbers() -> None:
    mpmath = pytest.importorskip("mpmath")
    f = numpify(2 * x, [x])
    assert f(mpmath.mpc(1, 2)) == 2 + 4j
    assert f([mpmath.mpc(1, 2), mpmath.mpf(3)]).tolist() == [2 + 4j, 6]


def test_a_bare_time_is_refused_with_a_way_out() -> None:
    with pytest.raises(TypeError, match=r"timedelta64.*numpy\.timedelta64\(1, 's'\)"):
        numpify(2 * x, [x])(np.timedelta64(1, "s"))
