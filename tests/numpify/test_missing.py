"""`<NA>` of pandas stays where it is, whatever the function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify


x, a = sp.symbols("x a")

NOT_UFUNCS = [
    sp.floor(x), sp.ceiling(x), sp.floor(x / 2), sp.floor(sp.sqrt(x)), sp.erf(x), sp.gamma(x), sp.acot(x), sp.arg(x),
    sp.LambertW(x), sp.besselj(1, x), sp.factorial(x), sp.Contains(x, sp.Integers), sp.KroneckerDelta(x, 3), -x, x**2,
    sp.sign(x), sp.sin(x), sp.Piecewise((x, x > 1), (sp.Rational(1, 2), True)), sp.Piecewise((2, x > 1), (0.5, True)),
]  # fmt: skip


class TestMissing:
    """`<NA>` of pandas, and the dtypes that have it."""

    pd = pytest.importorskip("pandas")

    @pytest.mark.parametrize("dtype", ["Int64", "Int32", "Float64", "Float32", "boolean"])
    @pytest.mark.parametrize("expr", NOT_UFUNCS, ids=str)
    def test_what_is_missing_stays_missing(self, expr: Any, dtype: str) -> None:
        numbers = [True, None, False] if dtype == "boolean" else [1, None, 3]
        f = numpify(expr, [x])
        bare = f(np.array([v for v in numbers if v is not None], dtype.lower().replace("boolean", "bool")))
        array = self.pd.array(numbers, dtype=dtype)
        series = self.pd.Series(array, index=list("abc"), name="s")
        for got in (f(array), f(series)):
            assert self.pd.isna(got).tolist() == [False, True, False]
            assert hasattr(got.dtype, "na_value")
            assert got.dtype.kind == bare.dtype.kind
            known = got[~self.pd.isna(got)].to_numpy(bare.dtype)
            np.testing.assert_allclose(known, bare, rtol=1e-6)
        assert isinstance(f(array), self.pd.api.extensions.ExtensionArray)
        assert f(series).index.tolist() == list("abc")

    def test_integers_stay_exact(self) -> None:
        number = 10**17 + 7
        array = self.pd.array([number, None], dtype="Int64")
        assert numpify(sp.floor(x), [x])(array)[0] == number
        assert numpify(sp.floor(x / 10), [x])(array)[0] == number // 10

    def test_labels_are_aligned_and_what_has_no_partner_is_missing(self) -> None:
        u = self.pd.Series([1.0, 2.0], index=["a", "b"], dtype="Float64")
        v = self.pd.Series([1, None], index=["b", "c"], dtype="Int64")
        got = numpify(sp.besselj(a, x), [x, a])(u, v)
        assert got.isna().to_dict() == {"a": True, "b": False, "c": True}
        assert got["b"] == pytest.approx(numpify(sp.besselj(1, x), [x])(2.0))

    def test_columns_of_a_table(self) -> None:
        table = self.pd.DataFrame({"p": self.pd.array([1.5, None], dtype="Float64"), "q": [1.5, np.nan]})
        got = numpify(sp.floor(x), [x])(table)
        assert got.dtypes.map(str).to_dict() == {"p": "Float64", "q": "float64"}
        assert got["p"][0] == got["q"][0] == 1.0
        assert got.isna().iloc[1].all()

    def test_what_cant_be_missing_is_refused(self) -> None:
        array = self.pd.array([1.0, None], dtype="Float64")
        f = numpify(sp.I * x, [x])
        for value in (array, self.pd.Series(array), self.pd.DataFrame({"p": array})):
            with pytest.raises(TypeError, match=r"complex.*<NA>.*fillna"):
                f(value)
        assert f(self.pd.Series([1.0], dtype="Float64")).tolist() == [1j]
        # Beside labels, an array of pandas' own is paired by position, and nothing tells which numbers were missing.
        with pytest.raises(TypeError, match=r"floor of FloatingArray.*missing.*Series"):
            numpify(sp.floor(x) + a, [x, a])(array, self.pd.Series([1, 2]))
