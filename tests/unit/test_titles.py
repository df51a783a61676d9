"""Titles of arms are text; between dollars stands mathematics, where matplotlib can set it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from long_cases import others_long
from study_setup import ROOT, STUDY, changed, complaint, read

from recurate.figures.curves import _symbols
from recurate.figures.parts import style, words
from recurate.figures.parts.mathematics import complaint as why_not

GOOD = [r"$\lambda$ = 1/2", "$", "costs $5", "$5 or $6", r"\$5", r"$\$5$", "$a_b$ n_s", "lambda = 1/2", "$a$$b$",
        "$a\nb$", r"$\frac{1}{2}$", "$ê λ$", "$a", "%#&{}_^~\\", "", "$\\mu$ and $x^2$", "{", "<b>"]  # fmt: skip
BAD = [
    "$$",
    r"$\nosuch{x}$",
    r"$\frac{1}$",
    "$ $",
    r"$\sqrt$",
    "$^$",
    "${$",
    r"$a$ and $\left($",
    "$" + "{" * 300 + "$",
]


@pytest.mark.parametrize("title", GOOD)
def test_a_title_that_can_be_drawn_is_allowed(tmp_path: Path, title: str) -> None:
    assert read(changed(("arms.curated.title", title)), tmp_path).arms["curated"].title == title


@pytest.mark.parametrize("key", ["title", "panel"])
@pytest.mark.parametrize("title", BAD, ids=lambda title: title[:12])
def test_mathematics_that_do_not_parse_are_refused_before_anything_runs(tmp_path: Path, key: str, title: str) -> None:
    (line,) = complaint(changed((f"arms.curated.{key}", title)), tmp_path)
    assert re.search(rf"tiny\.yaml: arms\.curated\.{key}: .* is no mathematics .* for a dollar", line)


@pytest.mark.parametrize(
    "text", others_long([*GOOD, *BAD], lambda text: text in ("$", "$$", r"$\frac{1}{2}$")), ids=lambda text: text[:12]
)
def test_whatever_stands_in_a_figure_is_drawn(tmp_path: Path, text: str) -> None:
    figure = style.new_figure(3, 2)
    axes = figure.subplots()
    axes.set_title(words.wrapped(_symbols(words.arm_title(text)), 20))
    axes.plot([0, 1], label=f"class {text}")
    axes.legend()
    style.save(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_greek_letters_and_indices_are_set_outside_mathematics_alone() -> None:
    assert words.arm_title(r"$\lambda$ and lambda") == r"$\lambda$ and λ"
    assert words.arm_title("costs $5, lambda") == "costs $5, λ"
    assert _symbols("$n_s$ and n_s") == "$n_s$ and $n_{s}$"


def test_a_formula_stays_on_one_line() -> None:
    assert words.wrapped(r"with a formula $\frac{1}{2} + x + y + z$", 20).splitlines()[-1].count("$") == 2


def test_what_is_no_mathematics_to_matplotlib_is_found_without_drawing() -> None:
    assert why_not("$$") and not why_not("$x$") and not why_not("$")


@pytest.mark.parametrize(("title", "asks"), [("plain", False), ("$x$", True)])
def test_matplotlib_is_asked_for_titles_with_dollars_alone(tmp_path: Path, title: str, asks: bool) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({**STUDY, **changed(("arms.curated.title", title))}))
    command = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r})\nfrom recurate.workflow.project import Project\n"
        f"Project({{'studies': ['tiny']}}, {str(tmp_path)!r})\nprint('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == str(asks), done.stderr
