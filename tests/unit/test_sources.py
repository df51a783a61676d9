"""Published data come from any source unchanged, or not at all; programs and servers are stand-ins on this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import socket
import struct
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from recurate.data import RealData
from recurate.data.parts import sources
from recurate.data.parts.sources import (
    IDX_FILES,
    Arrangement,
    DebianPackage,
    Distribution,
    NpmPackage,
    Source,
    Torchvision,
    deliver,
    read_idx,
    read_idx_files,
    unpack,
)
from recurate.foundation.errors import RecurateError
from recurate.foundation.torchvision_compat import import_torchvision

INSTALLED = "/usr/share/datasets/no-such-package"


def made_up(seed: int = 0) -> RealData:
    generator = np.random.default_rng(seed)
    x = generator.integers(0, 256, (50, 28, 28, 1), dtype=np.uint8)
    y = generator.integers(0, 10, 50)
    return RealData(x[:40], y[:40], x[40:], y[40:])


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_idx_files(folder: Path, real: RealData, gzipped: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = (real.train_x[..., 0], real.train_y, real.test_x[..., 0], real.test_y)
    for name, array in zip(IDX_FILES, arrays, strict=True):
        if gzipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))
        else:
            (folder / name).write_bytes(idx(array))
    return folder


def distribution(*tried: Source) -> Distribution:
    arrangements = (Arrangement(IDX_FILES, read_idx_files),)
    return Distribution("Made-up", "made_up", tried, arrangements, made_up().checksums(), "four IDX files")


@dataclass(frozen=True)
class Ready:
    """A source whose files lie in `folder`."""

    folder: Path
    name: str = "ready"

    def provide(self, temporary: Path) -> tuple[Path, str]:
        return self.folder, self.name


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made; nothing may be left in it, whatever the test did."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.glob("recurate-*")) == []


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a shell script in the place of a program; no other npm or apt-get is in reach."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("cp", "mkdir", "sleep", "sh"):
        (folder / name).symlink_to(next(Path(p) / name for p in ("/bin", "/usr/bin") if (Path(p) / name).exists()))
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return put


def assert_delivered(found: tuple[RealData, str], source: str) -> None:
    real, label = found
    for name, array in made_up().arrays().items():
        assert_array_equal(getattr(real, name), array)
        assert getattr(real, name).dtype == array.dtype
    assert label == source


def test_idx_files_are_read_as_the_format_says(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255]))
    assert_array_equal(read_idx(tmp_path / "a"), [[1, 2, 3], [4, 5, 255]])


def test_checksums_are_sha256_of_the_bytes_in_row_order() -> None:
    real = made_up()
    turned = replace(real, train_x=np.asfortranarray(real.train_x))
    assert turned.checksums() == real.checksums()
    assert real.checksums()["test_y"] == hashlib.sha256(struct.pack("<10q", *real.test_y)).hexdigest()


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("below", [".", "MNIST/raw", "package/data", "usr/share/datasets/fashion"])
def test_a_named_folder_delivers_from_any_reasonable_depth(tmp_path: Path, below: str, gzipped: bool) -> None:
    folder = tmp_path / "mine"
    write_idx_files(folder / below, made_up(), gzipped)
    assert_delivered(deliver(distribution(), str(folder)), f"folder {folder}")


def test_a_named_folder_is_tried_before_every_other_source(tmp_path: Path) -> None:
    mine, theirs = (write_idx_files(tmp_path / name, made_up()) for name in ("mine", "theirs"))
    assert_delivered(deliver(distribution(Ready(theirs)), str(mine)), f"folder {mine}")
    assert_delivered(deliver(distribution(Ready(theirs)), None), "ready")


def test_of_two_data_sets_in_one_folder_the_published_one_is_taken(tmp_path: Path) -> None:
    write_idx_files(tmp_path / "FashionMNIST/raw", made_up(1))
    write_idx_files(tmp_path / "MNIST/raw", made_up())
    assert_delivered(deliver(distribution(), str(tmp_path)), f"folder {tmp_path}")


def flipped(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(bytes(content))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a flipped bit in an image": lambda folder: flipped(folder / IDX_FILES[0], 5_000),
    "a flipped bit in a label": lambda folder: flipped(folder / IDX_FILES[3], -1),
    "a flipped bit in a header": lambda folder: flipped(folder / IDX_FILES[0], 7),
    "a cut-off file": lambda folder: os.truncate(folder / IDX_FILES[2], 2_000),
    "an empty file": lambda folder: (folder / IDX_FILES[2]).write_bytes(b""),
    "one image too few": lambda folder: (folder / IDX_FILES[0]).write_bytes(idx(made_up().train_x[:-1, :, :, 0])),
    "images in another order": lambda folder: (folder / IDX_FILES[0]).write_bytes(
        idx(made_up().train_x[::-1, :, :, 0])
    ),
    "a missing file": lambda folder: (folder / IDX_FILES[1]).unlink(),
    "a page of a server": lambda folder: (folder / IDX_FILES[0]).write_text("<html>Not found</html>"),
}
GZIP_DAMAGE: dict[str, Callable[[Path], object]] = {
    "a cut-off file": lambda folder: os.truncate(folder / f"{IDX_FILES[0]}.gz", 10_000),
    "a flipped bit": lambda folder: flipped(folder / f"{IDX_FILES[0]}.gz", 10_000),
    "not gzipped": lambda folder: (folder / f"{IDX_FILES[0]}.gz").write_bytes(b"\0" * 99),
}


@pytest.mark.parametrize(
    ("damage", "gzipped"),
    [*((name, False) for name in DAMAGE), *((name, True) for name in GZIP_DAMAGE)],
)
def test_damaged_data_are_refused_and_the_next_source_is_tried(
    tmp_path: Path, damage: str, gzipped: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = write_idx_files(tmp_path / "damaged", made_up(), gzipped)
    sound = write_idx_files(tmp_path / "sound", made_up())
    (GZIP_DAMAGE if gzipped else DAMAGE)[damage](damaged)
    assert_delivered(deliver(distribution(Ready(damaged, "damaged"), Ready(sound)), None), "ready")
    assert "not usable: damaged: " in capsys.readouterr().out
    with pytest.raises(RecurateError, match="Made-up could not be had from any source"):
        deliver(distribution(Ready(damaged, "damaged")), None)


def test_the_reason_for_other_data_names_array_shape_and_checksum(tmp_path: Path) -> None:
    write_idx_files(tmp_path / "other", made_up(1))
    digest = made_up(1).checksums()["train_x"]
    with pytest.raises(RecurateError, match=rf"other: train_x \(40 x 28 x 28 x 1\) is not .* is {digest}"):
        deliver(distribution(), str(tmp_path))


def test_without_any_source_one_sentence_lists_every_reason_and_the_remedy(
    tmp_path: Path, program: Callable[[str, str], None]
) -> None:
    tried = distribution(NpmPackage("numbers", "1.0.0"), DebianPackage("numbers", INSTALLED), Ready(tmp_path))
    with pytest.raises(RecurateError) as caught:
        deliver(tried, str(tmp_path / "nowhere"))
    message = str(caught.value)
    reasons = (
        f"folder {tmp_path}/nowhere: no such folder",
        "npm package numbers 1.0.0: npm is not installed",
        "Debian package numbers: apt-get is not installed",
        "ready: the files are not there (four IDX files)",
    )
    assert all(reason in message for reason in reasons)
    assert [message.index(reason) for reason in reasons] == sorted(message.index(reason) for reason in reasons)
    assert "put four IDX files into a folder" in message
    assert "'data_folders: {made_up: FOLDER}'" in message
    assert "\n" not in message


def npm_archive(tmp_path: Path, real: RealData) -> Path:
    folder = write_idx_files(tmp_path / "package/data", real)
    with tarfile.open(tmp_path / "archive", "w:gz") as tar:
        tar.add(folder.parent, "package")
    return tmp_path / "archive"


def test_an_npm_package_is_packed_with_a_cache_of_its_own_and_delivers(
    tmp_path: Path, program: Callable[[str, str], None]
) -> None:
    program("npm", f'echo "$@" > {tmp_path}/arguments; cp {npm_archive(tmp_path, made_up())} numbers-1.0.0.tgz')
    found = deliver(distribution(NpmPackage("numbers", "1.0.0")), None)
    assert_delivered(found, "npm package numbers 1.0.0")
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments[:3] == ["pack", "numbers@1.0.0", "--cache"]
    assert arguments[3].startswith(f"{tmp_path}/temporary/")


def test_a_cut_off_npm_archive_is_refused(tmp_path: Path, program: Callable[[str, str], None]) -> None:
    archive = npm_archive(tmp_path, made_up())
    os.truncate(archive, archive.stat().st_size // 2)
    program("npm", f"cp {archive} numbers-1.0.0.tgz")
    with pytest.raises(RecurateError, match="npm package numbers"):
        deliver(distribution(NpmPackage("numbers", "1.0.0")), None)


def test_an_interrupt_is_no_reason_to_try_the_next_source(tmp_path: Path) -> None:
    class Interrupted(Ready):
        def provide(self, temporary: Path) -> tuple[Path, str]:
            (temporary / "half").touch()
            raise KeyboardInterrupt

    sound = write_idx_files(tmp_path / "sound", made_up())
    with pytest.raises(KeyboardInterrupt):
        deliver(distribution(Interrupted(tmp_path), Ready(sound)), None)


def test_a_program_that_fails_is_a_reason_with_its_last_words(program: Callable[[str, str], None]) -> None:
    program("npm", "echo 404 no such package >&2; exit 3")
    with pytest.raises(RecurateError, match="npm failed with status 3: 404 no such package"):
        deliver(distribution(NpmPackage("numbers", "1.0.0")), None)


def test_a_program_that_hangs_is_ended_with_all_it_started(
    tmp_path: Path, program: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    program("npm", f"sleep 60 & echo $! > {tmp_path}/child; wait")
    monkeypatch.setattr(sources, "LONGEST", 0.5)
    start = time.monotonic()
    with pytest.raises(RecurateError, match=r"npm was stopped after 0\.5 s"):
        deliver(distribution(NpmPackage("numbers", "1.0.0")), None)
    assert time.monotonic() - start < 10
    child = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/stat")
    while _lives(child):  # a signal takes effect some time after it was sent
        assert time.monotonic() - start < 10
        time.sleep(0.01)


def _lives(status: Path) -> bool:
    try:
        return status.read_text().split()[2] != "Z"  # a zombie has ended and is not yet collected
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_debian_package_is_downloaded_and_unpacked_without_root(
    tmp_path: Path, program: Callable[[str, str], None]
) -> None:
    files = write_idx_files(tmp_path / "content", made_up(), gzipped=True)
    program("apt-get", '[ "$*" = "download numbers" ] && echo archive > numbers_1%3a2.0-3_all.deb')
    program(
        "dpkg-deb",
        f'[ "$1" = --field ] && echo 1:2.0-3 && exit; mkdir -p "$3{INSTALLED}"; cp {files}/* "$3{INSTALLED}"',
    )
    found = deliver(distribution(DebianPackage("numbers", INSTALLED)), None)
    assert_delivered(found, "Debian package numbers 1:2.0-3")


def test_the_files_of_an_installed_debian_package_need_no_download(
    tmp_path: Path, program: Callable[[str, str], None]
) -> None:
    installed = write_idx_files(tmp_path / "installed", made_up(), gzipped=True)
    program("dpkg-query", "printf 2.0-3")
    found = deliver(distribution(DebianPackage("numbers", str(installed))), None)
    assert_delivered(found, "Debian package numbers 2.0-3, installed")


def test_unpacking_writes_nothing_outside_its_folder(tmp_path: Path) -> None:
    link = tarfile.TarInfo("package/link")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "victim")
    with tarfile.open(tmp_path / "archive", "w") as tar:
        for name in ("../../above", f"{tmp_path}/absolute", "package/plain"):
            member = tarfile.TarInfo(name)
            member.size = 3
            tar.addfile(member, io.BytesIO(b"abc"))
        tar.addfile(link)
    (tmp_path / "below").mkdir()
    unpack(tmp_path / "archive", tmp_path / "below/files")
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "below", "temporary"}
    assert {path.name for path in (tmp_path / "below").rglob("*")} == {"files", "above", "absolute", "plain"}


@pytest.fixture
def torchvision_mnist(monkeypatch: pytest.MonkeyPatch) -> type:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return import_torchvision().datasets.MNIST


def test_torchvisions_download_delivers(
    tmp_path: Path, torchvision_mnist: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_idx_files(tmp_path / "served", made_up(), gzipped=True)
    md5 = {name: hashlib.md5((folder / f"{name}.gz").read_bytes()).hexdigest() for name in IDX_FILES}
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(torchvision_mnist, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(torchvision_mnist, "resources", [(f"{name}.gz", md5[name]) for name in IDX_FILES])
    try:
        real, source = deliver(distribution(Torchvision("MNIST")), None)
    finally:
        server.shutdown()
        server.server_close()
    assert_delivered((real, "torchvision"), source.partition(" ")[0])
    assert source.endswith(", MNIST")


def test_a_stalled_server_is_given_up(torchvision_mnist: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "STALLED", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections and never says a word
        monkeypatch.setattr(torchvision_mnist, "mirrors", [f"http://127.0.0.1:{silent.getsockname()[1]}/"])
        start = time.monotonic()
        with pytest.raises(RecurateError, match=r"torchvision's MNIST: .*timed out"):
            deliver(distribution(Torchvision("MNIST")), None)
    assert time.monotonic() - start < 10
    assert socket.getdefaulttimeout() is None
