"""Files that processes lock, on this host and on others, and let go of when they die."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import BinaryIO

from recurate.foundation.errors import RecurateError

# What file systems answer that know no locks, and those that lock for writing only what one may write.
WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)


def open_to_lock(path: str | Path) -> BinaryIO:
    """Open a file to lock it, and make it if need be; that of another user is opened for reading, where that suffices.

    Raises RecurateError if its folder cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _opened(path)
    except OSError as error:
        raise RecurateError(
            f"{path.parent}: cannot be written ({error.strerror}); name another folder, or ask whoever owns it"
        ) from error


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("ab")
    except PermissionError:
        if not path.exists():
            raise
        return path.open("rb")
