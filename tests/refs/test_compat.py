"""Names of jax and haliax that are not plainly public stand in `_compat` alone; options that some versions lack."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import haliax as hax
import jax
import jax.numpy as jnp
import pytest

import haliax_refs
from haliax_refs import _compat


PACKAGE = Path(haliax_refs.__file__).parent
# Modules of jax and haliax of which this package may use the public names.
PUBLIC = {
    "jax", "jax.ad", "jax.dtypes", "jax.errors", "jax.lax", "jax.numpy", "jax.random", "jax.ref", "jax.sharding",
    "jax.tree", "jax.tree_util", "jax.memory", "jax.typing",
    "haliax", "haliax.axis", "haliax.nn", "haliax.nn.scan", "haliax.partitioning", "haliax.tree_util",
    "haliax.state_dict",
}  # fmt: skip
# Of those modules, names that are not documented, or have moved between versions.
NOT_PLAINLY_PUBLIC = {
    "current_thread_local_mapping", "hashable_partition", "infer_resource_partitions", "is_constant_dim",
    "get_opaque_trace_state", "wrap_axiswise_call", "wrap_reduction_call", "pspec_for", "__version_info__",
}  # fmt: skip


def not_public_in(file: Path) -> Iterator[str]:
    """The names of jax and haliax in a file that only `_compat` may spell."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            imported = [str(node.module)]
            if imported[0].split(".")[0] in ("jax", "haliax"):
                yield from (alias.name for alias in node.names if alias.name.startswith("_"))
                yield from (alias.name for alias in node.names if alias.name in NOT_PLAINLY_PUBLIC)
        elif isinstance(node, ast.Attribute):
            # `jax.core`, `jax.extend`, `haliax._src`, ... by attributes
            text = ast.unparse(node)
            imported = [text] if text.count(".") == 1 and text in ("jax.core", "jax.extend", "jax.interpreters") else []
            root = text.split(".")[0]
            if root in ("jax", "haliax", "partitioning") and node.attr in NOT_PLAINLY_PUBLIC:
                yield text
            if root in ("jax", "haliax") and node.attr.startswith("_") and not node.attr.startswith("__"):
                yield text
        else:
            continue
        yield from (name for name in imported if name.split(".")[0] in ("jax", "haliax") and name not in PUBLIC)


def test_other_names_stand_in_compat_alone() -> None:
    found = {
        str(file.relative_to(PACKAGE)): names for file in PACKAGE.rglob("*.py") if (names := set(not_public_in(file)))
    }
    assert "jax.core" in found.pop("_compat.py")  # so it finds what there is
    # The one name of jax.experimental, `pl.ds`, is what its own documentation tells users to write.
    found = {file: names - {"jax.experimental"} for file, names in found.items() if names - {"jax.experimental"}}
    assert not found


@pytest.mark.skipif(_compat.HAS_PIN, reason="this jax can pin")
def test_options_that_this_jax_lacks() -> None:
    for make in (lambda: haliax_refs.new_ref(0.0, pin=True), lambda: haliax_refs.empty_ref({"x": 2}, pin=True)):
        with pytest.raises(NotImplementedError, match=rf"pin=True.*0\.11.*jax {jax.__version__}"):
            make()
        with pytest.raises(NotImplementedError, match=rf"pin=True.*0\.11.*jax {jax.__version__}"):
            jax.jit(lambda make=make: make()[...].array)()
    assert haliax_refs.new_ref(0.0, pin=False)[...].item() == 0


@pytest.mark.skipif(not _compat.HAS_PIN, reason="this jax cannot pin")
def test_pinned() -> None:
    def f(x: jax.Array) -> jax.Array:
        return haliax_refs.freeze(haliax_refs.new_ref(x, "x", pin=True)).array

    assert "pin" in str(jax.make_jaxpr(f)(jnp.arange(3.0)))  # XLA cannot run it on every platform


def test_a_ref_that_an_explicit_mesh_does_not_divide() -> None:
    """Before jax 0.10, jax refuses to write what lies on no mesh into what lies on one, divided or not."""
    mesh = jax.make_mesh((1,), ("devices",), axis_types=(jax.sharding.AxisType.Explicit,))
    whole = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, None))
    with jax.set_mesh(mesh):
        ref = haliax_refs.new_ref(jax.device_put(jnp.zeros((3, 2)), whole), ("x", "y"))
        ref["y", 0:1] = 1.0

        @jax.jit
        def write(ref: haliax_refs.NamedRef) -> None:
            ref["x", -1] = 5.0
            haliax_refs.addupdate(ref, {"x": [0, 0], "y": 1}, 2.0)

        write(ref)
        assert ref[...].array.tolist() == [[1, 4], [1, 0], [5, 5]]


def test_what_haliax_misses_is_supplied() -> None:
    """`hax.dot` works on every jax, and only where haliax misses a name does it get one."""
    x = hax.named(jnp.arange(6.0).reshape(2, 3), ("a", "b"))
    assert hax.dot(x, x, axis="b").array.tolist() == [5, 50]
    assert jax.jit(jax.grad(lambda x: hax.dot(x, x, axis=("a", "b")).array))(x).array.tolist() == (2 * x.array).tolist()
    missing = "jax.core.is_constant_dim" in Path(hax.jax_utils.__file__).read_text()
    assert bool(_compat.MISSING_IN_HALIAX) == (missing and jax.__version_info__ >= (0, 11))
    assert (hax.jax_utils.jax is jax) == (not _compat.MISSING_IN_HALIAX)
    assert jax.core is __import__("sys").modules["jax.core"]
