"""Show the chain of files that leads to a result.

Usage: python scripts/manage.py trace RESULT ..
"""

from __future__ import annotations

from pathlib import Path

from recurate.files.provenance import Link, chain
from recurate.foundation.errors import RecurateError


def told(path: str, link: Link) -> str:
    """A link as lines of text."""
    record = link.record
    if record is None:
        return f"{path}\n    {link.state}"
    spent = "" if link.seconds is None else f" in {link.seconds:.1f} s"
    which = ", ".join(f"{name} {value}" for name, value in record.wildcards.items())
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return "\n    ".join(
        [
            f"{path}" + (f"  << {link.state}" if link.is_broken else ""),
            f"rule {record.rule}{f' ({which})' if which else ''} on {record.device}{spent}",
            f"settings {record.spec_digest}, code {record.code_digest}, sha256 {record.sha256[:16]}",
            versions,
            *(f"from {file}" for file in record.inputs),
        ]
    )


def show(results: list[str]) -> int:
    """Print the chain; returns 1 if a link of it no longer holds."""
    links = chain(results)
    print(*(told(path, link) for path, link in links.items()), sep="\n")
    broken = [path for path, link in links.items() if link.is_broken]
    print(f"{len(links)} files, {len(broken)} of which no longer match", *broken, sep="\n  ")
    return 1 if broken else 0


def main(results: list[str]) -> int:
    """Show the chains of the results that are named."""
    if not results:
        raise RecurateError("name a result, such as results/mixture/figures/trajectory.pdf")
    for path in results:
        if not Path(path).is_file():
            what = "is a folder" if Path(path).is_dir() else "is not there"
            raise RecurateError(f"{path} {what}; name files of the results folder")
    return show(results)
