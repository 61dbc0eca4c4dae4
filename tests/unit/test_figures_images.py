"""Figures 3 and 4: which images they show, made and labelled as they say."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from scipy.ndimage import gaussian_filter
from skimage.exposure import adjust_gamma, adjust_sigmoid
from training_cases import tie

from imbalance_aware.__main__ import main
from imbalance_aware.reporting import augmentation_figure, sequences, style
from imbalance_aware.runs.settings import Augmentation2D, Augmentation3D
from imbalance_aware.tables.samples import COLUMNS, read_samples_frame

VOLUMES, PHOTOGRAPHS = (5, 2, 20, 20, 20), (5, 3, 30, 24)
SEQUENCES = ("t1", "flair")


@pytest.fixture
def packed(tmp_path):
    """Function: a folder with a packed dataset of noise, whose first training sample is in row 2."""

    def write(name, shape, dtype=np.uint8):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        stored = images if dtype == np.uint8 else (images / 255).astype(dtype)
        np.save(folder / "images.npy", stored)
        samples = pd.DataFrame(
            {
                "subject": list("abcde"),
                "group": list("abcde"),
                "cohort": "x",
                "class": list("ppqpp"),
                "label": [0, 0, 1, 0, 0],
            }
        )
        samples = samples.assign(split=["test", "test", "train", "train", "train"], image_sha256=tie(stored))
        samples.to_csv(folder / "samples.csv", index=False)
        return folder, images

    return write


def make_examples(folder, settings):
    """Run the step; its content."""
    out = folder / "augmentation_examples.npz"
    files = ["--images", str(folder / "images.npy"), "--samples", str(folder / "samples.csv"), "--out", str(out)]
    assert main(["augmentation_examples", *files, "--settings", settings.model_dump_json()]) == 0
    return dict(np.load(out))


def drawn(folder, monkeypatch, step, *arguments):
    """The axes with pictures of a figure, and every text in it."""
    kept = []
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    assert main([step, "--png", str(folder / "x.png"), "--pdf", str(folder / "x.pdf"), *map(str, arguments)]) == 0
    texts = [artist.get_text() for artist in kept[0].findobj(Text)]
    return [axes for axes in kept[0].axes if axes.images], texts


def pixels(axes):
    return np.asarray(axes.images[0].get_array())


@pytest.mark.parametrize("dtype", [np.uint8, np.float16])
def test_examples_of_volumes_are_what_skimage_and_scipy_make(packed, dtype):
    folder, images = packed("volumes", VOLUMES, dtype)
    made = make_examples(folder, Augmentation3D(crop=12))
    image, inner = images[2] / 255, (slice(None), *[slice(4, 16)] * 3)
    assert np.array_equal(made["whole"], images[2]), "the first training image"
    blurred = np.stack([gaussian_filter(channel, 1.5) for channel in image])
    central = image[inner]
    expected = [central, adjust_gamma(central, 0.5), adjust_gamma(central, 1.5), blurred[inner]]
    expected += [np.flip(central, axis) for axis in (1, 2, 3)]
    assert len(made["images"]) == len(expected) + 2
    for position, wanted in enumerate(expected):
        np.testing.assert_allclose(made["images"][position] / 255, wanted, atol=0.004)
    x, y, z = made["origin"][7]
    assert (x, y, z) != (4, 4, 4)
    moved = images[2][:, x : x + 12, y : y + 12, z : z + 12]
    assert np.abs(made["images"][7].astype(int) - moved).max() <= 1
    assert made["gamma"][8] != 1 and made["sigma"][8] > 0 and made["flip"][8].all()
    assert (made["origin"][8] == made["origin"][7]).all()


def test_examples_of_photographs_are_what_skimage_makes(packed):
    folder, images = packed("photographs", PHOTOGRAPHS)
    made, image = make_examples(folder, Augmentation2D())["images"], images[2] / 255
    expected = [image, adjust_gamma(image, 0.5), adjust_gamma(image, 1.5)]
    expected += [adjust_sigmoid(image, gain=gain) for gain in (5, 10)]
    expected += [image[:, ::-1], image[:, :, ::-1]]
    assert len(made) == len(expected) + 1
    for position, wanted in enumerate(expected):
        np.testing.assert_allclose(made[position] / 255, wanted, atol=0.004)


def test_a_change_that_is_off_has_no_example(packed):
    folder, _ = packed("photographs", PHOTOGRAPHS)
    none = Augmentation2D(gamma=None, contrast_gain=None, flip_axes=())
    assert len(make_examples(folder, none)["images"]) == 1
    made = make_examples(folder, none.model_copy(update={"gamma": (1.0, 2.0)}))
    assert made["gamma"][:2].tolist() == [1, 2], "a gamma of 1 changes nothing"


def test_figure_of_photographs_has_a_titled_panel_for_each_change(packed, monkeypatch):
    folder, images = packed("fundus_phantoms", PHOTOGRAPHS)
    made = make_examples(folder, Augmentation2D())
    panels, texts = drawn(folder, monkeypatch, "augmentation_figure", folder / "augmentation_examples.npz")
    titles = [axes.get_title().replace(augmentation_figure.NO_BREAK, " ") for axes in panels]
    assert titles[:5] == [
        "Unchanged\n30 × 24",
        "Gamma\nγ = 0.5",
        "Gamma\nγ = 1.5",
        "Contrast\ngain = 5",
        "Contrast\ngain = 10",
    ]
    assert titles[5:7] == ["Flip\ntop–bottom", "Flip\nleft–right"]
    assert titles[7] == f"All together\nγ {made['gamma'][7]:.3g}, gain {made['gain'][7]:.3g}"
    for axes, image in zip(panels, made["images"], strict=True):
        assert np.array_equal(pixels(axes), image.transpose(1, 2, 0))
    assert np.array_equal(pixels(panels[0]), images[2].transpose(1, 2, 0))
    assert "Fundus phantoms" in texts


def test_figure_of_volumes_has_three_planes_of_each_change(packed, monkeypatch):
    folder, images = packed("mri_phantoms", VOLUMES)
    made = make_examples(folder, Augmentation3D(crop=12))
    examples = folder / "augmentation_examples.npz"
    panels, texts = drawn(folder, monkeypatch, "augmentation_figure", examples, "--sequences", *SEQUENCES)
    grid = np.array(panels, dtype=object).reshape(3, 10)
    assert [axes.get_ylabel() for axes in grid[:, 0]] == ["Axial", "Coronal", "Sagittal"]
    shift = ", ".join(f"{step:+d}".replace("-", "−").replace("+0", "0") for step in made["origin"][7] - 4)
    assert [axes.get_title().replace(augmentation_figure.NO_BREAK, " ") for axes in grid[0]] == [
        "Whole\n20³ voxels",
        "Central crop\n12³ voxels",
        "Gamma\nγ = 0.5",
        "Gamma\nγ = 1.5",
        "Blur\nσ = 1.5",
        "Flip\nleft–right",
        "Flip\nfront–back",
        "Flip\ntop–bottom",
        f"Random crop\n{shift}",
        f"All together\nγ {made['gamma'][8]:.3g}, σ {made['sigma'][8]:.3g}",
    ]
    flair = images[2, 1]
    assert np.array_equal(pixels(grid[0, 0]), flair[:, :, 10].T)
    assert np.array_equal(pixels(grid[1, 0]), flair[:, 10, ::-1].T)
    assert np.array_equal(pixels(grid[2, 0]), flair[10, :, ::-1].T)
    assert np.array_equal(pixels(grid[0, 5]), made["images"][4, 1, :, :, 6].T)
    brightest = max(np.percentile(image[1], 99.5) for image in [images[2], *made["images"]])
    assert {axes.images[0].get_clim() for axes in panels} == {(0, brightest)}, "panels compare"
    assert {"MRI phantoms: FLAIR", "Central crop", "Random crop"} <= set(texts)


def test_outlines_on_the_whole_image_hold_what_the_crops_show(packed, monkeypatch):
    folder, _ = packed("mri_phantoms", VOLUMES)
    made = make_examples(folder, Augmentation3D(crop=12))
    panels, _ = drawn(
        folder, monkeypatch, "augmentation_figure", folder / "augmentation_examples.npz", "--sequences", *SEQUENCES
    )
    x, y, z = made["origin"][7]
    for axes, corner in zip(panels[::10], ((x, y), (x, 8 - z), (y, 8 - z)), strict=True):
        central, moved = axes.patches
        assert central.get_xy() == (3.5, 3.5) and central.get_width() == central.get_height() == 12
        assert moved.get_xy() == (corner[0] - 0.5, corner[1] - 0.5)


def test_three_strengths_take_two_lines(packed):
    folder, _ = packed("photographs", PHOTOGRAPHS)
    made = make_examples(folder, Augmentation2D(blur_sigma=(0.5, 1), crop=16))
    last = len(made["images"]) - 1
    lines = augmentation_figure.title(made, last).replace(augmentation_figure.NO_BREAK, " ").splitlines()
    amounts = [
        f"{symbol} {made[name][last]:.3g}" for symbol, name in (("γ", "gamma"), ("gain", "gain"), ("σ", "sigma"))
    ]
    assert lines == ["All together", f"{amounts[0]}, {amounts[1]},", amounts[2]]


@pytest.fixture
def patients(packed):
    """A packed dataset of volumes with all that Figure 3 reads: two classes, slices of 40 x 36."""
    folder, _ = packed("mri_phantoms", VOLUMES)
    pd.DataFrame({"subject": list("edcba"), "tumour_ml": [9, 30, 7.4, 20, 50]}).to_csv(folder / "qc.csv", index=False)
    for number, subject in enumerate("abcde"):
        slices = np.random.default_rng(number).integers(0, 200, (2, 40, 36), dtype=np.uint8)
        slices[:, :5] = 0
        tumour = np.zeros((40, 36), bool)
        tumour[14:18, 12:20] = subject != "c"
        (folder / "subjects" / subject).mkdir(parents=True)
        corner = np.array([6 - 8 * (subject == "c"), 4])
        np.savez(folder / "subjects" / subject / "slices.npz", slices=slices, tumour=tumour, corner=corner)
    return folder


def arguments(folder):
    return [
        *("--sequences", *SEQUENCES, "--images", folder / "images.npy", "--samples", folder / "samples.csv"),
        *("--qc", folder / "qc.csv", "--subjects", folder / "subjects"),
    ]


def test_the_patient_of_each_class_is_the_one_of_median_tumour_volume(patients):
    samples, quality = pd.read_csv(patients / "samples.csv"), pd.read_csv(patients / "qc.csv")
    chosen = sequences.median_tumours(samples, quality)
    assert chosen["subject"].tolist() == ["b", "c"], "the smaller of the middle two, and the only one"
    assert chosen.index.tolist() == [1, 2]
    assert sequences.median_tumours(samples[::-1].reset_index(drop=True), quality)["subject"].tolist() == ["b", "c"]


def test_figure_shows_every_sequence_of_each_class_whole_and_cut(patients, monkeypatch):
    panels, texts = drawn(patients, monkeypatch, "sequences", *arguments(patients))
    grid = np.array(panels, dtype=object).reshape(2, 4)
    assert [axes.get_title() for axes in grid[0]] == ["T1", "FLAIR"] * 2
    assert [axes.get_ylabel() for axes in grid[:, 0]] == ["P\n20 ml", "Q\n7 ml"]
    patches = np.load(patients / "images.npy")
    for row, (subject, place) in enumerate((("b", 1), ("c", 2))):
        kept = np.load(patients / "subjects" / subject / "slices.npz")
        for channel in range(2):
            whole, patch = grid[row, channel], grid[row, 2 + channel]
            # The window begins at (-4, -2) and ends at (42, 38); what is beyond the slice is air.
            padded = np.pad(kept["slices"][channel], ((4, 2), (2, 2)))
            assert np.array_equal(pixels(whole), padded.T)
            assert whole.images[0].get_extent() == [*whole.get_xlim(), *whole.get_ylim()]
            assert np.array_equal(pixels(patch), patches[place, channel, :, :, 10].T)
            assert whole.images[0].get_clim() == patch.images[0].get_clim()
            (box,) = whole.patches
            assert box.get_xy() == tuple(kept["corner"] - 0.5) and box.get_width() == box.get_height() == 20
            assert to_hex(box.get_edgecolor()) == to_hex(patch.spines["left"].get_edgecolor()) == to_hex(style.SKY)
            (outline,) = whole.collections if subject == "b" else [None]
            if outline:
                low, high = outline.get_paths()[0].get_extents().get_points()
                assert low.tolist() == [13.5, 11.5] and high.tolist() == [17.5, 19.5]
    assert {"MRI phantoms", "Tumour mask", "Patch of 20³ voxels, on the right as training reads it"} <= set(texts)


def test_subjects_that_are_numbers_keep_their_zeros(patients, monkeypatch):
    for name in ("samples.csv", "qc.csv"):
        table = pd.read_csv(patients / name)
        table["subject"] = [f"00{'abcde'.index(subject)}" for subject in table["subject"]]
        table.to_csv(patients / name, index=False)
    for number, subject in enumerate("abcde"):
        (patients / "subjects" / subject).rename(patients / "subjects" / f"00{number}")
    samples = read_samples_frame(patients / "samples.csv", COLUMNS)
    assert samples["subject"].tolist() == ["000", "001", "002", "003", "004"]
    _, texts = drawn(patients, monkeypatch, "sequences", *arguments(patients))
    assert {"P\n20 ml", "Q\n7 ml"} <= set(texts)


def test_all_slices_are_cut_to_one_window_that_holds_heads_and_patches(patients, monkeypatch):
    panels, _ = drawn(patients, monkeypatch, "sequences", *arguments(patients))
    windows = {(*axes.get_xlim(), *axes.get_ylim()) for axes in panels if axes.patches}
    assert windows == {(-4.5, 41.5, 37.5, -2.5)}, "from the patch of c, with a margin, to the end of the heads"


def test_float16_patches_are_shown_as_bright_as_their_slices(packed, patients, monkeypatch):
    before, _ = drawn(patients, monkeypatch, "sequences", *arguments(patients))
    images = (np.load(patients / "images.npy") / 255).astype(np.float16)
    np.save(patients / "images.npy", images)
    samples = pd.read_csv(patients / "samples.csv")
    samples.assign(image_sha256=tie(images)).to_csv(patients / "samples.csv", index=False)
    after, _ = drawn(patients, monkeypatch, "sequences", *arguments(patients))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(pixels(one), pixels(other), atol=0.1)


@pytest.mark.slow
def test_figures_are_the_same_bytes_each_time(packed, patients):
    contents = []
    for name in "ab":
        make_examples(patients, Augmentation3D(crop=12))
        out = ["--png", str(patients / name / "x.png"), "--pdf", str(patients / name / "x.pdf")]
        examples = patients / "augmentation_examples.npz"
        contents.append([examples.read_bytes()])
        for step, rest in (
            ("sequences", arguments(patients)),
            ("augmentation_figure", [examples, "--sequences", *SEQUENCES]),
        ):
            assert main([step, *out, *map(str, rest)]) == 0
            contents[-1] += [(patients / name / file).read_bytes() for file in ("x.png", "x.pdf")]
    assert contents[0] == contents[1]


@pytest.mark.slow
def test_a_window_on_whole_voxels_gives_the_same_pdf_in_any_memory(patients):
    """The layout's solver orders what it solves by addresses, so that its last bits differ between draws."""
    contents, out = set(), ["--png", str(patients / "x.png"), "--pdf", str(patients / "x.pdf")]
    for subject in "abcde":
        slices = np.zeros((2, 48, 56), np.uint8)
        slices[:, 8:39, 5:50] = 100
        kept = {"slices": slices, "tumour": np.zeros((48, 56), bool), "corner": np.array([12, 16])}
        np.savez(patients / "subjects" / subject / "slices.npz", **kept)
    rng, held = np.random.default_rng(0), []
    for _ in range(4):
        held.append([bytearray(size) for size in rng.integers(1, 5000, rng.integers(1, 3000))])
        assert main(["sequences", *out, *map(str, arguments(patients))]) == 0
        contents.add((patients / "x.pdf").read_bytes() + (patients / "x.png").read_bytes())
    assert len(contents) == 1
    widths = {int(width) for width in re.findall(rb"/Width (\d+)", (patients / "x.pdf").read_bytes())}
    assert widths <= {20, 35}, "patch and window, in voxels"


