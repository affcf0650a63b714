"""What a ref is not, and what it does not take: an error at each line that is marked, by either type checker."""

import haliax as hax
import numpy as np

import haliax_refs


ref = hax.new_ref(hax.zeros({"x": 3}))

print(ref + 1)  # error: reads are explicit
print(1.0 * ref)  # error
print(-ref)  # error
print(ref < 1)  # error
print(float(ref))  # error
print(len(ref))  # error
print(1 in ref)  # error
for entry in ref:  # error
    print(entry)
print(ref.array)  # error
print(ref.mean())  # error

hax.new_ref()  # error: a value is needed
hax.new_ref(0.0, kind=3)  # error: kind is a string
hax.new_ref(0.0, knid="no_grad_no_remat")  # error: misspelt
hax.ref.get(ref, {"x": 0}, mod="fill")  # error: misspelt
hax.freeze()  # error
hax.freeze(ref, ref)  # error
print(hax.ref.nothing)  # error: no such function
ref.resolve_axis(3)  # error: an axis or a name
ref.at["x", 0].addd(1.0)  # error: misspelt
ref.axes = ()  # error: cannot be set

wrong: int = ref["x", 0]  # error: a NamedArray
wrong = hax.swap(ref, {"x": 0}, 1.0)  # error: a NamedArray


def takes_a_ref(it: hax.NamedRef) -> None: ...


takes_a_ref(hax.zeros({"x": 3}))  # error
takes_a_ref(np.zeros(3))  # error
haliax_refs.install(True)  # error

print(ref["x"])  # error: a selector, too
print(ref[0])  # error: of which axis?
print(ref[:])  # error
hax.ref.get(ref, hax.Axis("x", 3))  # error


@hax.ref.foreach(("x", "y"), ref)  # error: one axis
def _(cell: hax.NamedRef) -> None: ...


kind: str = ref.dtype  # error
takes_a_ref(haliax_refs.values_of(ref))  # error: a NamedArray
haliax_refs.step(3, ref, (), ref)  # error: no optimizer
ref += 1  # error
