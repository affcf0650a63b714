"""Makes the table of functions in docs/functions.md: a row for every class that has a rule, each one compiled and run.

`python docs/coverage_table.py` prints the table, `python docs/coverage_table.py --write` puts it into the page;
`tests/numpify/test_coverage_table.py` checks that the page has it. A class without an example below is an error.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.codegen import cfunctions, numpy_nodes, scipy_nodes
from sympy.codegen.matrix_nodes import MatrixSolve
from sympy.core.numbers import AlgebraicNumber
from sympy.functions.combinatorial import numbers as sequences
from sympy.functions.elementary.integers import frac
from sympy.functions.elementary.miscellaneous import Rem
from sympy.functions.special import (
    bessel,
    gamma_functions,
    hyper,
    mathieu_functions as mathieu,
    polynomials,
    spherical_harmonics,
)
from sympy.logic.boolalg import Xnor
from sympy.matrices.expressions import companion, diagonal, factorizations, fourier, permutation
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.tensor.array import expressions as array_nodes
from sympy.tensor.array.array_comprehension import ArrayComprehension, ArrayComprehensionMap

from numpify_ctx import CompileError, numpify
from numpify_ctx._lowering.rules import _FILES, RULES
from numpify_ctx._program.ir import BOUND, CONST, PARAM, Numpy, Operator
from numpify_ctx._runtime.special.pointwise import Fast, Pointwise
from numpify_ctx._runtime.special.whole import Whole


PAGE = Path(__file__).parent / "functions.md"
BEGIN, END = "<!-- coverage: python docs/coverage_table.py --write -->", "<!-- end of coverage -->"

x, y, z, t = sp.symbols("x y z t")
n, k, m, i, j = sp.symbols("n k m i j", integer=True)
A, B = sp.MatrixSymbol("A", 2, 2), sp.MatrixSymbol("B", 2, 2)
v, w = sp.MatrixSymbol("v", 2, 1), sp.MatrixSymbol("w", 2, 1)
u = sp.IndexedBase("u", shape=(3,))
C, D = array_nodes.ArraySymbol("C", (2, 2)), array_nodes.ArraySymbol("D", (2, 2))

VALUES: dict[Any, Any] = {
    x: 0.7, y: 1.6, z: 0.35, n: 4, k: 2, m: 1,
    A: np.array([[2.0, 0.5], [0.25, 1.5]]), B: np.array([[1.0, -0.5], [0.75, 2.0]]),
    v: np.array([[0.5], [2.0]]), w: np.array([[1.5], [-1.0]]),
    u: np.array([1.5, -0.5, 2.0]), C: np.array([[2.0, 0.5], [0.25, 1.5]]), D: np.array([[1.0, -0.5], [0.75, 2.0]]),
}  # fmt: skip

E = {"evaluate": False}

# What a row shows: an expression, a note on the domain, and, where SymPy has no value for it, one that means
# the same, or a number.
NAN = "real: nan where it is not real"
POLE = "inf or nan at poles"
Row = tuple[Any, ...]


def _marcumq(a: float, b: float) -> float:
    """Q_1 by its integral."""
    return float(mpmath.quad(lambda t: t * mpmath.exp(-(t**2 + a**2) / 2) * mpmath.besseli(0, a * t), [b, 5, 20]))


def _appellf1(a: float, b: float, c: float, d: float, x: float, y: float) -> float:
    """F1 by its integral (DLMF 16.15.1), with t = s**2 to smooth the end at 0."""
    inner = mpmath.quad(
        lambda s: 2 * s ** (2 * a - 1) * (1 - s * s) ** (d - a - 1) * (1 - x * s * s) ** -b * (1 - y * s * s) ** -c,
        [0, 0.5, 1],
    )
    return float(inner * mpmath.gamma(d) / mpmath.gamma(a) / mpmath.gamma(d - a))


_a, _b = VALUES[A], VALUES[B]
_turn = np.sign(np.diag(np.linalg.qr(_a)[1]))  # SymPy's R has a positive diagonal

EXAMPLES: dict[str, Row] = {
    # arithmetic
    "Add": (x + y, "exact for integers"),
    "Mul": (x * y, "exact for integers"),
    "Pow": (x**y, "exact for integers; nan for a root of a negative number"),
    "UnevaluatedExpr": (sp.UnevaluatedExpr(x) + 1, ""),
    "ComplexRootOf": (x * sp.CRootOf(t**5 - t - 1, 0), "a constant"),
    "AlgebraicNumber": (x * AlgebraicNumber(sp.sqrt(2)), "a constant"),
    "Pi": (x * sp.pi, "a constant"),
    "Exp1": (x + sp.E, "a constant"),
    "EulerGamma": (x * sp.EulerGamma, "a constant"),
    "GoldenRatio": (x * sp.GoldenRatio, "a constant"),
    "TribonacciConstant": (x * sp.TribonacciConstant, "a constant"),
    "Catalan": (x * sp.Catalan, "a constant"),
    "ImaginaryUnit": (x + sp.I, "a constant; the result is complex"),
    "ComplexInfinity": (sp.Piecewise((sp.zoo, x > 1), (x, True)), "a constant: complex(inf, nan)"),
    # elementary
    "sinc": (sp.sinc(x), "1 at 0"),
    "asin": (sp.asin(x), NAN),
    "acos": (sp.acos(x), NAN),
    "asec": (sp.asec(y), NAN),
    "acsc": (sp.acsc(y), NAN),
    "acosh": (sp.acosh(y), NAN),
    "atanh": (sp.atanh(x), NAN),
    "asech": (sp.asech(x), NAN),
    "acoth": (sp.acoth(y), NAN),
    "log": (sp.log(x), NAN),
    "acot": (sp.acot(x), "in (-pi/2, pi/2]"),
    "atan2": (sp.atan2(x, y), ""),
    "floor": (sp.floor(y), "of a complex number, of both parts"),
    "ceiling": (sp.ceiling(y), "of a complex number, of both parts"),
    "frac": (frac(y), ""),
    "Mod": (sp.Mod(y, x), "the sign of the divisor"),
    "Min": (sp.Min(x, y), ""),
    "Max": (sp.Max(x, y), ""),
    "adjoint": (sp.adjoint(x, **E), "the conjugate, of a number"),
    "transpose": (sp.transpose(x, **E), "the number itself", x),
    "Heaviside": (sp.Heaviside(x), "1/2 at 0, or the second argument"),
    "DiracDelta": (sp.DiracDelta(x), "0, inf at 0"),
    "SingularityFunction": (sp.SingularityFunction(y, 1, 2), ""),
    "LeviCivita": (sp.LeviCivita(n, k, m), "of integers", sp.Integer(-3)),
    # logic
    "isnan": (cfunctions.isnan(x), "", sp.false),
    "isinf": (cfunctions.isinf(x), "", sp.false) if hasattr(cfunctions, "isinf") else (x, ""),
    "minimum": (numpy_nodes.minimum(x, y), "", sp.Min(x, y)) if hasattr(numpy_nodes, "minimum") else (x, ""),
    "maximum": (numpy_nodes.maximum(x, y), "", sp.Max(x, y)) if hasattr(numpy_nodes, "maximum") else (x, ""),
    "StrictLessThan": (x < y, ""),
    "LessThan": (x <= y, ""),
    "StrictGreaterThan": (x > y, ""),
    "GreaterThan": (x >= y, ""),
    "Equality": (sp.Eq(x, y), ""),
    "Unequality": (sp.Ne(x, y), ""),
    "And": (sp.And(x < 1, y > 1), ""),
    "Or": (sp.Or(x < 1, y > 1), ""),
    "Not": (sp.Not(sp.And(x < 1, y > 1), **E), ""),
    "Xor": (sp.Xor(x < 1, y > 1), ""),
    "Nand": (sp.Nand(x < 1, y > 1, **E), ""),
    "Nor": (sp.Nor(x < 1, y > 1, **E), ""),
    "Xnor": (Xnor(x < 1, y > 1, **E), ""),
    "Implies": (sp.Implies(x < 1, y > 1, **E), ""),
    "Equivalent": (sp.Equivalent(x < 1, y > 1), ""),
    "ITE": (sp.ITE(x < 1, y > 1, y > 2), ""),
    "Piecewise": (sp.Piecewise((sp.sqrt(x), x > 0), (0, True)), "an arm is evaluated only where it is selected"),
    "KroneckerDelta": (sp.KroneckerDelta(n, k), ""),
    "Contains": (sp.Contains(x, sp.Interval(0, y), **E), ""),
    # combinatorial
    "factorial": (sp.factorial(n), f"x Gamma(x) for other numbers; {POLE}"),
    "factorial2": (sp.factorial2(n), "integers but negative even ones"),
    "subfactorial": (sp.subfactorial(n), "integers from 0; complex numbers by Gamma(z + 1, -1)/e"),
    "RisingFactorial": (sp.RisingFactorial(x, k), f"all numbers; {POLE}"),
    "FallingFactorial": (sp.FallingFactorial(x, k), f"all numbers; {POLE}"),
    "binomial": (sp.binomial(n, k), "all numbers; 0 for k < 0"),
    "fibonacci": (sp.fibonacci(n), "all numbers; polynomials of orders from 1"),
    "lucas": (sp.lucas(n), "integers and complex numbers"),
    "tribonacci": (sp.tribonacci(n), "integers from 0; polynomials"),
    "bell": (sp.bell(n), "integers from 0; polynomials, and the incomplete ones"),
    "catalan": (sp.catalan(n), "all numbers"),
    "motzkin": (
        sequences.motzkin(n, **E),
        "integers from 1 to 2000, counted as SymPy counts them",
        sequences.motzkin(4),
    ),
    "partition": (sp.partition(n), "integers to 10**6"),
    "bernoulli": (sp.bernoulli(n), "all numbers; B(1) = 1/2"),
    "euler": (sp.euler(n), "all numbers"),
    "genocchi": (sp.genocchi(n), "all numbers"),
    "andre": (sequences.andre(n), "all numbers"),
    "harmonic": (sp.harmonic(n), f"all numbers; {POLE}"),
    "totient": (sequences.totient(n), "integers from 1"),
    "reduced_totient": (sequences.reduced_totient(n), "integers from 1"),
    "divisor_sigma": (sequences.divisor_sigma(n, k), "integers from 1"),
    "udivisor_sigma": (sequences.udivisor_sigma(n, k), "integers from 1"),
    "mobius": (sequences.mobius(n), "integers from 1"),
    "primenu": (sequences.primenu(n), "integers from 1"),
    "primeomega": (sequences.primeomega(n), "integers from 1"),
    "primepi": (sequences.primepi(n), "real numbers to 10**10"),
    "legendre_symbol": (sequences.legendre_symbol(n, 7), "integers modulo an odd prime"),
    "jacobi_symbol": (sequences.jacobi_symbol(n, 15), "integers modulo an odd one"),
    "kronecker_symbol": (sequences.kronecker_symbol(n, k), "integers"),
    "Rem": (Rem(y, x), "the sign of the dividend", y - x * sp.floor(y / x)),
    # special
    "erf2": (sp.erf2(x, y), "", sp.erf(y) - sp.erf(x)),
    "erfinv": (sp.erfinv(x), "real, in [-1, 1]"),
    "erfcinv": (sp.erfcinv(x), "real, in [0, 2]", sp.erfinv(1 - x)),
    "erf2inv": (sp.erf2inv(x, z / 2), "real", sp.erfinv(sp.erf(x) + z / 2)),
    "gamma": (sp.gamma(x), POLE),
    "loggamma": (sp.loggamma(x), f"{NAN}: left of 0"),
    "digamma": (gamma_functions.digamma(x, **E), POLE, sp.polygamma(0, x)),
    "trigamma": (gamma_functions.trigamma(x, **E), POLE, sp.polygamma(1, x)),
    "polygamma": (sp.polygamma(2, x), f"all orders; {POLE}"),
    "multigamma": (gamma_functions.multigamma(y, 2, **E), "orders that are integers", gamma_functions.multigamma(y, 2)),
    "lowergamma": (sp.lowergamma(x, y), f"{NAN}; {POLE}"),
    "uppergamma": (sp.uppergamma(x, y), NAN),
    "beta": (sp.beta(x, y), POLE),
    "betainc": (sp.betainc(x, y, 0, z), NAN),
    "betainc_regularized": (sp.betainc_regularized(x, y, 0, z), NAN),
    "Ei": (sp.Ei(x), ""),
    "expint": (sp.expint(x, y), f"all orders; {NAN}"),
    "li": (sp.li(x), NAN),
    "Li": (sp.Li(x), NAN),
    "Ci": (sp.Ci(x), NAN),
    "Chi": (sp.Chi(x), NAN),
    "besselj": (sp.besselj(2, x), f"all orders; {NAN}"),
    "bessely": (sp.bessely(2, x), f"all orders; {NAN}"),
    "besseli": (sp.besseli(2, x), f"all orders; {NAN}"),
    "besselk": (sp.besselk(2, x), f"all orders; {NAN}"),
    "hankel1": (bessel.hankel1(2, x), "complex always", sp.besselj(2, x) + sp.I * sp.bessely(2, x)),
    "hankel2": (bessel.hankel2(2, x), "complex always", sp.besselj(2, x) - sp.I * sp.bessely(2, x)),
    "jn": (bessel.jn(n, x), "no cut for integer orders", sp.expand_func(bessel.jn(4, x))),
    "yn": (bessel.yn(n, x), "no cut for integer orders", sp.expand_func(bessel.yn(4, x))),
    "hn1": (bessel.hn1(n, x), "complex always", sp.expand_func(bessel.jn(4, x) + sp.I * bessel.yn(4, x))),
    "hn2": (bessel.hn2(n, x), "complex always", sp.expand_func(bessel.jn(4, x) - sp.I * bessel.yn(4, x))),
    "marcumq": (bessel.marcumq(1, x, y), "arguments to 1000", _marcumq(0.7, 1.6)),
    "elliptic_k": (sp.elliptic_k(x), "the parameter m, not the modulus; nan for m > 1"),
    "elliptic_f": (sp.elliptic_f(y, x), "F(z, m); nan beyond a singularity"),
    "elliptic_e": (sp.elliptic_e(y, x), "E(m) and E(z, m); nan beyond a singularity"),
    "elliptic_pi": (sp.elliptic_pi(z, y, x), "Pi(n, m) and Pi(n, z, m); nan beyond a singularity"),
    "zeta": (sp.zeta(y), "zeta(s) and zeta(s, a); inf at 1"),
    "dirichlet_eta": (sp.dirichlet_eta(x), "eta(s) and eta(s, a)"),
    "polylog": (sp.polylog(3, x), f"{NAN}: right of 1"),
    "lerchphi": (sp.lerchphi(x, y, z), "arguments to 1000"),
    "stieltjes": (sp.stieltjes(k), "indices that are integers", sp.stieltjes(2)),
    "riemann_xi": (sp.riemann_xi(x), "1/2 at 0 and 1", sp.riemann_xi(x).rewrite(sp.zeta)),
    "LambertW": (sp.LambertW(x), "branches 0 and -1 real where they can be, others complex"),
    "hyper": (sp.hyper([x, 1], [y], z), f"any number of parameters; {NAN}"),
    "meijerg": (sp.meijerg([[], []], [[x], []], z), f"any number of parameters; {NAN}"),
    "appellf1": (hyper.appellf1(x, 1, 2, y, z, z / 2), NAN, _appellf1(0.7, 1, 2, 1.6, 0.35, 0.175)),
    "cosm1": (scipy_nodes.cosm1(x), "", sp.cos(x) - 1),
    "powm1": (scipy_nodes.powm1(x, y), "", x**y - 1),
    # polynomials
    "legendre": (sp.legendre(n, x), "all orders", sp.legendre(4, x)),
    "assoc_legendre": (sp.assoc_legendre(n, k, x), "Condon and Shortley's phase", sp.assoc_legendre(4, 2, x)),
    "chebyshevt": (sp.chebyshevt(n, x), "all orders", sp.chebyshevt(4, x)),
    "chebyshevu": (sp.chebyshevu(n, x), "all orders", sp.chebyshevu(4, x)),
    "chebyshevt_root": (
        polynomials.chebyshevt_root(n, k, **E),
        "nan unless 0 <= k < n",
        polynomials.chebyshevt_root(4, 2),
    ),
    "chebyshevu_root": (
        polynomials.chebyshevu_root(n, k, **E),
        "nan unless 0 <= k < n",
        polynomials.chebyshevu_root(4, 2),
    ),
    "hermite": (sp.hermite(n, x), "all orders", sp.hermite(4, x)),
    "hermite_prob": (polynomials.hermite_prob(n, x), "all orders", polynomials.hermite_prob(4, x)),
    "laguerre": (sp.laguerre(n, x), "all orders", sp.laguerre(4, x)),
    "assoc_laguerre": (sp.assoc_laguerre(n, y, x), "all orders", sp.assoc_laguerre(4, y, x)),
    "gegenbauer": (sp.gegenbauer(n, y, x), "all orders", sp.gegenbauer(4, y, x)),
    "jacobi": (sp.jacobi(n, y, z, x), "all orders", sp.jacobi(4, y, z, x)),
    "Ynm": (spherical_harmonics.Ynm(n, k, x, y), "complex always"),
    "Znm": (
        spherical_harmonics.Znm(n, k, x, y),
        "real",
        sp.sqrt(2) * sp.re(sp.expand_func(spherical_harmonics.Ynm(4, 2, x, y))),
    ),
    # containers
    "MutableDenseMatrix": (sp.Matrix([[x, 1], [0, y]]), ""),
    "ImmutableDenseMatrix": (sp.ImmutableMatrix([[x, 1], [0, y]]), ""),
    "MutableSparseMatrix": (sp.SparseMatrix([[x, 0], [0, y]]), "dense in NumPy"),
    "ImmutableSparseMatrix": (sp.ImmutableSparseMatrix([[x, 0], [0, y]]), "dense in NumPy"),
    "MutableDenseNDimArray": (sp.MutableDenseNDimArray([x, y]), ""),
    "ImmutableDenseNDimArray": (sp.ImmutableDenseNDimArray([x, y]), ""),
    "MutableSparseNDimArray": (sp.MutableSparseNDimArray([x, y]), "dense in NumPy"),
    "ImmutableSparseNDimArray": (sp.ImmutableSparseNDimArray([x, y]), "dense in NumPy"),
    # code generation
    "Sqrt": (cfunctions.Sqrt(x), NAN, sp.sqrt(x)),
    "Cbrt": (cfunctions.Cbrt(x), "", sp.cbrt(x)),
    "hypot": (cfunctions.hypot(x, y), ""),
    "fma": (cfunctions.fma(x, y, z), "", x * y + z),
    "logaddexp": (numpy_nodes.logaddexp(x, y), ""),
    "logaddexp2": (numpy_nodes.logaddexp2(x, y), ""),
    "log1p": (cfunctions.log1p(x), NAN),
    "log2": (cfunctions.log2(x), NAN),
    "log10": (cfunctions.log10(x), NAN),
    # calculus
    "Sum": (sp.Sum(x**i / (i + 1), (i, 0, n)), "bounds that are arrays or infinite too"),
    "Product": (sp.Product(x + i, (i, 0, n)), "bounds that are arrays too"),
    "Integral": (sp.Integral(sp.exp(-(t**2)), (t, x, y)), "definite, by quadrature"),
    "Derivative": (sp.Derivative(sp.sin(x) * x, x), "of known functions: done symbolically"),
    "Subs": (sp.Subs(sp.Derivative(sp.sin(t) * t, t), t, x), ""),
    "Poly": (sp.Poly(x**2 + y * x, x), "its expression"),
    "RootSum": (
        sp.RootSum(t**3 + t + 1, sp.Lambda(t, sp.exp(t * x))),
        "complex; the coefficients are numbers",
        sp.Add(*(sp.exp(root * x) for root in sp.Poly(t**3 + t + 1, t).nroots(n=30))),
    ),
    "Limit": (sp.Limit(sp.sin(x * t) / t, t, 0), "where SymPy finds it"),
    # matrices
    "MatAdd": (A + B, ""),
    "MatMul": (A * B, ""),
    "MatPow": (A**3, "integer powers"),
    "Inverse": (A.I, ""),
    "MatrixSolve": (MatrixSolve(A, vector=v), "", A.I * v),
    "Transpose": (A.T, ""),
    "Adjoint": (sp.Adjoint(A), ""),
    "Trace": (sp.Trace(A), ""),
    "Determinant": (sp.Determinant(A), ""),
    "Permanent": (sp.Permanent(A), ""),
    "HadamardProduct": (sp.HadamardProduct(A, B), ""),
    "HadamardPower": (sp.HadamardPower(A, 2), ""),
    "KroneckerProduct": (sp.KroneckerProduct(A, B), ""),
    "BlockMatrix": (sp.BlockMatrix([[A, B], [B, A]]), ""),
    "BlockDiagMatrix": (sp.BlockDiagMatrix(A, B), ""),
    "DiagMatrix": (diagonal.DiagMatrix(v), ""),
    "DiagonalMatrix": (diagonal.DiagonalMatrix(A), "", sp.Matrix([[A[0, 0], 0], [0, A[1, 1]]])),
    "DiagonalOf": (diagonal.DiagonalOf(A), "", np.diag(_a)[:, None]),
    "CompanionMatrix": (companion.CompanionMatrix(sp.Poly([1, x, y], t)), "", sp.Matrix([[0, -y], [1, -x]])),
    "Identity": (A + sp.Identity(2), ""),
    "ZeroMatrix": (sp.BlockMatrix([[A, sp.ZeroMatrix(2, 2)]]), ""),
    "OneMatrix": (A + sp.OneMatrix(2, 2), ""),
    "PermutationMatrix": (A * permutation.PermutationMatrix(sp.combinatorics.Permutation([1, 0])), ""),
    "MatrixPermute": (permutation.MatrixPermute(A, sp.combinatorics.Permutation([1, 0])), ""),
    "MatrixElement": (A[0, 1] * x, ""),
    "MatrixSlice": (A[0:1, 0:2], ""),
    "DotProduct": (sp.DotProduct(v, w), ""),
    "DFT": (fourier.DFT(2) * A, ""),
    "IDFT": (fourier.IDFT(2) * A, ""),
    "LofCholesky": (factorizations.LofCholesky(A * A.T), "", np.linalg.cholesky(_a @ _a.T)),
    "UofCholesky": (factorizations.UofCholesky(A * A.T), "", np.linalg.cholesky(_a @ _a.T).T),
    "QofQR": (factorizations.QofQR(A), "", np.linalg.qr(_a)[0] * _turn),
    "RofQR": (factorizations.RofQR(A), "", _turn[:, None] * np.linalg.qr(_a)[1]),
    "ElementwiseApplyFunction": (ElementwiseApplyFunction(sp.exp, A), ""),
    "FunctionMatrix": (A + sp.FunctionMatrix(2, 2, sp.Lambda((i, j), i + 2 * j)), ""),
    # arrays
    "Indexed": (u[1] * x, ""),
    "Idx": (sp.Sum(u[sp.Idx("i", 3)], (sp.Idx("i", 3), 0, 2)), "", u[0] + u[1] + u[2]),
    "ArrayElement": (C[0, 1] * x, "", _a[0, 1] * VALUES[x]),
    "ArrayTensorProduct": (array_nodes.ArrayTensorProduct(C, D), "", np.multiply.outer(_a, _b)),
    "ArrayContraction": (
        array_nodes.ArrayContraction(array_nodes.ArrayTensorProduct(C, D), (1, 2)),
        "",
        _a @ _b,
    ),
    "ArrayDiagonal": (array_nodes.ArrayDiagonal(C, (0, 1)), "", np.diagonal(_a)),
    "ArrayAdd": (array_nodes.ArrayAdd(C, D), "", _a + _b),
    "PermuteDims": (array_nodes.PermuteDims(C, [1, 0]), "", _a.T),
    "Reshape": (array_nodes.Reshape(C, (4,)), "", _a.ravel()),
    "ArrayElementwiseApplyFunc": (array_nodes.ArrayElementwiseApplyFunc(sp.exp, C), "", np.exp(_a)),
    "ZeroArray": (array_nodes.ArrayTensorProduct(C, array_nodes.ZeroArray(2), **E), "", np.zeros((2, 2, 2))),
    "OneArray": (array_nodes.ArrayTensorProduct(C, array_nodes.OneArray(2)), "", np.multiply.outer(_a, [1.0, 1.0])),
    "ArrayComprehension": (ArrayComprehension(x * i, (i, 1, 3)), ""),
    "ArrayComprehensionMap": (ArrayComprehensionMap(lambda i: 2 * i, (i, 1, 3)), ""),
}


NO_VALUE = {mathieu.mathieus, mathieu.mathieuc, mathieu.mathieusprime, mathieu.mathieucprime}
FAMILIES = {
    "arithmetic": "Arithmetic and constants", "elementary": "Elementary functions", "logic": "Relations, logic, cases",
    "combinatorial": "Combinatorics and number theory", "special": "Special functions",
    "polynomials": "Orthogonal polynomials", "containers": "Explicit matrices and arrays",
    "codegen": "Functions of code generation", "calculus": "Sums, integrals, derivatives",
    "matrices": "Matrix expressions", "arrays": "Indexed and array expressions",
}  # fmt: skip
CLOSE = 1e-12


def example(cls: type) -> tuple[Any, str, Any]:
    """The expression of a row, its note, and what it means; a function of one number needs no entry above."""
    found = EXAMPLES.get(cls.__name__)
    if found is None and issubclass(cls, sp.Function | sp.logic.boolalg.BooleanFunction):
        found = (cls(x), "")
    assert found is not None, f"{cls.__name__} has a rule but no example in docs/coverage_table.py"
    expr, note, *meaning = found
    nodes = sp.flatten(expr.tolist()) if isinstance(expr, sp.MatrixBase | sp.NDimArray) else [expr]
    held = any(type(node) is cls for node in [expr, *(n for e in nodes for n in sp.preorder_traversal(e))])
    assert held, f"the example {expr} of {cls.__name__} has none in it"
    return expr, note, meaning[0] if meaning else expr


def arguments(expr: Any) -> list[Any]:
    """What of `VALUES` the expression depends on, in the order of `VALUES`."""
    free = set(expr.free_symbols)
    bases = expr.atoms(sp.Symbol, sp.IndexedBase, array_nodes.ArraySymbol) if isinstance(expr, sp.Basic) else set()
    return [
        key
        for key in VALUES
        if key in free | bases or (isinstance(key, sp.MatrixSymbol) and isinstance(expr, sp.Basic) and expr.has(key))
    ]


def worth(meaning: Any) -> Any:
    """The value by SymPy, at 30 digits, as a NumPy array or number."""
    if isinstance(meaning, np.ndarray | float):
        return meaning
    exact = {
        key: sp.ImmutableMatrix(value.tolist()) if isinstance(key, sp.MatrixSymbol) else sp.Float(value, 40)
        if isinstance(value, float) else value
        for key, value in VALUES.items()
        if not isinstance(key, sp.IndexedBase | array_nodes.ArraySymbol)
    }  # fmt: skip
    exact |= {u[index]: sp.Float(entry, 40) for index, entry in enumerate(VALUES[u].tolist())}
    if isinstance(meaning, sp.MutableDenseNDimArray | sp.MutableSparseNDimArray):
        meaning = meaning.as_immutable()
    result = meaning.subs(exact)
    result = result.doit() if hasattr(result, "doit") else result
    if hasattr(result, "as_explicit") and not isinstance(result, sp.MatrixBase):
        result = result.as_explicit()
    if isinstance(result, sp.MatrixBase | sp.NDimArray):
        return np.array([number(entry) for entry in np.array(result.tolist(), object).ravel()]).reshape(result.shape)
    return number(result)


def number(value: Any) -> Any:
    """A SymPy number as a Python number."""
    value = sp.sympify(value)
    if value in (sp.true, sp.false):
        return bool(value)
    value = value.evalf(30)
    if value in (sp.true, sp.false):
        return bool(value)
    return float(value) if value.is_real else complex(value)


def source_of(function: Any) -> str:
    """Where the values of an operation's function come from."""
    if isinstance(function, Whole):
        beyond = [] if function.continued is None else [source_of(function.continued)]
        return ", ".join(["own, exact", *beyond])
    if isinstance(function, Pointwise):
        forms = [form for form in (function.real, function.complex) if isinstance(form, Fast)]
        fast = ["SciPy" if any(form.scipy for form in forms) else "own recurrence"] if forms else []
        return ", ".join([*fast, "mpmath"])
    if isinstance(function, Numpy | Operator):
        return "NumPy"
    module = getattr(function, "__module__", "")
    return "own" if module.startswith("numpify_ctx") else "NumPy"


