from pydantic import Field

from recurate.foundation.lazy import torch
from recurate.sampling.parts.flow import FlowSampler


class Euler(FlowSampler):
    """Follows a vector field in equal steps."""

    steps: int = Field(20, ge=1, description="number of steps")

    def generate(self, model, parameters, latents):
        x = latents
        with torch.no_grad():
            for step in range(self.steps):
                time = torch.full(x.shape[:2], step / self.steps, device=x.device)
                x = x + model.velocity(parameters, x, time) / self.steps
        return x
