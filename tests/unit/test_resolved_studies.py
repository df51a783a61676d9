"""Shipped studies resolve to what they did: how layers are merged is not to change a setting of theirs unseen."""

from __future__ import annotations

import hashlib
import json

import pytest
from study_setup import ROOT

from recurate.study.reading import read_study

# Digests of resolved settings; a study that is edited on purpose gets another.
KNOWN = """
alemohammad_diffusion demo 6f74901a305d
alemohammad_diffusion paper 00e9457eb532
alemohammad_gaussian demo 2a0570da75bf
alemohammad_gaussian paper 26f6f2de70cc
cifar10_class demo 9161cce1c694
cifar10_class paper d8c0fae71b20
cifar10_confidence demo 844f7db82746
cifar10_confidence paper 798bda9ab72f
curated_gaussian demo 387482ee92b7
curated_gaussian paper 8e48704acb7b
digits demo da78fac464ee
digits paper 5cabf90c9056
fashion_confidence demo 46904de6ba9e
fashion_confidence paper 78dbfec637ab
gerstgrasser_regression demo 44b0e3b403b1
gerstgrasser_regression paper 8cdab1cdb812
kazdan_gaussian demo efe4b842760a
kazdan_gaussian paper 165997b6cfd0
kazdan_kde demo b1fa837f68da
kazdan_kde paper 7f21e0b7243b
mixture demo 82066da2a90a
mixture paper a128eb1065f4
mnist_class demo 51a46daab0fd
mnist_class paper a7086d5692a5
moons demo 275fa13bcafa
moons paper b0d676b80bbe
quick demo dfb20c1230bb
quick paper 5fb616d0f0e2
shumailov_discrete demo bc1a40557faa
shumailov_discrete paper b38d6d2681a7
shumailov_gaussian demo 2db6155a603f
shumailov_gaussian paper 85d998b9ac71
shumailov_language demo 362ed5d07c90
shumailov_language paper e582090ca8f6
shumailov_mixture demo 2fcf401e17a7
shumailov_mixture paper d34591aecfa3
shumailov_vae demo 0cccc0ec2aa4
shumailov_vae paper 8c9bb7c171e2
wang_biased demo fd44fb0f6d9e
wang_biased paper d34cedc02beb
wang_contamination demo 6007c832c034
wang_contamination paper f2a0201d72db
wang_diffusion demo cd9d802546b0
wang_diffusion paper 48c1cf84d633
wang_language demo 32f2f40cd276
wang_language paper 7f26ba963392
"""


@pytest.mark.parametrize("line", KNOWN.split("\n")[1:-1])
def test_a_shipped_study_resolves_to_what_it_did(line: str) -> None:
    name, scale, digest = line.split()
    settings = read_study(ROOT / f"config/studies/{name}.yaml", scale, {}).model_dump(mode="json")
    found = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    assert found == digest, "settings have changed: if that is meant, write the new digest here"


def test_every_shipped_study_is_held() -> None:
    held = {line.split()[0] for line in KNOWN.split("\n")[1:-1]}
    assert held == {path.stem for path in (ROOT / "config/studies").glob("*.yaml")}
