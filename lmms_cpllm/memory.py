"""How the C library gives freed memory back."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
# The largest block that glibc may be told to keep.
_LARGEST_BLOCK = 32 << 20
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tells glibc to keep what is freed, for the whole process; True if it does, False where there is no glibc.

    Towers on a CPU ask for a few MB at every layer and free it again. glibc hands such blocks back to the kernel, which
    clears them page by page for the next layer: a quarter of the CPU time of encoding a video in two threads.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # One arena: with several, a block that one thread freed is of no use to another.
    settings = ((_ARENA_MAX, 1), (_TRIM_THRESHOLD, _NEVER), (_MMAP_THRESHOLD, _LARGEST_BLOCK))
    return all(mallopt(name, value) == 1 for name, value in settings)
