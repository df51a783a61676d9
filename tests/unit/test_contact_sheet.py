"""Contact sheets show what they say, and stay readable and on a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from figure_setup import arm_view, study_view

from recurate.figures import Files, contact_sheet
from recurate.figures.parts import images as image_blocks
from recurate.figures.parts.view import ArmView
from recurate.files.arrays import write_arrays

SHOWN = [0, 2, 4, 6, 8, 10]


def arms(count: int) -> dict[str, ArmView]:
    return {f"a{number}": arm_view(title=f"arm {number}", shape=(28, 28, 1)) for number in range(count)}


@pytest.mark.parametrize("last", [6, 10, 19, 999])
def test_many_generations_are_six_evenly_spaced_with_first_and_last(last: int) -> None:
    shown = image_blocks.shown_generations(last)
    assert (len(shown), shown[0], shown[-1]) == (6, 0, last)
    gaps = np.diff(shown)
    assert gaps.max() - gaps.min() <= 1


def test_few_generations_are_all_shown() -> None:
    assert image_blocks.shown_generations(4) == [0, 1, 2, 3, 4]
    assert image_blocks.shown_generations(5) == [0, 1, 2, 3, 4, 5]


def test_of_many_arms_the_first_and_the_last_generation_are_shown_so_that_they_fit_on_a_page() -> None:
    shown = image_blocks.shown_generations(3, 13)
    assert shown == [0, 3]
    images = np.zeros((40, 28, 28, 1), np.uint8)
    figure = contact_sheet.picture(arms(13), [images] * 13, shown, [[images] * 2] * 13)
    assert figure.get_size_inches()[1] < 11


@pytest.mark.parametrize("pixels", [8, 28, 32, 64])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_sheet_fits_on_a_page_and_shrinks_no_image(count: int, pixels: int) -> None:
    images = np.zeros((40, pixels, pixels, 3), np.uint8)
    figure = contact_sheet.picture(arms(count), [images] * count, SHOWN, [[images] * len(SHOWN)] * count)
    assert figure.get_size_inches()[0] == pytest.approx(6.75)
    assert figure.get_size_inches()[1] < 9.5
    figure.draw_without_rendering()
    axes = figure.axes[0]
    dots = 200 * 6.75 * axes.get_position().width / axes.get_images()[0].get_array().shape[1]  # of a pixel in the PNG
    assert dots >= (2 if pixels <= 32 else 1)


def test_larger_images_have_fewer_in_a_line() -> None:
    lines = [image_blocks.images_in_line(4, pixels) for pixels in (8, 28, 32)]
    assert lines == sorted(lines, reverse=True) and lines[0] > lines[1] > lines[2]


def test_the_first_seed_s_images_of_the_named_generations_are_shown(tmp_path: Path) -> None:
    samples = [str(tmp_path / f"{number}.safetensors") for number in range(11)]
    for number, path in enumerate(samples):
        shades = np.array([10 * number, 200], np.uint8).reshape(2, 1, 1, 1, 1)  # of the first and of the second seed
        write_arrays(path, {"x": np.tile(shades, (1, 30, 28, 28, 1))}, {})
    real = str(tmp_path / "real.safetensors")
    write_arrays(real, {"test_x": np.full((30, 28, 28, 1), 255, np.uint8)}, {})
    view = study_view(arms(1), seeds=[0, 1], generations=10)
    sheet = contact_sheet.ContactSheet(kind="contact_sheet")
    drawn = sheet.draw(view, Files(samples=samples, real=[real])).figure
    labels = [axes.get_ylabel() for axes in drawn.axes]
    assert labels == ["real, held out", *(f"generation {number}" for number in SHOWN)]
    shown = [int(axes.get_images()[0].get_array()[0, 0]) for axes in drawn.axes]
    assert shown == [255, *(10 * number for number in SHOWN)]


def test_caption_counts_the_images_drawn_and_names_the_generations() -> None:
    view = study_view(arms(4), seeds=[0], generations=10)
    images = np.zeros((40, 32, 32, 3), np.uint8)
    figure = contact_sheet.picture(view.arms, [images] * 4, SHOWN, [[images] * len(SHOWN)] * 4)
    height, width, _ = figure.axes[0].get_images()[0].get_array().shape
    drawn = ((height + 1) // 33) * ((width + 1) // 33)
    caption = contact_sheet.caption(view, 0, image_blocks.images_in_line(4), (32, 32, 3))
    assert caption.startswith(f"The first {drawn} samples of generations 0, 2, 4, 6, 8 and 10 of 10,")


def test_sheet_shows_the_first_samples_in_order() -> None:
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    sheet = image_blocks.sheet(images, in_line=3, lines=2)
    assert sheet.shape == (5, 8, 1)
    assert sheet[::3, ::3, 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_sheet_leaves_missing_images_white() -> None:
    sheet = image_blocks.sheet(np.zeros((1, 2, 2, 3), np.uint8), in_line=2, lines=1)
    assert sheet[0, 0].tolist() == [0, 0, 0]
    assert sheet[0, 3].tolist() == [255, 255, 255]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_contact_sheet_has_a_strip_for_real_images_and_every_generation(count: int) -> None:
    images = np.zeros((40, 8, 8, 1), np.uint8)
    figure = contact_sheet.picture(arms(count), [images] * count, [0, 1, 2], [[images] * 3] * count)
    assert sum(bool(axes.get_images()) for axes in figure.axes) == count * 4
