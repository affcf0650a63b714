"""What matters on an accelerator, within 8 minutes: do the laws hold there, and what do names cost?

    python -m benchmarks.device             # on the device that jax finds; on a CPU in small, to see that it runs
    python -m benchmarks.device --small     # in small, wherever it runs

It checks views against NumPy, eagerly and under jit, confinement included; kernels through Pallas, compiled by Triton
or Mosaic where they can; and that the compiled program of a step by name is the one of a step by hand. It times the
write of a row of a large cache outside of jit, decoding and paged serving in bfloat16, each beside the same by hand.
The device's queue is flushed around every timing: each call ends by waiting for what depends on all that it wrote.

A part that fails is told by name, with its error, and the others run. What would take too long is shortened: chains and
rounds are as many as the time allows, and the cache is as large as the device's memory allows.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import re
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import decode
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import paged_attention
from _model import Block, Config, Transformer, attend
from _paging import Batch, Paging
from haliax import Axis, NamedArray
from serve import Cache, forward

import haliax_refs

from ._report import Fact, Finding, machine, rows, table, write_json
from ._timing import Times, in_turn
from .decode_variants import cache_axes, write_functional, write_raw


SUITE = "device"
BF16 = jnp.bfloat16


@dataclass(frozen=True)
class Scale:
    """How large everything is: 4 GB of cache on an accelerator, 16 MB on a CPU.

    Attributes:
        seconds: for the chains that run outside of jit, for those in it, and for the rounds of one comparison.
    """

    seconds: float
    chains: int
    layers: int
    positions: int
    heads: int
    rounds: int
    config: Config
    batch: int


def scale_of(small: bool, memory: int | None = None) -> Scale:
    """In small, or as large as fits: two caches and a half, in `memory` bytes."""
    vocab = Axis("vocab", 64)
    if small:
        sizes = {"layer": Axis("layer", 2), "embed": Axis("embed", 32), "head_size": Axis("head_size", 8)}
        return Scale(60.0, 20, 4, 1024, 16, 5, Config(vocab, **sizes, mlp=Axis("mlp", 64)), batch=2)
    sizes = {"layer": 24, "embed": 2048, "head": 16, "head_size": 128, "mlp": 8192}
    config = Config(vocab, **{name: Axis(name, size) for name, size in sizes.items()})
    positions = 65536
    while memory is not None and 2.5 * 2 * 32 * positions * 8 * 128 > memory:
        positions //= 2
    return Scale(60.0, 200, 32, positions, 8, 30, config, batch=16)


# -- laws ------------------------------------------------------------------------------------------------------------


def selector(rng: np.random.Generator, size: int) -> tuple[Any, Any]:
    """A selector of an axis, and what NumPy takes in its place; positions come as arrays, to be traced."""
    match rng.integers(4):
        case 0:
            at = int(rng.integers(-size, size))
            return np.int32(at), at
        case 1:
            step = int(rng.choice([-2, -1, 1, 2]))
            return slice(None, None, step), slice(None, None, step)
        case 2:
            count = int(rng.integers(1, size + 1))
            start = int(rng.integers(size + 3))  # may be out of bounds: it is clamped, so that the window fits
            inside = min(start, size - count)
            return (np.int32(start), count), slice(inside, inside + count)
        case _:
            positions = rng.integers(0, size, rng.integers(1, 4)).tolist()
            return positions, positions


def spelled(chosen: Any, traced: Callable[[Any], Any]) -> Any:
    match chosen:
        case tuple((start, count)):
            return hax.ds(traced(start), count)
        case np.int32():
            return traced(chosen)
        case _:
            return chosen


def chain_holds(rng: np.random.Generator, jit: bool) -> bool:
    """Whether a write through views of views changes the cells that NumPy says, no others; and reads what is there."""
    sizes = {name: int(rng.integers(1, 6)) for name in "xyz"}
    cells = np.arange(np.prod(list(sizes.values()))).reshape(*sizes.values())
    names, steps = list(sizes), []
    shown = cells
    for name in rng.permutation(list(sizes))[: rng.integers(1, 4)]:
        chosen, plain = selector(rng, shown.shape[names.index(name)])
        steps.append((str(name), chosen))
        shown = shown[(slice(None),) * names.index(name) + (plain,)]
        if isinstance(chosen, np.int32):
            names.remove(name)
    if len(np.unique(shown)) < shown.size:  # a cell twice: which write stays is not said
        return True
    value = rng.integers(100, 200, shown.shape).astype(np.float32)

    def run(ref: hax.NamedRef, *starts: Any) -> NamedArray:
        given, view = iter(starts), ref
        for name, chosen in steps:
            view = view.slice({name: spelled(chosen, lambda _: next(given))})
        before = view[...]
        view[...] = hax.named(jnp.asarray(value), tuple(names)) if names else jnp.asarray(value)
        return before

    starts = [np.asarray(c[0] if isinstance(c, tuple) else c) for _, c in steps if isinstance(c, tuple | np.int32)]
    ref = hax.new_ref(hax.named(jnp.asarray(cells, jnp.float32), tuple(sizes)))
    before = (jax.jit(run) if jit else run)(ref, *map(jnp.asarray, starts))
    expected = cells.astype(np.float32)
    expected.reshape(-1)[shown] = value
    seen = before.rearrange(tuple(names)).array if names else before.array
    return np.array_equal(ref[...].array, expected) and np.array_equal(seen, shown.astype(np.float32))


def laws(scale: Scale) -> list[Finding]:
    found: list[Finding] = []
    for jit, where in ((False, "outside of jit"), (True, "in jit")):
        held, begin = [], time.perf_counter()
        # Nearly every chain compiles programs of its own, which takes the longer the larger the compiler is.
        while len(held) < scale.chains and time.perf_counter() - begin < scale.seconds:
            held.append(chain_holds(np.random.default_rng(len(held)), jit))
        found.append(Fact(SUITE, f"chains of views as NumPy, {where}", f"{sum(held)} of {len(held)}", all(held)))
    return found


# -- kernels and compiled programs -----------------------------------------------------------------------------------


def kernels(scale: Scale) -> list[Finding]:
    """The kernel of `examples/paged_attention.py`, compiled for the device where its compiler takes it."""
    axes = (Axis("block", 4), Axis("page", 16), Axis("slot", 16), Axis("head", 16), Axis("head_size", 64))
    given = paged_attention.example(0, Axis("seq", 8), *axes)
    interpret = jax.default_backend() == "cpu"
    how = "interpreted" if interpret else "compiled"
    try:
        out = paged_attention.paged_attention(*given, seq=given[0].axes[0], interpret=interpret)
    except Exception as error:  # whatever a compiler says of what it does not lower is the finding
        return [Fact(SUITE, "paged attention in a kernel", f"not lowered: {str(error).splitlines()[0][:80]}")]
    worst = float(hax.max(hax.abs(out - paged_attention.plain_attention(*given))).array)
    return [Fact(SUITE, f"paged attention in a kernel, {how}", f"largest difference {worst:.1e}", worst < 1e-2)]


def program(text: str) -> str:
    """A compiled program without what tells where its lines came from."""
    text = re.sub(r"^(FileNames|FunctionNames|FileLocations|StackFrames)\n(\d.*\n)*", "", text, flags=re.MULTILINE)
    return re.sub(r"(, metadata=\{[^}]*\}|^HloModule .*)", "", text, flags=re.MULTILINE)


def equal_programs(scale: Scale) -> list[Finding]:
    layer, position, head = Axis("layer", 4), Axis("position", 64), Axis("head", 8)
    value = jnp.zeros((layer.size, position.size, head.size), BF16)

    def by_name(ref: jax.Ref, i: jax.Array, t: jax.Array, new: jax.Array) -> jax.Array:
        view = hax.ref.wrap(ref, (layer, position, head)).slice({"layer": i})
        view["position", t] = hax.named(new, head)
        return view[...].array

    def by_hand(ref: jax.Ref, i: jax.Array, t: jax.Array, new: jax.Array) -> jax.Array:
        ref[i, t] = new
        return ref[i]

    given = (jax.new_ref(value), jnp.int32(1), jnp.int32(2), jnp.ones(head.size, BF16))
    texts = []
    for step in (by_name, by_hand):
        step.__name__ = "step"
        texts.append(program(jax.jit(step).lower(*given).compile().as_text()))
    equal = texts[0] == texts[1]
    return [Fact(SUITE, "compiled program of a step, by name and by hand", "equal" if equal else "DIFFER", equal)]


# -- times -------------------------------------------------------------------------------------------------------------


def eager_write(scale: Scale) -> list[Finding]:
    """A row of a large cache, written outside of jit: one way at a time, since no two such caches may fit."""
    axes = hax.make_axes(layer=scale.layers, position=scale.positions, head=scale.heads, head_size=128)
    shape = tuple(axis.size for axis in axes)
    gigabytes = 2 * np.prod(shape, dtype=float) / 1e9
    new = jnp.ones(shape[2:], BF16)
    named_new = hax.named(new, axes[2:])
    seconds: dict[str, list[float]] = {}

    def timed(name: str, call: Callable[[], Any]) -> None:
        seconds.update(in_turn({name: lambda: jax.block_until_ready(call())}, rounds=scale.rounds, warm=2).seconds)

    def by_name(ref: hax.NamedRef) -> jax.Array:
        ref["layer", 3, "position", 7] = named_new
        return ref["layer", 3, "position", 7, "head", 0, "head_size", 0].array

    timed("NamedRef", partial(by_name, hax.new_ref(hax.zeros(axes, dtype=BF16))))

    def by_position(raw: jax.Ref) -> jax.Array:
        raw[3, 7] = new
        return raw[3, 7, 0, 0]

    timed("jax.Ref", partial(by_position, jax.new_ref(jnp.zeros(shape, BF16))))
    held = [jnp.zeros(shape, BF16)]
    put = jax.jit(lambda whole, row: whole.at[3, 7].set(row), donate_argnums=0)

    def donated() -> jax.Array:
        held[0] = put(held[0], new)
        return held[0][3, 7, 0, 0]

    timed("donated .at[].set", donated)
    task = f"write and read back a row of {gigabytes:.2g} GB outside of jit"
    return [*rows(SUITE, task, Times(seconds), "donated .at[].set"), *rows(SUITE, task, Times(seconds), "jax.Ref")[:1]]


def some_model(config: Config) -> Transformer:
    """Of random weights in bfloat16; a new one reads nothing out, so that all of its logits are 0."""
    new = Transformer.init(config, jax.random.key(0))
    readout = hax.random.normal(jax.random.key(1), new.readout.axes) * config.embed.size**-0.5
    model = dataclasses.replace(new, readout=readout)
    return jax.tree.map(lambda leaf: leaf.astype(BF16) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, model)


def peak(compiled: Any) -> str:
    memory = compiled.memory_analysis()
    if memory is None:  # not every platform says
        return "not known"
    used = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    return f"{(used - memory.alias_size_in_bytes) / 2**20:,.1f} MiB"


def compared(
    task: str, programs: dict[str, Any], calls: dict[str, Callable[[], Any]], tokens: int, scale: Scale
) -> list[Finding]:
    waited = {n: lambda n=n: jax.block_until_ready(calls[n]()) for n in calls}
    for call in waited.values():
        call()  # the first time may take longer
    begin = time.perf_counter()
    for call in waited.values():
        call()
    affordable = int(scale.seconds / (time.perf_counter() - begin))
    times = in_turn(waited, rounds=max(3, min(scale.rounds, affordable - 3)), warm=0)
    found: list[Finding] = [*rows(SUITE, task, times, "jax.Ref", {"NamedRef": 1.05})]
    for name, compiled in programs.items():
        found.append(Fact(SUITE, f"{task}: tokens a second, {name}", f"{tokens / times.best(name):,.0f}"))
        found.append(Fact(SUITE, f"{task}: peak memory, {name}", peak(compiled)))
    return found


def decoding(scale: Scale) -> list[Finding]:
    batch, position, config = Axis("batch", scale.batch), Axis("position", 256), scale.config
    model = some_model(config)
    given = hax.named(np.where(np.arange(position.size) < 16, 1, -1).astype(np.int32), position).broadcast_axis(batch)
    key = jax.random.key(1)
    zeros = hax.zeros(cache_axes(config, batch, position), dtype=BF16)
    made = {"NamedRef": lambda: hax.new_ref(zeros), "jax.Ref": lambda: jax.new_ref(zeros.array)}
    caches = {name: (new(), new()) for name, new in made.items()}
    ways = {"NamedRef": decode.write, "jax.Ref": write_raw}
    programs = {name: way.lower(model, caches[name], given, key).compile() for name, way in ways.items()}
    calls: dict[str, Callable[[], Any]] = {n: partial(programs[n], model, caches[n], given, key) for n in ways}
    threaded = [(zeros, zeros)]
    programs["donated arrays"] = write_functional.lower(model, threaded[0], given, key).compile()
    threaded[0] = (hax.zeros(zeros.axes, dtype=BF16), hax.zeros(zeros.axes, dtype=BF16))

    def donated() -> Any:
        tokens, _, threaded[0] = programs["donated arrays"](model, threaded[0], given, key)
        return tokens

    calls["donated arrays"] = donated
    return compared("decode in bfloat16", programs, calls, batch.size * (position.size - 1), scale)


def forward_by_hand(
    model: Transformer, keys: jax.Ref, values: jax.Ref, paging: Paging, batch: Batch, chunk: Axis
) -> NamedArray:
    """`serve.forward`, but for the cache: bare refs, indexed by position."""
    position = batch.start.broadcast_axis(chunk) + hax.arange(chunk)
    block, slot = position // paging.slot.size, position % paging.slot.size
    page = batch.page.broadcast_axis(chunk)
    pages = paging.table[{"request": batch.request}]
    visible = model.visible(hax.arange(Axis("key_position", paging.block.size * paging.slot.size)), position)
    where = tuple(array.rearrange(position.axes).array for array in (page, slot))
    own_axes = (*pages.axes, paging.slot, model.config.head, model.config.head_size)

    def layer(x: NamedArray, weights: Block, i: NamedArray) -> NamedArray:
        query, key, value = weights.project(x, position)
        seen = []
        for ref, new in ((keys, key), (values, value)):
            order = (*position.axes, model.config.head, model.config.head_size)
            ref[(i.array, *where)] = new.rearrange(order).array.astype(ref.dtype)
            own = hax.named(ref[i.array, pages.array], own_axes)
            seen.append(own.flatten_axes(("block", "slot"), "position"))
        return weights.finish(x, attend(query, *seen, visible))

    x = model.embed(paging.tokens[{"request": batch.request, "block": block, "slot": slot}])
    x = hax.fold(layer, "layer")(x, model.blocks, hax.arange(model.config.layer))
    return model.logits(x[{"chunk": hax.maximum(batch.count - 1, 0)}])


def serving(scale: Scale) -> list[Finding]:
    """The step of `examples/serve.py` that runs the model, on pages that lie anywhere."""
    seq, chunk, slot, block = Axis("seq", scale.batch), Axis("chunk", 4), Axis("slot", 16), Axis("block", 8)
    request, page = Axis("request", scale.batch), Axis("page", scale.batch * block.size)
    model = some_model(scale.config)
    paging = Paging.empty(request, block, page, slot)
    order = np.random.default_rng(0).permutation(page.size).astype(np.int32)
    paging.table[...] = hax.named(order.reshape(request.size, block.size), (request, block))
    start = hax.full(seq, block.size * slot.size - chunk.size, dtype=np.int32)
    own = paging.table["block", block.size - 1].rename({"request": "seq"})
    batch = Batch(hax.arange(seq), start, hax.full(seq, chunk.size, dtype=np.int32), own)
    zeros = hax.zeros((scale.config.layer, page, slot, scale.config.head, scale.config.head_size), dtype=BF16)
    cache = Cache(hax.new_ref(zeros), hax.new_ref(zeros))
    raw = (jax.new_ref(zeros.array), jax.new_ref(zeros.array))
    by_name = jax.jit(partial(forward, chunk=chunk)).lower(model, cache, paging, batch).compile()
    by_hand = jax.jit(partial(forward_by_hand, chunk=chunk)).lower(model, *raw, paging, batch).compile()
    calls: dict[str, Callable[[], Any]] = {
        "NamedRef": partial(by_name, model, cache, paging, batch),
        "jax.Ref": partial(by_hand, model, *raw, paging, batch),
    }
    ours, theirs = (calls[name]().array.astype(np.float32) for name in calls)
    worst, largest = float(jnp.abs(ours - theirs).max()), float(jnp.abs(theirs).max())
    said = f"largest difference {worst:.1e} of {largest:.1e}"
    agree = Fact(SUITE, "paged serving, by name and by hand", said, worst < 0.1 * largest)
    programs = {"NamedRef": by_name, "jax.Ref": by_hand}
    return [agree, *compared("paged serving in bfloat16", programs, calls, seq.size * chunk.size, scale)]


Part = Callable[[Scale], list[Finding]]
PARTS: tuple[Part, ...] = (laws, kernels, equal_programs, eager_write, decoding, serving)


def findings_of(parts: Sequence[Part], scale: Scale, minutes: float) -> list[Finding]:
    """What the parts find. One that fails, or for which no time is left, is a finding itself; the others run."""
    found: list[Finding] = []
    begin = time.perf_counter()
    for part in parts:
        spent = time.perf_counter() - begin
        print(f"{part.__name__} (after {spent:.0f} s) ...", file=sys.stderr, flush=True)
        if spent > 60 * minutes:
            found.append(Fact(SUITE, part.__name__, f"not run: {minutes:g} minutes are over", met=False))
            continue
        try:
            found += part(scale)
        except Exception as error:  # of any kind: compilers, allocators and runtimes have their own
            traceback.print_exc()
            first = (str(error).strip() or "no text").splitlines()[0][:120]
            found.append(Fact(SUITE, part.__name__, f"FAILED: {type(error).__name__}: {first}", met=False))
        gc.collect()  # what failed may hold buffers by its frames
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.device", description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="in small, as on a CPU")
    parser.add_argument("--minutes", type=float, default=7.0, help="after which no part begins")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"), help="folder of the JSON")
    options, device = parser.parse_args(arguments), jax.local_devices()[0]
    memory = (device.memory_stats() or {}).get("bytes_limit")  # not every device says
    scale = scale_of(options.small or device.platform == "cpu", memory)
    where = machine() | {"device": device.device_kind, "haliax_refs": haliax_refs.__version__}
    findings = findings_of(PARTS, scale, options.minutes)
    print(table(findings))
    print("\n" + json.dumps(where))
    write_json(options.out / "device.json", where, findings)
    missed = [finding.task for finding in findings if not finding.met]
    if missed:
        print("missed: " + "; ".join(missed), file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
