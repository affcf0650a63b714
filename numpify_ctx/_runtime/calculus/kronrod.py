"""Kronrod's 21 points on an interval, and Gauss's 10 among them: QUADPACK's qk21 (Piessens et al., 1983)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..types import Value


# Kronrod's extension of Gauss's rule of 10 points: nodes, weights, Gauss's weights at every second node.
_NODES = np.array([
    0.995657163025808080735527280689003, 0.973906528517171720077964012084452, 0.930157491355708226001207180059508,
    0.865063366688984510732096688423493, 0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
    0.562757134668604683339000099272694, 0.433395394129247190799265943165784, 0.294392862701460198131126603103866,
    0.148874338981631210884826001129720, 0.0,
])  # fmt: skip
_KRONROD = np.array([
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390, 0.054755896574351996031381300244580,
    0.075039674810919952767043140916190, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109585166, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
    0.147739104901338491374841515972068, 0.149445554002916905664936468389821,
])  # fmt: skip
_GAUSS = np.array([
    0.066671344308688137593568809893332, 0.149451349150580593145863396957658, 0.219086362515982043995534934228163,
    0.269266719309996355091226921569469, 0.295524224714752870173815619188769,
])  # fmt: skip
X21 = np.concatenate([-_NODES, _NODES[-2::-1]])
W21 = np.concatenate([_KRONROD, _KRONROD[-2::-1]])
W10 = np.zeros(21)
W10[1:10:2] = _GAUSS
W10[11:20:2] = _GAUSS[::-1]


def interval_sums(function: Callable[[Any], Any], edges: Value) -> tuple[Any, Any]:
    """The integral over each interval between neighbouring edges, and how far Gauss's rule is from that.

    >>> interval_sums(lambda x: x**2, np.array([0.0, 1.0, 3.0]))[0].round(12)
    array([0.33333333, 8.66666667])
    """
    half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    values = function(middle + half * X21[:, None])
    return half * (W21 @ values), np.abs(half * ((W21 - W10) @ values))
