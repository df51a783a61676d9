"""Every file of state, cut, emptied, overwritten, with bits turned: named in a sentence, made anew, or unharmed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurate.commands import verify
from recurate.files import manifests, records
from recurate.files.costs import COST_COLUMNS, costs, read_benchmark, read_largest
from recurate.files.provenance import chain, mixed_versions
from recurate.files.tables import write_rows
from recurate.files.writing import write_json, write_text
from recurate.foundation.errors import RecurateError
from recurate.workflow import claims, code_digest

Damage = Callable[[bytes], bytes]


@st.composite
def damages(draw: st.DrawFn) -> Damage:
    """What a crash, a bad disk or a hand does to a file."""
    kind = draw(st.sampled_from(["cut", "turned", "overwritten", "replaced", "zeros"]))
    share, bits = draw(st.floats(0, 1)), draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), min_size=1))
    junk = draw(st.binary(max_size=50))

    def damaged(whole: bytes) -> bytes:
        place = int(share * (len(whole) - 1))
        if kind == "turned":
            turned = bytearray(whole)
            for where, bit in bits:
                turned[int(where * (len(whole) - 1))] ^= 1 << bit
            return bytes(turned)
        ends = {
            "cut": whole[:place],
            "overwritten": whole[:place] + junk + whole[place + len(junk) :],
            "replaced": junk,
            "zeros": whole[:place] + bytes(len(whole) - place),
        }
        return ends[kind]

    return damaged


@contextmanager
def study() -> Iterator[Path]:
    """A folder of results with a recorded table, list, chain and cost."""
    with tempfile.TemporaryDirectory() as name:
        results = Path(name)
        write_text(results / "tiny/metrics.csv", "a\n1\n")
        record(results / "tiny/metrics.csv")
        generation = results / "tiny/arms/a/seeds-0-1/gen-001"
        manifests.write(generation / manifests.NAME, None, None, None)
        record(generation / manifests.NAME)
        write_rows(results / "tiny/cost.csv", COST_COLUMNS, [dict.fromkeys(COST_COLUMNS, 1)])
        record(results / "tiny/cost.csv")
        links = chain([str(results / "tiny/metrics.csv")])
        write_json(results / "tiny/provenance.json", {path: link.to_json() for path, link in links.items()})
        write_text(results / "benchmarks/tiny/metrics.tsv", "s\tmax_rss\tcpu_time\n10\t300\t20\n")
        yield results


def record(path: Path) -> None:
    """Write the record of a file."""
    results = next(parent.parent for parent in path.parents if parent.name == "tiny")
    log = results / "logs" / path.relative_to(results).with_suffix(".log")
    records.write(
        [str(path)], records.Work(rule="gather", log=str(log), spec={"rows": [1, 2.5, None]}, code_digest="c")
    )


def harm(path: Path, damage: Damage) -> bool:
    """Damage a file; says whether it differs now."""
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    return path.read_bytes() != whole


def quietly(call: Callable[[], object]) -> object:
    """What a call returns, or None if it says in a sentence why it returns nothing."""
    try:
        return call()
    except RecurateError as error:
        assert str(error)  # noqa: PT017 - whether it is raised is for the damage to say
        return None


@given(damages())
@settings(deadline=None, max_examples=60)
def test_a_record_is_named_or_says_what_it_said(damage: Damage) -> None:
    with study() as results:
        path = results / "tiny/metrics.csv"
        before = records.read(path)
        harm(records.record_of(path), damage)
        assert quietly(lambda: records.read(path)) in (None, before)
        named = verify.damaged(results)
        assert set(named) <= {path}
        assert bool(named) is (records.readable(path) is None)
        assert quietly(lambda: records.check([str(path)])) is None or not named
        assert (chain([str(path)])[str(path)].state == "as written") is not bool(named)
        quietly(lambda: costs(results / "tiny"))


@given(damages())
@settings(deadline=None, max_examples=60)
def test_a_recorded_list_or_table_is_named(damage: Damage) -> None:
    for name in ("tiny/cost.csv", f"tiny/arms/a/seeds-0-1/gen-001/{manifests.NAME}"):
        with study() as results:
            path = results / name
            differs = harm(path, damage)
            assert set(verify.damaged(results)) == ({path} if differs else set())
            assert (quietly(lambda path=path: records.check([str(path)])) is None) is differs
            quietly(lambda path=path: manifests.read(path))


@given(damages())
@settings(deadline=None, max_examples=60)
def test_costs_that_are_damaged_are_not_used(damage: Damage) -> None:
    with study() as results:
        differs = harm(results / "tiny/cost.csv", damage)
        assert read_largest(results / "tiny/cost.csv") == ({} if differs else {"1": (1.0, 1.0)})


@given(damages())
@settings(deadline=None, max_examples=60)
def test_a_benchmark_measures_something_or_nothing(damage: Damage) -> None:
    with study() as results:
        harm(results / "benchmarks/tiny/metrics.tsv", damage)
        measured = read_benchmark(results / "benchmarks/tiny/metrics.tsv")
        assert measured is None or all(0 <= number < float("inf") for number in vars(measured).values())
        costs(results / "tiny")


@given(damages())
@settings(deadline=None, max_examples=60)
def test_provenance_is_a_sentence_or_read(damage: Damage) -> None:
    with study() as results:
        harm(results / "tiny/provenance.json", damage)
        quietly(lambda: mixed_versions(str(results / "tiny/provenance.json"), str(results)))


@given(damages())
@settings(deadline=None, max_examples=60)
def test_the_word_of_a_run_that_is_over_stands_in_nobody_s_way(damage: Damage) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_json(folder / claims.WORD, vars(claims.myself()))
        harm(folder / claims.WORD, damage)
        try:
            with claims.claimed(folder):
                pass
        except RecurateError as error:
            assert "was at work there and did not say that it ended" in str(error)  # noqa: PT017 - of another host's name


@given(damages())
@settings(deadline=None, max_examples=60)
def test_notes_of_digests_are_those_that_were_kept_or_none(damage: Damage) -> None:
    notes = {"/a.py": ("1", "2", ("/b.py",))}
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(code_digest, "NOTES", Path(name, "notes.json"))
        code_digest.write_sealed(code_digest.NOTES, {"valid": "v", "notes": notes})
        assert code_digest._kept_notes("v") == notes
        harm(code_digest.NOTES, damage)
        assert code_digest._kept_notes("v") in ({}, notes)
