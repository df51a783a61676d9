"""Check published claims on the forecast and on the measured loop of every arm."""

from collections.abc import Sequence
from typing import Any

from recurate import job, store
from recurate.lazy import np
from recurate.theory.claims import ClosedLoop, check_claims


def main(metrics: str, forecast: str, claims: str, spec: dict[str, Any], study: str) -> None:
    """Write one row for every arm, claim, source and generation."""
    sources = {
        "forecast": store.read_rows(forecast, store.FORECAST_COLUMNS),
        "measured": store.read_rows(metrics, store.METRIC_COLUMNS),
    }
    rows: list[dict[str, Any]] = []
    for arm, settings in spec["arms"].items():
        loop = ClosedLoop(study, arm, settings["choices"], settings["real_fraction"])
        for source, table in sources.items():
            rows += check_claims(loop, by_metric(table, arm), source, spec["claims"])
    store.write_rows(claims, store.CLAIM_COLUMNS, rows)


def by_metric(table: Sequence[dict[str, str]], arm: str) -> dict[str, np.ndarray]:
    """Values of one arm, (seeds, generations + 1) for each metric that every seed and generation has."""
    cells: dict[str, dict[tuple[int, int], float]] = {}
    for row in table:
        if row["arm"] == arm:
            cells.setdefault(row["metric"], {})[int(row["seed"]), int(row["generation"])] = float(row["value"])
    shapes = {name: (sorted({s for s, _ in held}), sorted({g for _, g in held})) for name, held in cells.items()}
    return {
        name: np.array([[cells[name][seed, generation] for generation in generations] for seed in seeds])
        for name, (seeds, generations) in shapes.items()
        if len(cells[name]) == len(seeds) * len(generations)
    }


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
