"""A command line is read as it was meant, in whatever order its words stand."""

from __future__ import annotations

import pytest

from recurate.commands.words import BRIEF, in_order, of_studies
from recurate.foundation.errors import RecurateError

SCALE = ["--config", "scale=paper"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", []),
        ("mixture", ["--", "mixture"]),
        ("mixture moons", ["--", "mixture", "moons"]),
        ("-- mixture", ["--", "mixture"]),
        ("-n mixture", ["-n", "--", "mixture"]),
        ("mixture -n", ["-n", "--", "mixture"]),
        ("--cores 2 mixture", ["--cores", "2", "--", "mixture"]),
        ("mixture --cores 2 moons", ["--cores", "2", "--", "mixture", "moons"]),
        ("--cores=2 mixture", ["--cores=2", "--", "mixture"]),
        ("-j2 mixture", ["-j2", "--", "mixture"]),
        ("--quiet mixture", [BRIEF, "--", "mixture"]),
        ("mixture -q", [BRIEF, "--", "mixture"]),
        ("--quiet all mixture", [BRIEF, "--", "mixture"]),
        ("--quiet rules progress -n", ["-n", BRIEF]),
        ("--quiet host reason", []),
        ("--quiet host reason rules mixture", [BRIEF, "--", "mixture"]),
        ("--config scale=paper mixture", [*SCALE, "--", "mixture"]),
        ("--config scale=paper -- mixture", [*SCALE, "--", "mixture"]),
        ("mixture --config scale=paper", [*SCALE, "--", "mixture"]),
        ("--config scale=paper -n mixture", ["-n", *SCALE, "--", "mixture"]),
        ("--config=scale=paper mixture", [*SCALE, "--", "mixture"]),
        ("--config scale=paper -n --config results=paper", ["-n", *SCALE, "results=paper"]),
        ("-C scale=paper mixture", [*SCALE, "--", "mixture"]),
        ("--keep-going mixture --forceall", ["--keep-going", "--forceall", "--", "mixture"]),
        ("-R train_arm -- mixture", ["-R", "train_arm", "--", "mixture"]),
        ("--until gather mixture", ["--until", "gather", "mixture"]),  # names of rules, which studies are too
        ("--resources gpu=1 mixture", ["--resources", "gpu=1", "--", "mixture"]),
        ("--workflow-profile profiles/slurm mixture", ["--workflow-profile", "profiles/slurm", "--", "mixture"]),
        ("--rerun-triggers mtime params mixture", ["--rerun-triggers", "mtime", "params", "--", "mixture"]),
        ("results/mixture/metrics.csv -n", ["-n", "--", "results/mixture/metrics.csv"]),
    ],
)
def test_options_and_targets_may_stand_in_any_order(given: str, read: list[str]) -> None:
    assert in_order(given.split()) == read


def test_studies_that_are_named_replace_the_default_ones_beside_other_settings() -> None:
    words, studies = of_studies(["--study", "mixture moons", "--cores", "2", "--config", "scale=paper"])
    assert in_order(words, studies) == ["--cores", "2", *SCALE, "studies=[mixture,moons]"]
    assert of_studies(["--study", "mixture, moons"]) == ([], ["mixture", "moons"])
    assert of_studies(["mixture"]) == (["mixture"], [])


@pytest.mark.parametrize("words", [["--study"], ["--study", ""], ["--study", " , "]])
def test_no_study_is_a_sentence(words: list[str]) -> None:
    with pytest.raises(RecurateError, match="--study: name studies of config/studies"):
        of_studies(words)


def test_values_with_spaces_and_braces_stay_one_word() -> None:
    override = "overrides={mixture: {seeds: 8}}"
    assert in_order(["--config", override, "mixture"]) == ["--config", override, "--", "mixture"]
