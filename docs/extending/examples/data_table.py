from pydantic import Field

from recurate.data import Data, Description, RealData
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np


class Table(Data):
    """Columns of a CSV file whose first line names them, one of them of classes; a fifth of the rows is held out."""

    table: str = Field(description="path of the CSV file")
    columns: list[str] = Field(min_length=1, description="columns that are learnt")
    label: str = Field(description="column of the classes")
    classes: list[str] = Field(description="what stands in that column, in the order of the classes")

    @property
    def files(self):
        return (self.table,)

    @property
    def description(self):
        return Description((len(self.columns),), len(self.classes), tuple(self.classes))

    def load(self, generator):
        import pandas as pd

        table = pd.read_csv(self.table, dtype={self.label: str}, keep_default_na=False)
        if missing := [name for name in [*self.columns, self.label] if name not in table]:
            raise RecurateError(f"{self.table}: there is no column {missing[0]!r}; the first line names {[*table]}")
        if unknown := sorted(set(table[self.label]) - set(self.classes)):
            raise RecurateError(f"{self.table}: {self.label} holds {unknown[0]!r}; name it in classes, or take it out")
        order = generator.permutation(len(table))
        x = table[self.columns].to_numpy(np.float32)[order]
        y = table[self.label].map(self.classes.index).to_numpy(np.int64)[order]
        held_out = len(x) // 5
        return RealData(x[held_out:], y[held_out:], x[:held_out], y[:held_out])
