"""Write down what theory says about the arms of a simulated study."""

from recurate.closed_form.laws.registry import laws_of
from recurate.closed_form.tables import LAW_COLUMNS
from recurate.files.tables import write_rows
from recurate.stages.laws import Reads
from recurate.study.simulated_arm import measured


def main(laws: str, spec: Reads, study: str) -> None:
    """Write one row for every arm, law and recorded generation."""
    rows: list[dict[str, object]] = []
    for arm, settings in spec.arms.items():
        for law in laws_of(settings.estimator, settings.loop(spec.generations)):
            if law.measure not in measured(settings, spec.measures):
                continue
            for generation in spec.recorded:
                optional = {"deviation": law.deviation, "order": law.order}
                cells = {
                    key: repr(float(line[generation])) if line is not None else "" for key, line in optional.items()
                }
                head = {"study": study, "arm": arm, "generation": generation, "metric": law.measure}
                rows.append({**head, "value": repr(float(law.values[generation])), **cells, "source": law.source})
    write_rows(laws, LAW_COLUMNS, rows)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
