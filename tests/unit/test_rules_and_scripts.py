"""What every rule gives is what its script's `main` takes: input, output and params, by name, without running a job."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from recurate.foundation.errors import RecurateError
from recurate.workflow.job import arguments

ROOT = Path(__file__).parents[2]
# Includes the Snakefile and prints, of every rule with a script, the names that it gives. What `unpack` gives is known
# only with wildcards; those of one figure stand for all, whose names are the same.
READER = """
import json, sys
from recurate.workflow.studies import Wildcards as Names
include: {snakefile!r}
drawn = figures.inputs(Names(study="mixture", figure="trajectory"))
for each in workflow.rules:
    if each.script is not None:
        given = {{part: [name for name, _ in getattr(each, part).items()] for part in ("input", "output", "params")}}
        if each.name in ("draw", "animate"):
            given["input"] += drawn
        about = {{"rule": each.name, "script": each.script, "wildcards": sorted(each.wildcard_names)}}
        print("RULE", json.dumps({{**about, **given}}), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Names by rule."""
    reader = tmp_path_factory.mktemp("reader") / "Snakefile"
    reader.write_text(READER.format(snakefile=str(ROOT / "Snakefile")))
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", str(reader), "--list-rules"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [json.loads(line.removeprefix("RULE ")) for line in run.stderr.splitlines() if line.startswith("RULE ")]
    assert found, run.stderr
    return {rule["rule"]: rule for rule in found}


def of_rule(rule: Mapping[str, Any], **changes: list[str]) -> dict[str, object]:
    """Arguments that the script of a rule would be called with, whatever their values."""
    given = {**rule, **changes}
    job: Any = SimpleNamespace(
        rule=given["rule"],
        input=InputFiles(fromdict=dict.fromkeys(given["input"], "file")),
        output=OutputFiles(fromdict=dict.fromkeys(given["output"], "file")),
        params=Params(fromdict=dict.fromkeys(given["params"], 0)),
        wildcards=Wildcards(fromdict={name: "0-0" if name == "seeds" else "0" for name in given["wildcards"]}),
        config={"device": "cpu"},
        threads=1,
    )
    main = importlib.import_module(Path(given["script"]).stem).main
    return arguments(main, job)


def test_every_script_has_a_rule(rules: dict[str, dict[str, Any]]) -> None:
    scripts = {path.name for path in (ROOT / "scripts").glob("*.py")} - {"manage.py"}
    assert {Path(rule["script"]).name for rule in rules.values()} == scripts


def test_every_rule_gives_what_its_script_takes_and_no_more(rules: dict[str, dict[str, Any]]) -> None:
    assert {"train_arm", "sample_arm", "curate", "draw", "claims"} <= rules.keys()
    for rule in rules.values():
        assert of_rule(rule)


@pytest.mark.parametrize("group", ["input", "output", "params"])
def test_a_misspelt_name_would_be_seen_in_every_rule(rules: dict[str, dict[str, Any]], group: str) -> None:
    for rule in rules.values():
        for name in set(rule[group]) - {"touches", "code"}:
            misspelt = [f"{name}_" if given == name else given for given in rule[group]]
            with pytest.raises(RecurateError, match=rf"rule {rule['rule']} gives '{name}_', which"):
                of_rule(rule, **{group: misspelt})
            with pytest.raises(RecurateError, match=rf"rule {rule['rule']} does not give '{name}'"):
                of_rule(rule, **{group: [given for given in rule[group] if given != name]})
