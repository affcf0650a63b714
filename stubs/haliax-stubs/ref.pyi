# What the opt-in puts in place of `haliax.ref`: `haliax` imports its own names, hax.new_ref and the like, from here.
from haliax_refs import (
    NamedRef as NamedRef,
    addupdate as addupdate,
    empty_ref as empty_ref,
    foreach as foreach,
    free_ref as free_ref,
    freeze as freeze,
    get as get,
    new_ref as new_ref,
    refs_of as refs_of,
    set as set,
    step as step,
    swap as swap,
    update as update,
    values_of as values_of,
    wrap as wrap,
)
