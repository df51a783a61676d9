"""What Snakemake is started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurate.commands.watched import cache


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null", "/dev/null/x"])
def test_without_a_home_the_cache_lies_beside_snakemake_s_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache() == {"XDG_CACHE_HOME": str(tmp_path / ".snakemake/cache")}


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_with_one_it_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "new"))
    assert cache() == {}
