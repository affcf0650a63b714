"""Named, composable, mutable references: `jax.Ref` with Haliax axes.

`import haliax_refs` opts in: `hax.new_ref(named_array)` then gives a `NamedRef`, a mutable buffer that keeps its named
axes. `ref.slice({...})` gives a view of a part of it; views compose exactly.

>>> import haliax as hax
>>> import haliax_refs
>>> cache = hax.new_ref(hax.zeros({"layer": 4, "position": 8, "head": 2}))
>>> layer = cache.slice({"layer": 2})
>>> layer["position", 5] = hax.ones({"head": 2})
>>> cache["layer", 2, "position", 4:6].array.tolist()
[[0.0, 0.0], [1.0, 1.0]]

Overview:

- `new_ref`, `empty_ref` and `wrap` make a `NamedRef`; `freeze` and `free_ref` make it invalid.
- `refs_of`, `values_of` and `update` do so for whole trees, modules included.
- `ref[idx]` reads and `ref[idx] = value` writes, by name; `get`, `set`, `swap`, `addupdate` and `ref.at[idx]` do, too.
- `foreach` loops over an axis, as do `hax.scan`, `hax.fold`, `hax.map` and `hax.vmap`, which take refs now.
- `install` and `uninstall` put this into haliax and take it out again; `is_installed` tells.
"""

from ._foreach import foreach as foreach
from ._functions import (
    addupdate as addupdate,
    empty_ref as empty_ref,
    free_ref as free_ref,
    get as get,
    new_ref as new_ref,
    set as set,
    swap as swap,
    wrap as wrap,
)
from ._patches.install import install as install, is_installed as is_installed, uninstall as uninstall
from ._refs import NamedRef as NamedRef
from ._state import (
    freeze as freeze,
    refs_of as refs_of,
    update as update,
    values_of as values_of,
)
from ._step import step as step


__version__ = "0.1.0"

__all__ = [
    "NamedRef",
    "addupdate",
    "empty_ref",
    "foreach",
    "free_ref",
    "freeze",
    "get",
    "install",
    "is_installed",
    "new_ref",
    "refs_of",
    "set",
    "step",
    "swap",
    "uninstall",
    "update",
    "values_of",
    "wrap",
]

install()
