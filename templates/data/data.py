"""Template name: data of one's own. See docs/extending.md, 'Data of your own kind'."""

from pathlib import Path

import torch
from pydantic import Field

from bimt_bench.data import DataKind, TaskData
from bimt_bench.spec import DATA, DataSettings, Positive


@DATA.register
class TemplateName(DataKind):
    """Two arms of a spiral that wind round each other; which arm a point lies on."""

    name = "template_name"  # data: {kind: template_name} in a task file
    title = "Template name"

    class Settings(DataSettings):
        points: Positive = Field(default=400, description="of both arms together")
        turns: float = Field(default=1.5, gt=0.0, description="that an arm winds")

    def load(self, settings: Settings, *, data_dir: Path | None = None) -> TaskData:
        generator = torch.Generator().manual_seed(settings.seed)
        share = torch.rand(settings.points, generator=generator).sqrt()
        arm = torch.arange(settings.points) % 2
        angle = 2.0 * torch.pi * settings.turns * share + torch.pi * arm
        points = share[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
        train = settings.points // 2
        return TaskData(
            train_inputs=points[:train],
            train_targets=arm[:train],
            test_inputs=points[train:],
            test_targets=arm[train:],
            input_names=("x", "y"),
            output_names=("first arm", "second arm"),
            tokens=None,
        )

    def drawn_anew(
        self, settings: Settings, *, seed: int, data_dir: Path | None = None
    ) -> TaskData | None:
        """Other points of the same arms, for a search to look at; left out if there are none."""
        return self.load(settings.model_copy(update={"seed": seed}))