def sources(compiled: Any) -> str:
    """Where the values of a program come from, the least common source last."""
    ops = [op for op in compiled.program.ops if op not in (CONST, PARAM, BOUND)]
    found = dict.fromkeys(part for op in ops for part in source_of(op.numpy).split(", "))
    if len(found) > 1:
        found.pop("NumPy", None)  # the arithmetic around it
    return ", ".join(found) or "none needed"


def row(cls: type) -> tuple[str, ...]:
    """One class: its example compiled, called, and compared with SymPy."""
    if cls in NO_VALUE:
        expr = cls(x, y, z)
        try:
            numpify(expr)
        except CompileError:
            return f"`{cls.__name__}`", "", f"`{expr}`", "`CompileError`", "SymPy gives it no norm"
        raise AssertionError(f"{expr} compiles")
    expr, note, meaning = example(cls)
    given = arguments(expr)
    function = numpify(expr, given)
    got = function(*(VALUES[key] for key in given))
    want = worth(meaning)
    assert np.shape(got) == np.shape(want), (expr, got, want)
    np.testing.assert_allclose(got, want, rtol=CLOSE, atol=1e-15, err_msg=str(expr))
    return f"`{cls.__name__}`", sources(function._compiled), f"`{describe(expr)}`", f"`{value_of(got)}`", note


def describe(expr: Any) -> str:
    """The text of an expression, for a cell of the table."""
    text = " ".join(str(expr).split()).replace("|", "\\|")
    return text if len(text) <= 60 else text[:57] + "..."


def value_of(value: Any) -> str:
    """A value to 8 digits, of an array its shape."""
    if np.shape(value):
        return "array of shape " + " x ".join(map(str, np.shape(value)))
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(value)
    if isinstance(value, complex):
        return f"{value.real:.8g}{value.imag:+.8g}j"
    return f"{value:.8g}"


def table() -> str:
    """A table for each family, in the order of the rules."""
    parts = []
    for file in _FILES:
        family = file.__name__.rpartition("._")[2]
        head = ("class", "from", "example", "value", "note")
        lines = [head, ("---",) * len(head), *map(row, sorted(file.RULES, key=lambda cls: cls.__name__.lower()))]
        parts.append(f"### {FAMILIES.get(family, family)}\n\n" + "\n".join("| " + " | ".join(r) + " |" for r in lines))
    assert {cls for file in _FILES for cls in file.RULES} == set(RULES)
    return "\n\n".join(parts)


def page() -> str:
    """The page with the table of today."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page())
    else:
        print(table())
