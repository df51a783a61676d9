from recurate.foundation.lazy import torch
from recurate.models import VelocityModel


class Affine(VelocityModel):
    """A velocity that is affine in x, for each of two halves of time."""

    def initial(self, shape, generator):
        return {"matrix": 0.1 * torch.randn(2, *shape, *shape, generator=generator), "shift": torch.zeros(2, *shape)}

    def velocity(self, parameters, x, time):
        product = torch.einsum("sbi,skij->skbj", x, parameters["matrix"])
        early, late = (product + parameters["shift"][:, :, None]).unbind(1)
        return torch.where((time > 0.5)[..., None], late, early)
