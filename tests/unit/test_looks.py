"""Colours, lines, markers and names of losses and samplings tell them apart."""

import numpy as np
import pandas as pd
import pytest
from figures_statistics_cases import CONDITIONS

from imbalance_aware.reporting import (
    class_panels,
    style,
)
from imbalance_aware.reporting.looks import looks_of
from imbalance_aware.reporting.study_tables import short_labels


def test_many_losses_are_spread_over_rows_without_a_look_twice():
    names = [f"loss {number:02d}" for number in range(16)]
    conditions = pd.DataFrame({"condition": names, "loss_label": names, "sampling_label": "Uniform"})
    blocks = [part["loss_label"].tolist() for _, part in class_panels.blocks_of(conditions)]
    assert [len(block) for block in blocks] == [7, 7, 2] and [name for block in blocks for name in block] == names
    colours, lines = style.loss_colours(names), style.loss_lines(names)
    assert all(len({colours[name] for name in block}) == len(block) for block in blocks)
    assert len({(colours[name], str(lines[name])) for name in names}) == 16


MATRICES = {
    "usual": [1, 0, 0, 0, 1, 0, 0, 0, 1],
    "protanopia": [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
    "deuteranopia": [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
    "tritanopia": [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
}


def seen(colour, kind):
    """CIELAB of a colour as somebody with that kind of colour vision sees it (Machado et al. 2009, severity 1)."""
    values = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.reshape(MATRICES[kind], (3, 3)) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.maximum(np.array(to_xyz) @ linear / [0.9505, 1, 1.089], 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("kind", MATRICES)
def test_colours_of_losses_differ_for_every_kind_of_colour_vision(kind):
    lab = [seen(colour, kind) for colour in style.LOSS_COLOURS]
    apart = [np.linalg.norm(one - other) for place, one in enumerate(lab) for other in lab[:place]]
    assert min(apart) > 10, "well above 2.3, the difference that is just noticeable"
    assert max(one[0] for one in lab) < 80, "dark enough on white"


def test_a_loss_has_one_colour_in_all_figures_of_a_study():
    metrics = pd.DataFrame(CONDITIONS)
    looks = looks_of(metrics)
    assert looks.colours == {"CE": style.BLUE, "MCC": style.ORANGE}
    assert looks.colours == looks_of(metrics[::-1]).colours, "whatever the order of the rows"
    assert looks.mark("CE", "+ Weights")["marker"] != looks.mark("CE", "Uniform")["marker"]


def test_long_names_are_cut_and_stay_apart():
    assert style.shortened(["short", "x" * 30], 10) == ["short", "x" * 9 + "…"]
    alike = style.shortened(["x" * 30 + "a", "x" * 30 + "b"], 10)
    assert len({*alike}) == 2 and all(style.text_width(name) <= 10 for name in alike)
    assert style.text_width(style.shortened(["健康な眼底の写真"], 9)[0]) <= 9


def test_labels_of_candidates_that_are_alike_are_their_names():
    metrics = pd.DataFrame(
        {"condition": ["a b-x", "a_b-x"], "loss": ["a_b", "a_b"], "sampling": "x", "weighted": False}
    )
    labels = short_labels(["a b-x", "a_b-x", "a_b-x@prior"], metrics)
    assert len({*labels.values()}) == 3 and labels["a_b-x@prior"].endswith("@prior")


def test_colour_and_marker_never_repeat_together():
    names = [f"c{place}" for place in range(64)]
    colours, markers = style.colours(names), style.markers(names)
    assert len({(colours[name], markers[name]) for name in names}) == 64
    colours, lines = style.loss_colours(names), style.loss_lines(names)
    assert len({(colours[name], lines[name]) for name in names[:28]}) == 28
