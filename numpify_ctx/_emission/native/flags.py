"""The processor's flags at the end of a kernel, from which NumPy takes what it warns of.

SSE keeps them in its control word. On ARM, C's library is asked, which has them where NumPy looks.
"""

from __future__ import annotations

from .telling import DIVIDE, INVALID, LARGE, OVERFLOW


# What is declared for that.
OF_X86 = ("declare void @llvm.x86.sse.stmxcsr(ptr)", "declare void @llvm.x86.sse.ldmxcsr(ptr)")
OF_ARM = tuple(f"declare i32 @fe{word}except(i32)" for word in ("test", "clear", "raise"))


def set_flags(x86: bool, selects: bool, counts: bool) -> str:
    """Lines that put the processor's flags right: those in %told, and those that it has itself; and that count.

    Args:
        x86: as for `Target`.
        selects: are there values that nobody selected, so that what the processor has may be of these?
        counts: are integers counted that are too large?
    """
    if x86:
        read = ["call void @llvm.x86.sse.stmxcsr(ptr %csr)", "%control = load i32, ptr %csr, align 4"]
        write = [
            "%cleared = and i32 %control, -64", "%right = or i32 %cleared, %raised",
            "store i32 %right, ptr %csr, align 4", "call void @llvm.x86.sse.ldmxcsr(ptr %csr)",
        ]  # fmt: skip
    else:  # ARM has invalid 1, divide 2, overflow 4, in C's library as in the processor
        read = ["%found = call i32 @fetestexcept(i32 6)", "%control = shl i32 %found, 1"]
        write = [
            "%cleared = call i32 @feclearexcept(i32 31)", "%invalid = and i32 %raised, 1",
            "%others = lshr i32 %raised, 1", "%others6 = and i32 %others, 6", "%right = or i32 %invalid, %others6",
            "%done = call i32 @feraiseexcept(i32 %right)",
        ]  # fmt: skip
    if selects:
        middle = ["%own = and i32 %control, %told", "%invalid0 = and i32 %told, 1", "%raised = or i32 %own, %invalid0"]
    else:
        middle = [
            f"%own = and i32 %control, {DIVIDE | OVERFLOW}", f"%new = and i32 %told, {LARGE - 1}",
            "%raised = or i32 %own, %new",
        ]  # fmt: skip
    if counts:
        middle[-1] = middle[-1].replace("%raised", "%raised0")
        middle += [
            f"%large = and i32 %told, {LARGE}", "%void = icmp ne i32 %large, 0", "%more.large = zext i1 %void to i64",
            "%counted = atomicrmw add ptr %data, i64 %more.large monotonic",
            "%raised = select i1 %void, i32 0, i32 %raised0",
        ]  # fmt: skip
    # Rare, and atomic: so behind a branch.
    counted = [
        f"%invalid.told = and i32 %told, {INVALID}", "%is.invalid = icmp ne i32 %invalid.told, 0",
        "br i1 %is.invalid, label %nans, label %counted.nans", "nans:",
        "%at.nans = getelementptr i64, ptr %data, i64 1",
        "%nans.before = atomicrmw add ptr %at.nans, i64 1 monotonic", "br label %counted.nans", "counted.nans:",
    ]  # fmt: skip
    return "\n".join([*read, *middle, *write, *counted])
