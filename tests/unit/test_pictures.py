from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rich.color import Color

from argus_tui.glyphs import FULL, PLAIN
from argus_tui.rendering.few_colors import few_colors, nearest
from argus_tui.rendering.pictures import Picture, cells_for, decode, half_blocks

RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_each_cell_holds_two_pixels_one_above_the_other() -> None:
    (row,) = half_blocks(Picture(1, 2, bytes(RED + BLUE)), 2, 1, FULL)
    (segment,) = row.segments
    assert segment.text == "▀▀"
    assert segment.style is not None
    assert (segment.style.color, segment.style.bgcolor) == (Color.from_rgb(*RED), Color.from_rgb(*BLUE))


def test_plain_fonts_get_blanks_of_the_mean_colour() -> None:
    (row,) = half_blocks(Picture(1, 2, bytes(RED + BLUE)), 1, 1, PLAIN)
    assert row.segments[0].text == " "
    assert row.segments[0].style is not None
    assert row.segments[0].style.bgcolor == Color.from_rgb(127, 0, 127)


@given(st.integers(0, 9000), st.integers(0, 9000), st.integers(2, 40), st.integers(1, 20))
def test_a_picture_never_leaves_its_room(width: int, height: int, columns: int, rows: int) -> None:
    wide, high = cells_for(width, height, columns, rows)
    assert 2 <= wide <= columns
    assert 1 <= high <= rows


@pytest.mark.parametrize(
    ("shape", "cells"), [((1600, 1000), (38, 12)), ((1000, 1600), (15, 12)), ((4000, 100), (40, 1)), ((0, 0), (32, 12))]
)
def test_a_picture_keeps_its_shape(shape: tuple[int, int], cells: tuple[int, int]) -> None:
    assert cells_for(*shape, 40, 12) == cells


@given(st.integers(1, 30), st.integers(1, 30), st.integers(2, 40), st.integers(1, 12))
def test_any_size_can_be_drawn_in_any_room(width: int, height: int, columns: int, rows: int) -> None:
    found = half_blocks(Picture(width, height, bytes(width * height * 3)), columns, rows, FULL)
    assert len(found) == rows
    assert all(row.cells == columns == sum(s.cell_length for s in row.segments) for row in found)


def test_encoded_bytes_become_a_small_picture() -> None:
    data = BytesIO()
    Image.new("RGB", (900, 600), RED).save(data, "PNG")
    picture = decode(data.getvalue())
    assert max(picture.width, picture.height) == 160
    assert picture.average(0, 0, picture.width, picture.height) == RED


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(OSError, match="cannot identify"):
        decode(b"no picture")


def test_few_colours_are_the_fixed_ones() -> None:
    fixed = {tuple(Color.from_ansi(number).get_truecolor()) for number in range(16, 256)}
    grid = [[(x * 9 % 256, y * 31 % 256, x * y % 256) for x in range(20)] for y in range(8)]
    assert {pixel for row in few_colors(grid) for pixel in row} <= fixed


def test_the_nearest_colour_of_a_fixed_one_is_itself() -> None:
    assert nearest(95, 135, 175) == (95, 135, 175)
