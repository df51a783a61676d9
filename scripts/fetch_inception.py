"""Fetch the Inception network behind the literature's FID, once for all jobs, and verify it."""

from recurate.measuring.features.parts.inception_file import fetch


def main(weights: str) -> None:
    """Write the network to `weights`."""
    fetch(weights)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
