"""What data from files of the user's own share: a held-out part, and how its paths are found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.data import Data, RealData
from recurate.foundation.errors import RecurateError
from recurate.foundation.quoting import quoted

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array


class OwnFiles(Data):
    """Data in files, of which a part is held out at random unless the files say which."""

    held_out: float = Field(0.1, gt=0, lt=1, description="share of the samples that is held out, drawn at random")

    def divided(self, x: Array, y: Array, generator: numpy.random.Generator) -> RealData:
        """Samples `x` (n, ..) with labels `y` (n,), a part of them held out.

        Raises RecurateError if there are fewer than two.
        """
        if len(x) < 2:
            raise RecurateError(f"data: {self.kind}: there is one sample; wanted are two or more, one to be held out")
        order = generator.permutation(len(x))
        test, train = order[: (first := min(len(x) - 1, max(1, round(self.held_out * len(x)))))], order[first:]
        return RealData(x[train], y[train], x[test], y[test])


def place(key: str, path: str, folder: bool) -> Path:
    """The path of the file or folder that a key names; it starts at the working directory.

    Raises RecurateError if it is not there or is the other of the two.
    """
    at = Path(path)
    if folder and not at.is_dir():
        raise RecurateError(f"{key}: there is no folder {quoted(path)}; name one that is there")
    if not folder and not at.is_file():
        raise RecurateError(f"{key}: there is no file {quoted(path)}; name one that is there")
    return at
