"""Write down the settings a study was made with, and what tells its arms apart."""

import yaml

from recurate.files.arms import write_arms
from recurate.files.writing import write_text


def main(resolved: str, arms: str, study: str, spec: dict[str, object], notes: list[str]) -> None:
    """Write `spec`, all settings of a study with defaults filled in, as YAML, under comments with what follows.

    And the table of its `arms`, with the parameters of each.
    """
    comments = "".join(f"# {note}\n" for note in notes)
    write_text(resolved, comments + yaml.safe_dump(spec, sort_keys=False, allow_unicode=True))
    write_arms(arms, study, spec)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
