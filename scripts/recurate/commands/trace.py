"""Show where a result comes from: command and commit, settings, packages, machine, and the chain of files.

Usage: python scripts/manage.py trace [--all] RESULT ..
With --all every file of the chain, with digests of its settings, code and bytes.
"""

from __future__ import annotations

from pathlib import Path

from recurate.commands.page import page, published
from recurate.files.provenance import Link, chain
from recurate.foundation.errors import RecurateError


def told(path: str, link: Link) -> str:
    """A link as lines of text."""
    record = link.record
    if record is None:
        return "\n    ".join([path, *(published(path) or [link.state])])
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
    """Print every file of the chain; returns 1 if a link of it no longer holds."""
    links = chain(results)
    print(*(told(path, link) for path, link in links.items()), sep="\n")
    broken = [path for path, link in links.items() if link.is_broken]
    print(f"{len(links)} files, {len(broken)} of which no longer match", *broken, sep="\n  ")
    return 1 if broken else 0


def show_pages(results: list[str]) -> int:
    """Print a page for each result; returns 1 if a link of a chain no longer holds."""
    chains = [(result, chain([result])) for result in results]
    for result, links in chains:
        print(*page(result, links), sep="\n")
    return int(any(link.is_broken for _, links in chains for link in links.values()))


def main(arguments: list[str]) -> int:
    """Show the chains of the results that are named."""
    results = [word for word in arguments if word != "--all"]
    if not results or any(word.startswith("-") for word in results):
        raise RecurateError("name results, such as results/mixture/figures/trajectory.pdf; --all tells every file")
    for path in results:
        if not Path(path).is_file():
            what = "is a folder" if Path(path).is_dir() else "is not there"
            raise RecurateError(f"{path} {what}; name files of the results folder")
    return show(results) if "--all" in arguments else show_pages(results)
