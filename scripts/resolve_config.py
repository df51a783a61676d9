"""Write down the settings a study was made with."""

import yaml

from recurate.files.writing import write_text


def main(resolved: str, spec: dict[str, object], notes: list[str]) -> None:
    """Write `spec`, all settings of a study with defaults filled in, as YAML, under comments with what follows."""
    comments = "".join(f"# {note}\n" for note in notes)
    write_text(resolved, comments + yaml.safe_dump(spec, sort_keys=False, allow_unicode=True))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
