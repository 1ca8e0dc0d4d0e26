"""How much memory a device has left.

Asked by every worker before its first pack: torch is loaded for what only torch knows.
"""

from bimt_bench.ground import free_memory


def free(device: str, *, share: float = 1.0) -> int:
    """Bytes that a pack may take on a device, of which it has a share."""
    if device.startswith("cuda"):
        import torch

        left, total = torch.cuda.mem_get_info(device)
        return min(left, int(total * share))
    return free_memory(share=share)
