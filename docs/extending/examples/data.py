from pydantic import Field

from recurate.data import Data, Description, RealData
from recurate.foundation.lazy import np


class Points(Data):
    """Points of the plane, a row of a CSV file each; a fifth of them is held out."""

    table: str = Field(description="path of the CSV file")

    @property
    def files(self):
        return (self.table,)

    @property
    def description(self):
        return Description(shape=(2,), classes=0)

    def load(self, generator):
        x = generator.permutation(np.loadtxt(self.table, delimiter=",", dtype=np.float32))
        y = np.zeros(len(x), dtype=np.int64)
        held_out = len(x) // 5
        return RealData(x[held_out:], y[held_out:], x[:held_out], y[:held_out])
