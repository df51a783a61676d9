from recurate.foundation.lazy import np
from recurate.models import VelocityModel
from recurate.training.objectives import Objective


class StraightPaths(Objective):
    """Mean squared error of the velocity from noise to data along straight paths."""

    trains = VelocityModel

    def noise(self, model, generator, steps, batch_size, shape):
        return {
            "start": generator.standard_normal((steps, batch_size, *shape), dtype=np.float32),
            "time": generator.random((steps, batch_size), dtype=np.float32),
        }

    def costs(self, model, parameters, x, noise):
        start, time = noise["start"], noise["time"]
        place = time.reshape(*time.shape, *[1] * (x.ndim - 2))
        velocity = model.velocity(parameters, (1 - place) * start + place * x, time)
        return (velocity - (x - start)).square().flatten(2).mean(dim=2)
