"""Functions of a module that copy elements with steps, by the size of an element."""

from __future__ import annotations


def copies(packed: set[int], unpacked: set[int]) -> str:
    """The text for elements of these sizes: `@pack8` into a buffer, the last one repeated; `@unpack8` out of it."""
    wanted = [*((_PACK, size) for size in sorted(packed)), *((_UNPACK, size) for size in sorted(unpacked))]
    return "\n".join(text.replace("SIZE", str(size)).replace("KIND", f"i{8 * size}") for text, size in wanted)


_PACK = """
define internal void @packSIZE(ptr %to, ptr %from, i64 %step, i64 %n, i64 %padded) #1 {
entry:
br label %loop
loop:
%i = phi i64 [ 0, %entry ], [ %next, %loop ]
%offset = mul i64 %i, %step
%source = getelementptr i8, ptr %from, i64 %offset
%value = load KIND, ptr %source, align 1
%target = getelementptr KIND, ptr %to, i64 %i
store KIND %value, ptr %target, align 1
%next = add i64 %i, 1
%more = icmp ult i64 %next, %n
br i1 %more, label %loop, label %pad
pad:
%j = phi i64 [ %n, %loop ], [ %j.next, %again ]
%full = icmp uge i64 %j, %padded
br i1 %full, label %done, label %again
again:
%place = getelementptr KIND, ptr %to, i64 %j
store KIND %value, ptr %place, align 1
%j.next = add i64 %j, 1
br label %pad
done:
ret void
}"""

_UNPACK = """
define internal void @unpackSIZE(ptr %to, i64 %step, ptr %from, i64 %n) #1 {
entry:
br label %loop
loop:
%i = phi i64 [ 0, %entry ], [ %next, %loop ]
%source = getelementptr KIND, ptr %from, i64 %i
%value = load KIND, ptr %source, align 1
%offset = mul i64 %i, %step
%target = getelementptr i8, ptr %to, i64 %offset
store KIND %value, ptr %target, align 1
%next = add i64 %i, 1
%more = icmp ult i64 %next, %n
br i1 %more, label %loop, label %done
done:
ret void
}"""
