"""Arrays of one's own, in NumPy's or in safetensors' files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.data import Description, RealData
from recurate.data.parts.own_files import OwnFiles, place
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.quoting import quoted

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array

PARTS = ("train_x", "train_y", "test_x", "test_y")
ALL_IN_ONE = "data.safetensors"


class ArrayFolder(OwnFiles):
    """A folder with `train_x.npy` and, where there are, `train_y.npy`, `test_x.npy`, `test_y.npy`.

    Or with the file `data.safetensors` that holds arrays of these names. Images are uint8 (n, height, width, channels)
    or, grey, (n, height, width); other samples are floating-point numbers (n, d). Labels are whole numbers from 0 on.
    """

    folder: str = Field(
        description="folder of the files; or with one file `data.safetensors` that holds arrays of these names. "
        "Images are uint8 (n, height, width, channels) or (n, height, width), labels whole numbers from 0 on"
    )
    class_names: tuple[str, ...] = Field((), description="what people call the classes, in the order of their numbers")

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(map(str, dict.fromkeys(self._places.values())))

    @cached_property
    def _places(self) -> dict[str, Path]:
        """Which file holds which array. Raises RecurateError if there are no samples, or labels of one part alone."""
        folder = place("folder", self.folder, folder=True)
        together = folder / ALL_IN_ONE
        if together.is_file():
            places = {name: together for name in PARTS if name in _names(together)}
        else:
            places = {name: path for name in PARTS if (path := folder / f"{name}.npy").is_file()}
        if "train_x" not in places:
            raise RecurateError(f"folder: {self.folder} has no train_x, in train_x.npy or in {ALL_IN_ONE}")
        if "test_y" in places and "test_x" not in places:
            raise RecurateError(f"folder: {self.folder} has test_y and no test_x; give both or neither")
        if "test_x" in places and ("train_y" in places) != ("test_y" in places):
            raise RecurateError(
                f"folder: {self.folder} has labels of one part alone; give train_y and test_y or neither"
            )
        return places

    @cached_property
    def description(self) -> Description:
        shape = self._read("train_x", values=False).shape[1:]
        labels = [self._read(name) for name in ("train_y", "test_y") if name in self._places]
        classes = max((int(y.max()) + 1 for y in labels if y.size and y.dtype.kind in "iu"), default=0)
        if self.class_names and len(self.class_names) != classes:
            raise RecurateError(
                f"class_names: there are {len(self.class_names)}, and the labels in {self.folder} have {classes}"
            )
        return Description((*shape, 1) if len(shape) == 2 else tuple(shape), classes, self.class_names)

    @property
    def source(self) -> str:
        return f"arrays of the folder {self.folder}"

    def load(self, generator: numpy.random.Generator) -> RealData:
        arrays = {name: self._read(name) for name in self._places}
        for name in ("train_x", "test_x"):
            if name in arrays:
                arrays[name] = self._samples(name, arrays[name])
                labels = f"{name[:-1]}y"
                if labels not in arrays:
                    arrays[labels] = np.zeros(len(arrays[name]), dtype=np.int64)
                elif arrays[labels].shape != arrays[name].shape[:1]:
                    raise RecurateError(
                        f"{self._places[labels]}: {labels} has shape {arrays[labels].shape}; wanted is "
                        f"({len(arrays[name])},), a label for each row of {name}"
                    )
        if "test_x" in arrays:
            return RealData.of(arrays)
        return self.divided(arrays["train_x"], arrays["train_y"], generator)

    def _samples(self, name: str, x: Array) -> Array:
        """Samples as a network takes them; images of floating-point numbers are refused, whose range nobody knows."""
        if x.ndim in (3, 4) and x.dtype != np.uint8:
            raise RecurateError(
                f"{self._places[name]}: {name} are images of {x.dtype}; wanted is uint8, 0 to 255, such as "
                "np.uint8(np.rint(255 * x)) of numbers from 0 to 1"
            )
        return x[..., None] if x.ndim == 3 else x

    def _read(self, name: str, values: bool = True) -> Array:
        """One array, or what tells its shape. Raises RecurateError if its file cannot be read."""
        path = self._places[name]
        try:
            if path.suffix == ".npy":
                return np.load(path, mmap_mode=None if values else "r", allow_pickle=False)
            from safetensors import safe_open

            with safe_open(path, framework="numpy") as file:
                return file.get_tensor(name) if values else np.empty(file.get_slice(name).get_shape(), dtype=np.uint8)
        except Exception as error:
            raise RecurateError(f"{path}: {name} cannot be read ({quoted(str(error))}); write it anew") from error


def _names(path: Path) -> list[str]:
    """Names of the arrays of a safetensors file. Raises RecurateError if it is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return list(file.keys())
    except (OSError, SafetensorError) as error:
        raise RecurateError(f"{path}: is no safetensors file ({error}); write it anew") from error
