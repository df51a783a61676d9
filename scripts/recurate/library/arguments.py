"""Every argument of the library, looked at here: it is what is wanted, or one sentence says what it is instead.

A converter is given what the caller gave and hands on what is wanted. Whatever it raises, also in code of the object
that it looks at, becomes a RecurateError that names the argument, what it is, what is wanted and, where there is more
to tell, why.
"""

from __future__ import annotations

import array
import math
import numbers
import os
import sys
import typing
from collections.abc import Callable, Iterable, Mapping, Set
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard, TypeVar

from recurate.curation.parts.keep_operator import LARGEST_SPREAD
from recurate.curation.parts.reward_moments import exceeds
from recurate.foundation.errors import RecurateError
from recurate.foundation.guard import text_of
from recurate.foundation.lazy import np
from recurate.foundation.quoting import quoted, shortened
from recurate.foundation.randomness import CURATION, numpy_generator
from recurate.foundation.results import got, is_array, is_tensor
from recurate.foundation.settings import MOST_COUNTED
from recurate.mixing.regimes import TrainedRegime
from recurate.mixing.trained import Mixing
from recurate.theory.claims import CLAIMS
from recurate.theory.forecast import infinite

if TYPE_CHECKING:
    import pandas
    from numpy.random import Generator

    from recurate.foundation.types import Array

Kind = TypeVar("Kind")
LARGEST = 1e9  # size of a reward, beyond which single precision, in which r* is met, knows nothing of e^(r - r*)
REAL, WHOLE = "fiu", "iu"  # NumPy's letters for kinds of numbers
MOST_NUMBERS = 10**8  # of one array, 0.8 GB
MOST_GENERATIONS = 9_999  # as in a study
MOST_CLASSES = 10_000  # each of which is a column
MOST_SHARES = 10**7  # values in these columns
MOST_SEED = 2**128 - 1  # as many bits as NumPy takes from the system
MOST_SHOWN = 10**8  # samples that are looked at in all choices together, of which there are some four arrays
MOST_PASSES = 10**5  # through all samples
SEQUENCES = (list, tuple, range, array.array, memoryview)  # taken as arrays, as is what says that it is one


def checked(name: str, value: object, wanted: str, convert: Callable[[object], Kind]) -> Kind:
    """What `convert` makes of an argument; raises RecurateError where it raises anything."""
    try:
        return convert(value)
    except Exception as error:  # of whatever object it is
        why = shortened(text_of(error)).rstrip(".")
        raise RecurateError(f"{name} is {told(value)}, but must be {wanted}{f': {why}' if why else ''}.") from error


def told(value: object) -> str:
    """A value as sentences name it: a number or text as it is, an array by type and shape."""
    try:
        if is_array(value) or is_tensor(value) or value is None:
            return shortened(got(value))
        if isinstance(value, str | numbers.Number):
            return quoted(value)
        if hasattr(value, "shape"):
            return shortened(f"a {type(value).__name__} of shape {tuple(value.shape)}")
        return shortened(got(value))
    except Exception:  # of whatever object it is
        return f"a {type(value).__name__}"


# Numbers


def _plain(value: object) -> object:
    """A number of NumPy's, or in an array or tensor of no axes, as one of Python's; others as they are."""
    if isinstance(value, np.generic) or is_array(value):
        is_number = value.ndim == 0 and value.dtype.kind in REAL and not isinstance(value, np.ma.MaskedArray)
        return value.item() if is_number else value
    return value.item() if is_tensor(value) and value.ndim == 0 else value


def _real(value: object) -> float:
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, numbers.Real):
        raise ValueError
    return typing.cast("float", plain)


def number_of(name: str, value: object, least: float = -LARGEST, most: float = LARGEST) -> float:
    """An argument as a number from `least` to `most`."""

    def convert(value: object) -> float:
        if not least <= (found := float(_real(value))) <= most:
            raise ValueError
        return found + 0.0  # of minus nothing

    return checked(name, value, f"a number from {least:g} to {most:g}", convert)


def count_of(name: str, value: object, least: int, most: int, why: str = "") -> int:
    """An argument as an integer from `least` to `most`; 3.0 is one, too."""
    return checked(name, value, f"an integer from {least} to {most}{why}", lambda value: _whole(value, least, most))


def _whole(value: object, least: int, most: int) -> int:
    real = _real(value)
    if not least <= real <= most or int(real) != real:
        raise ValueError
    return int(real)


def choices_of(value: object, samples: int | None = None) -> float:
    """K, as a float: an integer >= 1, at most as many as there are samples, or infinity."""

    def convert(value: object) -> float:
        real = _real(value)
        if real < 1 or not (real == math.inf or (real <= MOST_COUNTED and int(real) == real)):
            raise ValueError
        if samples is not None and math.inf > real > samples:
            raise ValueError(f"there are {samples} samples to choose from")
        return float(real)

    return checked("choices", value, "an integer >= 1 or infinity", convert)


