"""What every rule gives is what its script's `main` takes: input, output and params, by name, without running a job."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from recurate.foundation.errors import RecurateError
from recurate.workflow.job import arguments
from recurate.workflow.stage_settings import StageSettings

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


def blocks() -> dict[str, str]:
    """Text of every rule; of one that is like another the other's, with its own below."""
    texts: dict[str, str] = {}
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for block in re.split(r"\n(?=rule |use rule )", path.read_text())[1:]:
            name, like = re.findall(r"^(?:use rule (\w+) as )?(?:rule )?(\w+)(?: with)?:", block)[0][::-1]
            texts[name] = texts.get(like, "") + block
    return texts


@pytest.mark.parametrize("rule", blocks())
def test_digest_and_settings_of_a_rule_are_those_of_its_script(rule: str) -> None:
    """Of the last that a rule says: one that is like another says only what differs."""
    text = blocks()[rule]
    scripts = re.findall(r'"\.\./scripts/(\w+)\.py"', text)
    asked = re.findall(r'params\("(\w+)\.py"(?:, ([\w.]+))?', text)
    if not scripts:
        return
    digested, settings = asked[-1]
    assert digested == scripts[-1]
    assert {name for name in re.findall(r"own_files\(([\w.]+)\)", text)[-1:]} <= {settings}
    spec = typing.get_type_hints(importlib.import_module(digested).main).get("spec")
    if not settings.startswith("settings."):
        return
    method = getattr(StageSettings, settings.removeprefix("settings."))
    given = typing.get_type_hints(method)["return"]
    given = typing.get_args(given)[-1] if typing.get_origin(given) is not None and "Callable" in str(given) else given
    assert given == spec, f"{settings} gives {given}, the script reads {spec}"


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
