"""Functions of a module that copy elements with steps, by the size of an element."""

from __future__ import annotations


def copies(packed: set[int], unpacked: set[int]) -> str:
    """The text for elements of these sizes: `@pack8` into a buffer, the last one repeated; `@unpack8` out of it."""
    # By size, not by type: to copy takes no arithmetic, and i64 does for integers and doubles alike.
    wanted = [*((_PACK, size) for size in sorted(packed)), *((_UNPACK, size) for size in sorted(unpacked))]
    return "\n".join(text.replace("SIZE", str(size)).replace("KIND", f"i{8 * size}") for text, size in wanted)


# Without alignment, as a view may begin at any byte. A step of 0 is a broadcast: one load, and then only padding.
# The padding repeats the last element: nothing is computed that was not given, so that no flag is raised for it.
_PACK = """
define internal void @packSIZE(ptr %to, ptr %from, i64 %step, i64 %n, i64 %padded) #1 {
entry:
%none = icmp eq i64 %n, 0
br i1 %none, label %done, label %begin
begin:
%same = icmp eq i64 %step, 0
%first = load KIND, ptr %from, align 1
br i1 %same, label %pad, label %loop
loop:
%i = phi i64 [ 0, %begin ], [ %next, %loop ]
%offset = mul i64 %i, %step
%source = getelementptr i8, ptr %from, i64 %offset
%value = load KIND, ptr %source, align 1
%target = getelementptr KIND, ptr %to, i64 %i
store KIND %value, ptr %target, align 1
%next = add i64 %i, 1
%more = icmp ult i64 %next, %n
br i1 %more, label %loop, label %pad
pad:
%last = phi KIND [ %first, %begin ], [ %value, %loop ]
%j = phi i64 [ 0, %begin ], [ %n, %loop ]
%pair0 = insertelement <4 x KIND> poison, KIND %last, i32 0
%four = shufflevector <4 x KIND> %pair0, <4 x KIND> poison, <4 x i32> zeroinitializer
br label %again
again:
%at = phi i64 [ %j, %pad ], [ %at.next, %store ]
%full = icmp uge i64 %at, %padded
br i1 %full, label %done, label %store
store:
%place = getelementptr KIND, ptr %to, i64 %at
store <4 x KIND> %four, ptr %place, align 1
%at.next = add i64 %at, 4
br label %again
done:
ret void
}"""

# Only the n elements that were asked for: results of the padding stay in the buffer.
_UNPACK = """
define internal void @unpackSIZE(ptr %to, i64 %step, ptr %from, i64 %n) #1 {
entry:
%none = icmp eq i64 %n, 0
br i1 %none, label %done, label %loop
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