def kept_of(value: object, samples: int, choices: float) -> int:
    """Number of choices made, by default as many as there are samples; raises RecurateError beyond what is feasible."""
    shown = 1 if choices == math.inf else int(choices)
    most = min(MOST_SHOWN // shown, MOST_PASSES * (samples // shown))
    why = f" for {samples} samples and choices = {choices:g}"
    return count_of("kept", samples if value is None else value, 1, most, why)


def truth(name: str, value: object) -> bool:
    """An argument as a truth value; numbers and texts are none."""

    def convert(value: object) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise ValueError
        return bool(value)

    return checked(name, value, "True or False", convert)


# Arrays


def numbers_of(value: object, axes: Iterable[int], kinds: str = REAL, may_be_infinite: bool = False) -> Array:
    """An array or list as an array float64 that is not empty; raises ValueError, or what its object does."""
    if not isinstance(value, SEQUENCES) and not hasattr(type(value), "__array__"):
        raise ValueError
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError("leave out what is masked, or fill it in")
    if hasattr(value, "columns"):
        raise ValueError("give its numbers, such as table.to_numpy() or one column")
    plain = _listed(value, max(axes)) if isinstance(value, list | tuple) else value
    with np.errstate(all="ignore"):
        found = np.asarray(plain)
        if found.dtype.kind not in kinds:
            raise ValueError("" if found is value else f"as an array it is {shortened(got(found))}")
        if found.ndim not in axes or found.size == 0:
            raise ValueError(f"its shape is {found.shape}")
        if found.size > MOST_NUMBERS:
            raise ValueError(f"there are more than {MOST_NUMBERS:g} numbers")
        converted = found.astype(np.float64)
    if not (may_be_infinite or (finite := np.isfinite(converted)).all()):
        place = tuple(int(axis) for axis in np.argwhere(~finite)[0])
        raise ValueError(
            f"{int((~finite).sum())} of {found.size} are not finite, the first at position "
            f"{place if found.ndim > 1 else place[0]}"
        )
    return converted


def _listed(value: list[object] | tuple[object, ...], deepest: int) -> list[object]:
    """A list of numbers, or of lists; raises ValueError for what is none, also for more axes than `deepest`."""
    found: list[object] = []
    for part in islice(value, len(value)):
        if isinstance(part, list | tuple) and deepest > 1:
            found.append(_listed(part, deepest - 1))
        else:
            _check_part(part)
            found.append(part)
    return found


def _check_part(part: object) -> None:
    """Raise ValueError for what is neither a number nor an array of numbers."""
    if type(part) in (float, int):
        return
    is_masked = isinstance(part, bool | np.ma.MaskedArray) or "bool" in str(getattr(part, "dtype", ""))
    if is_masked or not (isinstance(part, numbers.Real | range) or hasattr(type(part), "__array__")):
        raise ValueError(f"it holds {told(part)}")


def check_range(values: Array, least: float, most: float) -> None:
    """Raise ValueError unless all values lie between two numbers."""
    if not (within := (least <= values) & (values <= most)).all():
        raise ValueError(f"it holds {values[~within][0]:g}, wanted are numbers from {least:g} to {most:g}")


def rewards_of(name: str, value: object, shapes: Mapping[int, str]) -> Array:
    """Rewards float64 with as many axes as one of `shapes` has, whose last one are samples."""

    def convert(value: object) -> Array:
        found = numbers_of(value, shapes)
        check_range(found, -LARGEST, LARGEST)
        if found.ndim == 2 and found.shape[1] == 1 < found.shape[0]:
            raise ValueError(f"its shape is {found.shape}, of one sample a seed; give a column as column.ravel()")
        if (span := float(np.ptp(found, axis=-1).max())) > LARGEST_SPREAD:
            raise ValueError(f"they span {span:g}, over {LARGEST_SPREAD:g}; rescale the reward")
        return found

    return checked(name, value, f"finite real numbers of shape {' or '.join(shapes.values())}", convert)


def classes_of(value: object, rewards: object, shape: tuple[int, ...], generations: int) -> Array | None:
    """Classes (seeds, n) int64 of samples with rewards of this shape, if they are known."""
    if value is None:
        return None
    seeds, samples = (1, *shape)[-2:]
    most = min(MOST_CLASSES, max(1, MOST_SHARES // (seeds * (generations + 1))))

    def convert(value: object) -> Array:
        found = numbers_of(value, (1, 2), WHOLE)
        if found.shape != shape:
            raise ValueError(f"its shape is {found.shape}")
        check_range(found, 0, most - 1)
        _check_order(value, rewards, "rewards")
        return found.astype(np.int64).reshape(seeds, samples)

    return checked("classes", value, f"whole numbers from 0 to {most - 1} of shape {shape}", convert)


# Samples


def samples_and_rewards(samples: object, rewards: object) -> tuple[int, Array]:
    """How many samples there are, and as many rewards (n,) float64, in the same order."""
    found = checked("samples", samples, "an array, tensor, data frame or list", size)
    values = rewards_of("rewards", rewards, {1: f"({found},)"})

    def check(value: object) -> Array:
        if values.size != found:
            raise ValueError(f"there are {found} samples, but {values.size} rewards")
        _check_order(value, samples, "samples")
        return values

    return found, checked("rewards", rewards, "one number for every sample, in their order", check)


def size(samples: object) -> int:
    """How many samples there are along the first axis; raises ValueError, or what their object does."""
    if isinstance(samples, str | bytes | bytearray | range | Mapping | Set):
        raise ValueError
    shape = getattr(samples, "shape", None)
    return int(shape[0]) if shape else len(samples)  # type: ignore[arg-type]


def _has_index(value: object) -> TypeGuard[pandas.Series | pandas.DataFrame]:
    pd = sys.modules.get("pandas")
    return pd is not None and isinstance(value, pd.Series | pd.DataFrame)


def _check_order(value: object, others: object, name: str) -> None:
    """Raise ValueError for a series or data frame whose index is not that of the others."""
    if _has_index(value) and _has_index(others) and not value.index.equals(others.index):
        raise ValueError(f"its index is not that of {name}; give it in their order by .loc, or as .to_numpy()")


def generator_of(value: object) -> Generator:
    """NumPy's generator, or that of a seed."""

    def convert(value: object) -> Generator:
        return (
            value
            if isinstance(value, np.random.Generator)
            else numpy_generator(_whole(value, 0, MOST_SEED), 0, CURATION)
        )

    return checked("generator", value, "a numpy.random.Generator, or an integer from 0 to 2^128 - 1", convert)


# How a loop is closed


def supremum_of(rewards: Array, value: object) -> float:
    """r*, by default the largest of the rewards; raises RecurateError for one that they exceed."""
    largest = float(rewards.max())
    supremum = largest if value is None else number_of("supremum", value)
    if exceeds(rewards, supremum):
        raise RecurateError(f"supremum is {supremum:g}, but must be none that rewards exceed: there is {largest:g}.")
    return supremum


def mixing_of(real_fraction: object, regime: object) -> Mixing:
    """The mixing rule; raises RecurateError where there is no such rule."""
    known = typing.get_args(TrainedRegime)

    def convert(value: object) -> TrainedRegime | None:
        if not (value is None or (isinstance(value, str) and value in known)):
            raise ValueError
        return typing.cast("TrainedRegime | None", value if value is None else str(value))

    fraction = number_of("real_fraction", real_fraction, 0.0, 1.0)
    name = checked("regime", regime, f"one of {', '.join(known)}, or None", convert)
    try:
        return infinite(name, fraction)
    except ValueError as error:
        raise RecurateError(f"real_fraction is {fraction:g}, regime is {name}: {_reason(error)}") from error


def _reason(error: ValueError) -> str:
    """The first sentence of a validation error."""
    details = getattr(error, "errors", lambda **_: [{"msg": str(error)}])(include_url=False)
    return str(details[0]["msg"]).removeprefix("Value error, ")


# Names


def claims_of(value: object) -> list[str] | None:
    """Names of claims, each once; None for all."""
    if value is None:
        return None

    def convert(value: object) -> list[str]:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise ValueError
        found = list(islice(sorted(value) if isinstance(value, Set) else value, len(CLAIMS) + 1))
        for place, name in enumerate(found):
            if not isinstance(name, str) or name not in CLAIMS:
                raise ValueError(f"there is no claim {told(name)}")
            if name in found[:place]:
                raise ValueError(f"{name!r} is there twice")
        if not found:
            raise ValueError("it is empty")
        return [str(name) for name in found]

    return checked("names", value, f"a list of some of {', '.join(CLAIMS)}, or None", convert)


def tables_in(value: object) -> tuple[Path, list[Path]]:
    """The folder of a study and the tables in it."""

    def convert(value: object) -> tuple[Path, list[Path]]:
        if not isinstance(value, str | os.PathLike) or not str(value):
            raise ValueError
        folder = Path(value)
        if not folder.is_dir():
            raise ValueError("there is no such folder")
        paths = sorted(path for path in folder.glob("*.csv") if path.is_file())
        if not paths:
            raise ValueError("it holds no tables")
        if not (folder / "config.yaml").exists():
            raise ValueError("it holds no config.yaml, which says what the arms are")
        return folder, paths

    return checked("folder", value, "the folder of one study, such as results/mixture", convert)