def test_figure_3_refuses_rows_in_another_order(patients, capsys):
    samples = pd.read_csv(patients / "samples.csv")
    samples[::-1].to_csv(patients / "samples.csv", index=False)
    out = ["--png", str(patients / "x.png"), "--pdf", str(patients / "x.pdf")]
    assert main(["sequences", *out, *map(str, arguments(patients))]) == 2
    assert "does not describe image" in capsys.readouterr().err


def test_what_cannot_be_drawn_is_explained(packed, patients, capsys):
    out = ["--png", str(patients / "x.png"), "--pdf", str(patients / "x.pdf")]
    assert main(["augmentation_figure", *out, str(patients / "nowhere.npz")]) == 2
    assert "no such file" in capsys.readouterr().err
    make_examples(patients, Augmentation3D(crop=12))
    assert main(["augmentation_figure", *out, str(patients / "augmentation_examples.npz"), "--sequences", "t1"]) == 2
    assert "name the 2 channels" in capsys.readouterr().err
    (patients / "subjects/c/slices.npz").unlink()
    assert main(["sequences", *out, *map(str, arguments(patients))]) == 2
    assert "subjects/c/slices.npz: no such file" in capsys.readouterr().err
    folder, _ = packed("photographs", PHOTOGRAPHS)
    wide = json.dumps({"crop": 25})
    files = [
        "--images",
        str(folder / "images.npy"),
        "--samples",
        str(folder / "samples.csv"),
        "--out",
        str(folder / "e"),
    ]
    assert main(["augmentation_examples", *files, "--settings", wide]) == 2
    assert "augmentation.crop is 25" in capsys.readouterr().err
