"""Show the chain of files that leads to a result, or write that of a whole study.

Usage: python scripts/provenance.py RESULT ..
"""

import sys
from pathlib import Path
from typing import Any

from recurate.files.provenance import INTACT, chain
from recurate.files.writing import write_json


def main(results: list[str], provenance: str) -> None:
    """Write every link that leads to `results` as JSON: by file its record, wall time in seconds, and state."""
    write_json(provenance, chain(results))


def told(path: str, link: dict[str, Any]) -> str:
    """A link as lines of text."""
    if "rule" not in link:
        return f"{path}\n    {link['state']}"
    spent = "" if link["seconds"] is None else f" in {link['seconds']:.1f} s"
    which = ", ".join(f"{name} {value}" for name, value in link["wildcards"].items())
    versions = ", ".join(f"{name} {version}" for name, version in link["versions"].items())
    return "\n    ".join(
        [
            f"{path}" + ("" if link["state"] == INTACT else f"  << {link['state']}"),
            f"rule {link['rule']}{f' ({which})' if which else ''} on {link['device']}{spent}",
            f"settings {link['spec_digest']}, code {link['code_digest']}, sha256 {link['sha256'][:16]}",
            versions,
            *(f"from {file}" for file in link["inputs"]),
        ]
    )


def show(results: list[str]) -> int:
    """Print the chain; returns 1 if a link of it no longer holds."""
    links = chain(results)
    print(*(told(path, link) for path, link in links.items()), sep="\n")
    broken = [path for path, link in links.items() if "rule" in link and link["state"] != INTACT]
    print(f"{len(links)} files, {len(broken)} of which no longer match", *broken, sep="\n  ")
    return 1 if broken else 0


if __name__ == "__main__":
    if "snakemake" in globals():
        from recurate.workflow import job

        job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
    elif missing := [path for path in sys.argv[1:] if not Path(path).exists()]:
        sys.exit(f"error: there is no {missing[0]}; name files of the results folder")
    elif len(sys.argv) > 1:
        sys.exit(show(sys.argv[1:]))
    else:
        sys.exit(f"error: name a result\n{__doc__}")
