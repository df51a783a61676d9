"""Where a result comes from, whether that still holds, and what it cost."""

from __future__ import annotations

import csv
import json
import sys

import pytest
from tiny import SECRET, Copy

pytestmark = pytest.mark.workflow

FIGURE = "results/tiny/figures/trajectory.pdf"
MODEL = "results/tiny/arms/mixed/seeds-0-1/gen-001/model.safetensors"


def test_the_chain_of_a_figure_goes_back_to_the_real_data(built: Copy) -> None:
    shown = built.run(sys.executable, "scripts/manage.py", "trace", "--all", FIGURE)
    assert shown.returncode == 0, shown.stdout
    assert shown.stdout.startswith(FIGURE)
    for part in (
        "rule draw",
        "rule train_arm (study tiny, arm mixed, seeds 0-1, generation 001) on cpu in ",
    ):
        assert part in shown.stdout
    assert "results/tiny/origins/gaussians/real.safetensors\n    rule real_data" in shown.stdout
    assert "0 of which no longer match" in shown.stdout


def test_a_link_that_no_longer_holds_is_flagged(project: Copy) -> None:
    model = project.folder / MODEL
    model.write_bytes(model.read_bytes() + b" ")
    shown = project.run(sys.executable, "scripts/manage.py", "trace", "--all", FIGURE)
    assert shown.returncode == 1
    assert f"{MODEL}  << does not hold the bytes that train_arm wrote" in shown.stdout
    samples = MODEL.replace("model", "samples")
    assert f"{samples}  << was made from another {MODEL}" in shown.stdout


def test_a_result_that_is_not_there_is_a_sentence(built: Copy) -> None:
    shown = built.run(sys.executable, "scripts/manage.py", "trace", "results/tiny/none.csv")
    assert shown.returncode == 1
    assert "error: results/tiny/none.csv is not there" in shown.stdout


def test_a_study_has_its_provenance_as_json(built: Copy) -> None:
    links = json.loads((built.folder / "results/tiny/provenance.json").read_text())
    assert {link["state"] for link in links.values()} == {"as written"}
    assert {FIGURE, MODEL} <= links.keys()
    model = links[MODEL]
    assert model["spec"]["training"]["steps"] == 60
    assert model["wildcards"] == {"study": "tiny", "arm": "mixed", "seeds": "0-1", "generation": "001"}
    assert {"python", "numpy", "torch"} <= model["versions"].keys()
    assert model["seconds"] > 0
    assert all(len(digest) == 64 for digest in model["inputs"].values())


def test_the_cost_of_a_study_is_a_table_by_rule(built: Copy) -> None:
    with (built.folder / "results/tiny/cost.csv").open(newline="") as file:
        rows = {row["rule"]: row for row in csv.DictReader(file)}
    assert int(rows["train_arm"]["jobs"]) == 4
    assert int(rows["measure"]["jobs"]) == 6
    assert float(rows["train_origin"]["longest_s"]) > 0
    assert float(rows["train_origin"]["peak_memory_mb"]) > 100
    total = rows.pop("all")
    assert int(total["jobs"]) == sum(int(row["jobs"]) for row in rows.values())
    assert float(total["gpu_hours"]) == 0


def test_results_and_logs_carry_no_secret_of_the_environment(built: Copy) -> None:
    files = [path for path in (built.folder / "results").rglob("*") if path.is_file()]
    assert any(path.suffix == ".record" for path in files)
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_records_hold_no_path_of_this_machine(built: Copy) -> None:
    for record in (built.folder / "results").rglob(".*.record"):
        assert str(built.folder) not in record.read_text()
