"""How much memory a device has left.

Asked by every worker before its first pack: torch is loaded for what only torch knows.
"""

from pathlib import Path

import psutil

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def free(device: str, *, share: float = 1.0) -> int:
    """Bytes that a pack may take on a device, of which it has a share."""
    if device.startswith("cuda"):
        import torch

        left, total = torch.cuda.mem_get_info(device)
        return min(left, int(total * share))
    machine = psutil.virtual_memory()
    limit = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.is_file() else "max"
    total = machine.total if limit == "max" else min(machine.total, int(limit))
    return min(machine.available, int(total * share))
