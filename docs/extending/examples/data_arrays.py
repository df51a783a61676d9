from pydantic import Field

from recurate.data import Data, Description, RealData
from recurate.foundation.lazy import np


class Arrays(Data):
    """Two files of NumPy, samples (n, ..) and their classes (n,); a fifth of them is held out."""

    samples: str = Field(description="path of the samples, images as uint8 (n, height, width, channels), else float32")
    labels: str = Field(description="path of their classes, whole numbers from 0 on")
    classes: int = Field(ge=1, description="number of classes")

    @property
    def files(self):
        return (self.samples, self.labels)

    @property
    def description(self):
        return Description(np.load(self.samples, mmap_mode="r").shape[1:], self.classes)

    def load(self, generator):
        x, y = np.load(self.samples), np.load(self.labels)
        order = generator.permutation(len(x))
        held_out, learnt = np.split(order, [len(x) // 5])
        return RealData(x[learnt], y[learnt], x[held_out], y[held_out])
