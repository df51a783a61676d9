"""Fetching the file of the Inception network."""

from __future__ import annotations

import shutil
import socket
import tempfile
from http.client import HTTPException
from pathlib import Path

from recurate.files.writing import replacing
from recurate.foundation.errors import RecurateError
from recurate.measuring.features.inception import remedy, verify

TIMEOUT = 60.0  # seconds without a byte


def fetch(weights: str) -> None:
    """Write the network to `weights`; raises RecurateError, saying how to get it by hand, if that fails."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            fetched = download(folder)
        except (OSError, HTTPException) as error:
            raise RecurateError(f"{weights}: cannot be fetched ({error}); {remedy(weights)}") from error
        try:
            verify(fetched)
        except RecurateError as error:
            raise RecurateError(f"{weights}: what was fetched is not the file asked for; {remedy(weights)}") from error
        with replacing(weights) as temporary:
            shutil.copyfile(fetched, temporary)


def download(folder: str) -> Path:
    """Download the network into `folder` as clean-fid does, which sets no time-out of its own."""
    from cleanfid.downloads_helper import check_download_inception

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        return Path(check_download_inception(folder))
    finally:
        socket.setdefaulttimeout(before)
