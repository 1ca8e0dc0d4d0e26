"""How much memory this machine has left, and sizes in words."""

from pathlib import Path

import psutil

from bimt_bench.ground.errors import InputError

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def free_memory(*, share: float = 1.0) -> int:
    """Bytes of main memory that may be taken, of which there is a share; a container bounds it."""
    machine = psutil.virtual_memory()
    limit = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.is_file() else "max"
    total = machine.total if limit == "max" else min(machine.total, int(limit))
    return min(machine.available, int(total * share))


def refuse_beyond_memory(what: str, needed: int) -> None:
    """InputError, which begins with `what`, if so many bytes are more than there are free."""
    if needed > (free := free_memory()):
        raise InputError(
            f"{what} needs about {size_words(needed)} of memory, but {size_words(free)} are free "
            "on this machine"
        )


def size_words(count: int) -> str:
    """Bytes as a person says them: '512 MiB', '1.5 GiB'."""
    if count >= 2**40:
        return f"{count / 2**40:,.1f} TiB"
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
