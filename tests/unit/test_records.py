"""The record beside every result."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_job import snakemake

from recurate.commands import trace, verify
from recurate.commands.publish import job_costs
from recurate.files import records
from recurate.files.arrays import write_arrays
from recurate.files.costs import costs, read_largest
from recurate.files.fingerprints import file_digest
from recurate.files.paths import Layout, benchmark_of, moved, place_of, results_of
from recurate.files.provenance import chain
from recurate.files.writing import replacing, write_json
from recurate.foundation.errors import RecurateError
from recurate.workflow.job import run

SPEC = {"kept": 3}


def write_samples(path: str | Path, value: float = 0.0) -> None:
    write_arrays(path, {"x": np.full((2, 3), value)}, {"device": "cpu"})


def made(path: Path, value: float = 0.0) -> Path:
    """A sample set with its record."""
    write_samples(path, value)
    records.write([str(path)], records.Work(rule="sample"))
    return path


def test_a_job_writes_a_record_beside_every_output(tmp_path: Path) -> None:
    real = made(tmp_path / "real.safetensors")

    def main(real: str, samples: str, spec: dict[str, int]) -> None:
        write_samples(samples, 1.0)

    samples = tmp_path / "samples.safetensors"
    params = {"spec": json.dumps(SPEC), "code": "abc"}
    groups = {"input": {"real": str(real)}, "output": {"samples": str(samples)}, "params": params}
    run(main, snakemake(tmp_path / "log", wildcards={"seeds": "0-1"}, **groups))
    record = records.read(samples)
    assert record is not None
    assert record.inputs == {str(real): file_digest(real)}
    assert record.sha256 == file_digest(samples)
    assert (record.rule, record.wildcards, record.spec) == ("curate", {"seeds": "0-1"}, SPEC)
    assert record.versions["numpy"] == np.__version__


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 10_000])
def test_an_input_that_is_not_what_was_written_stops_the_job_before_it_runs(tmp_path: Path, content: bytes) -> None:
    real = made(tmp_path / "real.safetensors")
    real.write_bytes(content)

    def main(real: str) -> None:
        raise AssertionError("it was used")

    with pytest.raises(SystemExit, match=r"real\.safetensors does not hold the bytes that sample wrote; make verify"):
        run(main, snakemake(tmp_path / "log", input={"real": str(real)}))


def test_two_exchanged_generations_are_named(tmp_path: Path) -> None:
    first, second = (made(tmp_path / f"gen-00{g}" / "samples.safetensors", g) for g in (0, 1))
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    with pytest.raises(RecurateError, match=rf"{first} does not .*, but those of {second}; make verify"):
        records.check([str(first)])


def test_a_damaged_file_that_cannot_be_made_again_stays_and_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path / "samples.safetensors")
    path.write_bytes(b"damaged")
    monkeypatch.setattr(verify, "supervised", lambda *_: 1)
    assert verify.rebuild([path], []) == 1
    assert path.read_bytes() == b"damaged"
    assert list(verify.damaged(tmp_path)) == [path]


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "no_keys": lambda _: b"{}",
    "a_list": lambda _: b"[]",
    "a_text": lambda _: b'"text"',
    "a_number": lambda _: b"3",
    "null": lambda _: b"null",
    "half": lambda whole: whole[: len(whole) // 2],
    "binary": lambda _: bytes(range(256)),
    "zeros": lambda whole: bytes(len(whole)),
    "twice": lambda whole: whole * 2,
    "without_rule": lambda whole: without(whole, "rule"),
    "without_digest": lambda whole: without(whole, "sha256"),
    "another_rule": lambda whole: whole.replace(b"sample", b"simple"),
    "another_digest": lambda whole: whole.replace(b'"sha256": "', b'"sha256": "f'),
    "another_type": lambda whole: whole.replace(b'"wildcards": {}', b'"wildcards": []'),
    "deep": lambda _: b"[" * 100_000,
}


def without(whole: bytes, key: str) -> bytes:
    card = json.loads(whole)
    del card[key]
    return json.dumps(card).encode()


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_record_is_named_and_the_others_are_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    first, second, third = (made(tmp_path / f"gen-00{g}" / "samples.safetensors", g) for g in range(3))
    record = records.record_of(first)
    record.write_bytes(DAMAGED[damage](record.read_bytes()))
    third.write_bytes(b"damaged")
    with pytest.raises(
        RecurateError, match=rf"{first} has a damaged record, {record.name}; make verify ARGS=--rebuild"
    ):
        records.check([str(first)])
    with pytest.raises(RecurateError, match=rf"{record}: "):
        records.read(first)
    assert chain([str(first)])[str(first)].is_broken
    assert verify.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{first} has a damaged record, {record.name}",
        f"{third} does not hold the bytes that sample wrote",
    ]
    assert records.check([str(second)]) == {str(second): file_digest(second)}


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (lambda path: None, "is gone"),
        (lambda path: path.symlink_to(path.with_name("nowhere")), "is a link to what is not there"),
        (lambda path: path.symlink_to(path), r"cannot be read \(Too many levels of symbolic links\)"),
        (lambda path: path.mkdir(), "is a folder, where a file was written"),
        (lambda path: path.write_bytes(b""), "does not hold the bytes that sample wrote"),
        (lambda path: path.symlink_to(path.parent), "is a folder, where a file was written"),
    ],
)
def test_what_is_in_the_place_of_a_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: Callable[[Path], None], said: str
) -> None:
    path, other = made(tmp_path / "a" / "samples.safetensors"), made(tmp_path / "b" / "model.safetensors")
    path.unlink()
    place(path)
    other.write_bytes(b"damaged")
    assert verify.main([str(tmp_path)]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(f"{path} {said}", first)
    assert second == f"{other} does not hold the bytes that sample wrote"
    with pytest.raises(RecurateError, match=f"{path} {said}; make verify"):
        records.check([str(path)])
    assert chain([str(path)])[str(path)].is_broken


def test_files_that_are_gone_with_their_records_are_named_by_what_was_made_from_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    listed, table = Path("results/tiny/arms/a/seeds-0-1/gen-001/trained_on.json"), Path("results/tiny/metrics.csv")
    for path in (listed, table):
        path.parent.mkdir(parents=True, exist_ok=True)
    link(listed, "1", [], "results/logs/tiny/arms/a/seeds-0-1/gen-001/model.log")
    link(table, "2", [listed], "results/logs/tiny/metrics.log")
    assert verify.main(["results"]) == 0
    shutil.rmtree("results/tiny/arms")
    assert verify.main(["results"]) == 1
    assert f"{listed} is gone, from which {table} was made" in capsys.readouterr().out
    Path("results").rename("moved")
    assert verify.main(["moved"]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, as root")
def test_what_may_not_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        file, other = made(Path(name, "a/samples.safetensors")), made(Path(name, "b/samples.safetensors"))
        file.chmod(0o600)
        other.parent.chmod(0o700)
        try:
            os.seteuid(65534)
            assert verify.main([name]) == 1
        finally:
            os.seteuid(0)
        assert capsys.readouterr().out.splitlines() == [
            f"{other.parent} cannot be looked into (Permission denied)",
            f"{file} cannot be read (Permission denied)",
        ]


@pytest.mark.parametrize("called", ["results", "{here}/results", "../{name}/results", "link", "results/tiny/arms/.."])
def test_files_are_named_as_their_records_do_however_the_folder_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, called: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("results/tiny/arms/table.csv")
    path.parent.mkdir(parents=True)
    Path("link").symlink_to("results")
    write_json("config/config.yaml", {"studies": ["tiny"]})
    link(path, "1", [], "results/logs/tiny/arms/table.log")
    path.write_text("2")
    assert verify.main([called.format(here=tmp_path, name=tmp_path.name)]) == 1
    assert capsys.readouterr().out == f"{path} does not hold the bytes that table wrote\n"


def test_where_nothing_is_recorded_nothing_is_as_it_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = made(tmp_path / "whole/samples.safetensors")
    empty, away = tmp_path / "empty", tmp_path / "away"
    empty.mkdir()
    assert verify.main([str(whole.parent)]) == 0
    assert verify.main([str(whole.parent), str(empty)]) == verify.main([str(away)]) == verify.main([str(whole)]) == 1
    said = capsys.readouterr().out
    assert f"{empty} holds no recorded result" in said
    assert f"{away} is no folder" in said


def test_a_record_of_the_first_version_is_read(tmp_path: Path) -> None:
    path = made(tmp_path / "samples.safetensors")
    card = json.loads(records.record_of(path).read_text())
    written_then = (
        "rule",
        "wildcards",
        "log",
        "inputs",
        "spec",
        "spec_digest",
        "code_digest",
        "device",
        "versions",
        "sha256",
    )
    records.record_of(path).write_text(json.dumps({key: card[key] for key in written_then}))
    assert records.check([str(path)]) == {str(path): file_digest(path)}


def test_a_folder_in_the_place_of_a_file_is_never_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path / "samples.safetensors")
    path.unlink()
    (path / "mine").mkdir(parents=True)

    def snakemake_makes_it(*_: object) -> int:
        made(path)
        return 0

    monkeypatch.setattr(verify, "supervised", snakemake_makes_it)
    assert verify.main(["--rebuild", str(tmp_path)]) == 0
    assert (tmp_path / ".damaged-samples.safetensors/mine").is_dir()
    assert ".damaged-samples.safetensors: the folder that was in the place of" in capsys.readouterr().out


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_record_is_made_again_and_what_its_file_led_to_keeps_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    path = made(tmp_path / "samples.safetensors")
    record = records.record_of(path)
    record.write_bytes(DAMAGED[damage](record.read_bytes()))
    os.utime(record, (1, 1))

    def snakemake_makes_it(*_: object) -> int:
        assert not path.exists()
        made(path)
        return 0

    monkeypatch.setattr(verify, "supervised", snakemake_makes_it)
    assert verify.main(["--rebuild", str(tmp_path)]) == 0
    assert path.stat().st_mtime == 1


def test_a_file_without_a_record_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("a\n")
    assert records.check([str(path)]) == {str(path): file_digest(path)}


def test_a_job_that_fails_leaves_no_record_of_its_last_success(tmp_path: Path) -> None:
    samples = made(tmp_path / "samples.safetensors")

    def main(samples: str) -> None:
        raise RecurateError("no")

    with pytest.raises(SystemExit):
        run(main, snakemake(tmp_path / "log", output={"samples": str(samples)}))
    assert records.read(samples) is None


def test_a_full_disk_is_a_sentence_wherever_it_is_met(tmp_path: Path) -> None:
    def main() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x.safetensors")

    with pytest.raises(SystemExit, match=r"error: x\.safetensors: No space left on device; free some and run again"):
        run(main, snakemake(tmp_path / "log"))


# The chain


def link(path: Path, content: str, inputs: list[Path], log: str = "results/s/logs/x.log") -> Path:
    """A file with its record."""
    path.write_text(content)
    digests = {str(file): file_digest(file) for file in inputs}
    records.write([str(path)], records.Work(rule=path.stem, inputs=digests, log=log))
    return path


def test_the_chain_says_which_links_no_longer_hold(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("mine")
    real = link(tmp_path / "real.txt", "1", [own])
    model = link(tmp_path / "model.txt", "2", [real])
    figure = link(tmp_path / "figure.txt", "3", [model, real])

    def states() -> dict[str, str]:
        return {Path(path).stem: found.state for path, found in chain([str(figure)]).items()}

    assert states() == {"figure": "as written", "model": "as written", "real": "as written", "own": "not recorded"}
    own.write_text("changed")
    assert states()["real"] == f"was made from another {own}"
    link(real, "1", [own])  # the same bytes again, from the changed file
    assert set(states().values()) == {"as written", "not recorded"}
    model.write_text("4")
    assert states()["model"] == "does not hold the bytes that model wrote"
    assert states()["figure"] == f"was made from another {model}"
    model.unlink()
    assert states()["model"] == "is gone"


def test_costs_add_up_by_rule(tmp_path: Path) -> None:
    for name, seconds, processor, memory in (("a", "10.0", "20.0", "300.5"), ("b", "5.0", "NA", "-")):
        measured(tmp_path, name, f"s\tmax_rss\tcpu_time\n{seconds}\t{memory}\t{processor}\n")
    first, second, total = costs(tmp_path)
    assert (first["rule"], first["jobs"], first["longest_s"], first["peak_memory_mb"]) == ("a", 1, 10.0, 300.5)
    assert (second["rule"], second["peak_memory_mb"]) == ("b", 0.0)
    assert (total["rule"], total["jobs"], total["cpu_hours"]) == ("all", 2, 20 / 3600)


def measured(results: Path, name: str, table: str | bytes) -> Path:
    """The benchmark file of a recorded job."""
    path = results / f"benchmarks/{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table.encode() if isinstance(table, str) else table)
    (results / name).parent.mkdir(parents=True, exist_ok=True)
    link(results / f"{name}.txt", "", [], log=f"{results}/logs/{name}.log")
    return path


WHOLE = "s\tmax_rss\tcpu_time\n10\t300\t20\n"


@pytest.mark.parametrize(
    "table",
    ["", "s\tmax_rss\tcpu_time\n", "s\tmax_rss\n10\t300\n", "s\tmax_rss\tcpu_time\n10\t30", "\x00\x01\n\x02",
     "s\tmax_rss\tcpu_time\nten\t300\t20\n", "s\tmax_rss\tcpu_time\n-1\t300\t20\n",
     "s\tmax_rss\tcpu_time\nnan\t300\t20\n", "s\tmax_rss\tcpu_time\n10\tinf\t20\n", bytes(range(256)), "[]"],
)  # fmt: skip
def test_a_damaged_benchmark_leaves_its_job_out_with_a_notice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str | bytes
) -> None:
    measured(tmp_path, "whole", WHOLE)
    path = measured(tmp_path, "damaged", table)
    (_, total) = costs(tmp_path)
    assert (total["jobs"], total["longest_s"]) == (1, 10.0)
    assert capsys.readouterr().err.startswith(f"{path}: holds no measurement (")
    assert chain([str(tmp_path / "damaged.txt")])[str(tmp_path / "damaged.txt")].seconds is None
    assert job_costs(tmp_path)["all"]["jobs"] == 1
    assert capsys.readouterr().err.count("holds no measurement") == 2


ROWS = "rule,jobs,cpu_hours,gpu_hours,longest_s,peak_memory_mb,disk_mb\n"


@pytest.mark.parametrize(
    "content",
    ["", "rule\nx\n", f"{ROWS}train,1,2", f"{ROWS}train,1,1,0,ten,300,1\n", f"{ROWS}train,1,1,0,nan,300,1\n",
     f"{ROWS}train,1,1,0,10,inf,1\n", f"{ROWS}train,1,1,0,10,-3,1\n", bytes(range(256)), "\x00"],
)  # fmt: skip
def test_a_damaged_cost_table_does_not_stand_in_the_way_of_its_own_making(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes
) -> None:
    path = tmp_path / "cost.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert read_largest(path) == {}
    assert capsys.readouterr().err.startswith(f"{path}: is not used (")


def test_a_cost_table_that_differs_from_its_record_is_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = link(tmp_path / "cost.csv", f"{ROWS}train,1,1,0,10,300,1\n", [])
    assert read_largest(path) == {"train": (10.0, 300.0)}
    path.write_text(f"{ROWS}train,1,1,0,90,300,1\n")
    assert read_largest(path) == {}
    assert "does not hold the bytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "results", ["results", "logs", "a/logs/b", "/tmp/logs", "blogs/benchmarks", "my logs", "x/logs"]
)
@pytest.mark.parametrize("study", ["mixture", "blogs", "benchmarks_2", "arms", "figures"])
@pytest.mark.parametrize("arm", ["curated", "logs", "catalogs", "benchmarks", "published", "arms", "figures"])
def test_the_measurement_of_a_job_is_found_whatever_folders_are_called(results: str, study: str, arm: str) -> None:
    layout = Layout(results, "data")
    fill = {"study": study, "arm": arm, "origin": arm, "seeds": "0-1", "generation": "012"}
    for template in (
        layout.in_study("metrics.csv"),
        layout.in_study("figures/logs.pdf"),
        layout.in_origin("real.json"),
        layout.origin_generation("model.safetensors"),
        layout.in_arm("logs.csv"),
        layout.arm_seeds("forecast.csv"),
        layout.arm_generation("trained_on.json"),
    ):
        log, made_file, benchmark = (
            of(template).format(**fill) for of in (layout.log, lambda path: path, layout.benchmark)
        )
        assert results_of(log, made_file) == results
        assert benchmark_of(log, made_file) == benchmark
        place = place_of(Path(made_file).relative_to(results))
        assert place is not None
        assert place.study == study
        assert (place.generation == 12) is ("{generation}" in template)
        assert {place.origin, place.arm} == ({arm, None} if "{arm}" in template or "{origin}" in template else {None})


@pytest.mark.parametrize("data", ["data", "/scratch/logs/data", "logs", "/logs", "results/sets", "logs/logs"])
def test_the_measurement_of_shared_data_is_found_wherever_they_lie(data: str) -> None:
    layout = Layout("results", data)
    for path in (layout.in_data("mnist.safetensors"), layout.report):
        assert benchmark_of(layout.log(path), path) == layout.benchmark(path)


def test_of_a_file_that_was_moved_no_measurement_is_told() -> None:
    assert benchmark_of("results/logs/tiny/metrics.log", "elsewhere/tiny/metrics.csv") is None


@pytest.mark.parametrize(
    "path", ["x", "A/metrics.csv", "s/arms/a", "s/arms/a/gen-001/x", "s/arms/a/seeds-0-1/gen-1/x", "s/a/b"]
)
def test_what_no_study_has_is_in_no_place(path: str) -> None:
    assert place_of(path) is None


def test_costs_leave_out_the_record_that_another_job_is_writing(tmp_path: Path) -> None:
    with replacing(records.record_of(tmp_path / "provenance.json")) as temporary:
        temporary.write_text("{")
        assert records.recorded(tmp_path) == []
        assert costs(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "log", "made", "now"),
    [
        ("results/a/x", "results/logs/a/arms/b/m.log", "results/a/arms/b/m.csv", "results/a/x"),
        ("./results/a/x", "results/logs/a/m.log", "results/a/m.csv", "./results/a/x"),
        ("results/a/x", "results/logs/a/arms/b/m.log", "other/a/arms/b/m.csv", "other/a/x"),
        ("results/a/x", "results/logs/a/m.log", "/far/away/a/m.csv", "/far/away/a/x"),
        ("/far/logs/a/x", "/far/logs/logs/a/m.log", "here/a/m.csv", "here/a/x"),
        ("a/logs/b/x", "a/logs/b/logs/s/m.log", "c/s/m.csv", "c/x"),
        ("results/a/x", "results/logs/report.log", "other/report.html", "other/a/x"),
        ("data/mnist", "results/logs/a/m.log", "other/a/m.csv", "data/mnist"),
        ("results/a/x", "", "other/a/m.csv", "results/a/x"),
        ("results/a/x", "results/logs/a/m.log", "elsewhere/m.csv", "results/a/x"),
    ],
)
def test_inputs_are_found_where_a_results_folder_was_copied_to(path: str, log: str, made: str, now: str) -> None:
    assert moved(path, log, made) == now


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["results"], "results is a folder; name files of the results folder"),
        (["nosuch"], "nosuch is not there; name files"),
        (["--all", "results"], "results is a folder"),
        ([], "name results, such as"),
        (["--nosuch", "results"], "name results, such as"),
    ],
)
def test_where_a_folder_or_nothing_comes_from_is_no_question(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecurateError, match=said):
        trace.main(words)
