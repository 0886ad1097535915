"""Memory that one step frees, kept for the next.

A step frees all that lies between its inputs and its gradients, megabytes of it. The C library of most Linux systems
(glibc) hands the top of its heap back at once, and the next step fetches it again, page by page, each filled with
zeros: a quarter of the time of a step of many students.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

TRIM, MMAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of <malloc.h>
LARGE = 2**25  # bytes, the most that M_MMAP_THRESHOLD may be: a larger tensor still comes and goes by itself
NAMES = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"}  # by which a user says how


@contextmanager
def kept_memory() -> Iterator[None]:
    """Inside, freed memory stays with the process, up to 2 GB; with another C library, or a user's word, as it was.

    Afterwards the thresholds are those at which glibc arrives by itself where tensors of :data:`LARGE` come and go.
    """
    library = ctypes.CDLL(None) if os.name == "posix" else None
    if not hasattr(library, "mallopt") or NAMES & os.environ.keys():
        yield
        return
    library.mallopt(MMAP, LARGE)
    library.mallopt(TRIM, 2**31 - 1)
    try:
        yield
    finally:
        library.mallopt(TRIM, 2 * LARGE)
