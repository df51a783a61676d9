from pydantic import Field

from recurate.data import Data, Description, RealData
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np


class Points(Data):
    """Points of the plane, a row of a CSV file each; a fifth of them is held out."""

    table: str = Field(description="path of the CSV file")
    header: int = Field(0, ge=0, description="lines at its top that hold no numbers")

    @property
    def files(self):
        return (self.table,)

    @property
    def description(self):
        return Description(shape=(2,), classes=0)

    def load(self, generator):
        try:
            x = np.loadtxt(self.table, delimiter=",", dtype=np.float32, skiprows=self.header, ndmin=2)
        except ValueError as error:
            raise RecurateError(f"{self.table}: {error}; where the first line names columns, say header: 1") from error
        x = generator.permutation(x)
        y = np.zeros(len(x), dtype=np.int64)
        held_out = len(x) // 5
        return RealData(x[held_out:], y[held_out:], x[:held_out], y[:held_out])
