import pytest
import torch

from bimt_bench.engine.optimizer import PopulationAdamW, Rates

RATES = [
    Rates(1e-3),
    Rates(1e-3, beta1=0.8, weight_decay=0.1),
    Rates(0.0),
    Rates(5e-3, beta2=0.98),
]


@pytest.fixture(params=["compiled", "fused"])
def update(request):
    """The update of a CPU, and that of accelerators."""
    return {
        "compiled": PopulationAdamW._update_compiled,
        "fused": PopulationAdamW._update_fused,
    }[request.param]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("parts", [(4,), (1, 3), (1, 1, 1, 1)])
def test_members_move_as_under_torchs_adamw(update, dtype, parts):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(4, 100, generator=generator, dtype=torch.float64)
    start[:, ::7] = 0.0
    prices = torch.rand(4, 100, generator=generator, dtype=torch.float64)
    flat = start.clone().to(dtype)
    optimizer = PopulationAdamW(flat, RATES)
    alone = [torch.nn.Parameter(row.clone()) for row in start]
    others = [
        torch.optim.AdamW(
            [parameter],
            lr=rate.learning_rate,
            betas=(rate.beta1, rate.beta2),
            weight_decay=rate.weight_decay,
        )
        for parameter, rate in zip(alone, RATES, strict=True)
    ]
    for step in range(20):
        slope = torch.randn(4, 100, generator=generator, dtype=torch.float64)
        begin = 0
        for count in parts:
            rows = slice(begin, begin + count)
            update(optimizer, rows, slope[rows].clone().to(dtype), prices[rows].to(dtype))
            begin += count
        optimizer.finish()
        for row, other in enumerate(others):
            alone[row].grad = slope[row] + torch.sign(alone[row].detach()) * prices[row]
            other.step()
        assert optimizer.step_count == step + 1
    expected = torch.stack([parameter.detach() for parameter in alone])
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if dtype == torch.float32 else {}
    torch.testing.assert_close(flat.double(), expected, **tolerance)
    assert torch.equal(flat[2].double(), start[2].to(dtype).double())


def test_kept_members_go_on_as_they_would_have():
    flat = torch.randn(4, 64)
    optimizer = PopulationAdamW(flat, RATES)
    everyone, prices = slice(0, 4), torch.rand(4, 64)
    optimizer.update(everyone, torch.randn(4, 64), prices)
    optimizer.finish()
    rows = [3, 1]
    kept_flat = flat[rows].clone()
    kept = optimizer.keep(kept_flat, rows)
    slope = torch.randn(4, 64)
    kept.update(slice(0, 2), slope[rows].clone(), prices[rows])
    optimizer.update(everyone, slope.clone(), prices)
    assert kept.step_count == 1
    assert torch.equal(kept_flat, flat[rows])
