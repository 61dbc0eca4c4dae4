"""Grad-CAM of chosen test subjects: maps, who is chosen, the sanity check against random weights, the figure."""

import importlib
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text
from scipy.stats import spearmanr
from test_training_run import run as train
from torch import nn
from toy_network import ToyNetwork
from training_cases import settings as run_settings
from training_cases import write_dataset

from imbalance_aware.__main__ import main
from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.models.network import full_precision
from imbalance_aware.reporting import explanations, figure_explanations, style
from imbalance_aware.reporting.explained_subjects import best_condition, chosen_subjects
from imbalance_aware.reporting.explanation_maps import load_maps
from imbalance_aware.reporting.figure_catalogue import FIGURES
from imbalance_aware.reporting.grad_cam import Explainer, Layer, last_layer_with_maps, spearman, upsampled
from imbalance_aware.tables.predictions import Predictions, read_predictions
from imbalance_aware.tables.ranks import RANKS
from imbalance_aware.tables.similarities import SIMILARITIES

RESNET = {"blocks": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "stem_kernel": 3}
SMALL = {
    "resnet": {"network": "resnet"} | RESNET,
    "dense": {
        "network": "monai:DenseNet121",
        "arguments": {"init_features": 8, "growth_rate": 4, "block_config": [1, 1, 2, 1]},
    },
    "efficient": {"network": "monai:EfficientNetB0"},
    "monai_resnet": {"network": "monai:ResNet18", "arguments": {"widen_factor": 0.125}},
    "squeezed": {"network": "monai:SEResNext50", "arguments": {"layers": [1, 1, 1, 1]}},
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def network(name, dimensions, edge, seed=0):
    spec = InputSpec(2, (edge,) * dimensions, "uint8", None, ("a", "b", "c"))
    return make_model(SMALL[name], spec, seed).eval()


def image_of(dimensions, edge, channels=2):
    return torch.rand(1, channels, *[edge] * dimensions, generator=torch.Generator().manual_seed(1))


class OnPatches(nn.Module):
    """The score of class 1 is how bright the patches of 4 x 4 pixels are, that of class 0 how dark."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 1, 4, 4, bias=False)
        self.last = nn.Linear(1, 2)
        with torch.no_grad():
            self.patches.weight.fill_(1 / 16)
            self.last.weight.copy_(torch.tensor([[-1.0], [1.0]]))
            self.last.bias.zero_()

    def features(self, x):
        return self.patches(x).flatten(2).mean(2)

    def head(self, features):
        return full_precision(self.last, features)

    def forward(self, x):
        return self.head(self.features(x))


class WithoutMaps(nn.Module):
    """Flattens the image at once."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(2 * 16 * 16, 3)

    def forward(self, x):
        return self.last(x.flatten(1))


class Around(nn.Module):
    """Its last convolution is not all that the logits see."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3)
        self.second = nn.Conv2d(4, 4, 1)
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        x = self.first(x)
        return self.last((x + self.second(x)).mean((2, 3)))


def grad_cam(model, name, image, label):
    """ReLU(sum over channels of the mean gradient times the activation), by hooks of our own."""
    kept = []
    hook = dict(model.named_modules())[name].register_forward_hook(lambda *given: kept.append(given[2]))
    logits = model(image.clone().requires_grad_())
    hook.remove()
    (gradient,) = torch.autograd.grad(logits[0, label], kept[0])
    weights = gradient.mean(tuple(range(2, gradient.ndim)), keepdim=True)
    return (weights * kept[0]).sum(1).relu()[0].detach()


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("name", ["resnet", "dense", "monai_resnet"])
def test_maps_are_those_of_the_definition(name, dimensions):
    edge = {2: 64, 3: 32}[dimensions]
    model, image = network(name, dimensions, edge, seed=1), image_of(dimensions, edge)
    layer = last_layer_with_maps(model, image)
    explainer = Explainer(model, layer)
    found = [explainer.map(image, label) for label in range(3)]
    assert any(cells.any() for cells in found) and all(tuple(cells.shape) == layer.cells for cells in found)
    fresh = network(name, dimensions, edge, seed=1)
    for part in fresh.modules():
        if hasattr(part, "inplace"):
            part.inplace = False
    for label, cells in enumerate(found):
        torch.testing.assert_close(cells, grad_cam(fresh, layer.name, image, label))
    wanted = network(name, dimensions, edge, seed=1)(image)[0].double().softmax(0)
    torch.testing.assert_close(explainer.probabilities(image), wanted.detach(), atol=1e-6, rtol=1e-5)


def test_weights_take_no_gradient():
    """The gradient of the weights of some convolutions damages memory on CPUs without AVX-512."""
    model, image = network("resnet", 2, 48), image_of(2, 48)
    Explainer(model, last_layer_with_maps(model, image)).map(image, 0)
    assert all(weight.grad is None and not weight.requires_grad for weight in model.parameters())


def test_the_patch_that_decides_lights_up():
    image = torch.zeros(1, 1, 16, 16)
    image[..., 4:8, 8:12] = 1
    model = OnPatches().eval()
    layer = last_layer_with_maps(model, image)
    assert layer == Layer("patches", (4, 4))
    explainer = Explainer(model, layer)
    cells = explainer.map(image, 1)
    assert cells.argmax() == 1 * 4 + 2 and (cells > 0).sum() == 1
    assert not explainer.map(image, 0).any(), "it speaks against the other class, which Grad-CAM leaves out"
    whole = upsampled(cells, (16, 16))
    assert whole.shape == (16, 16)
    assert (whole == whole.max()).nonzero().float().mean(0).tolist() == [5.5, 9.5], "the middle of the patch"


@pytest.mark.parametrize(
    ("name", "dimensions", "edge", "layer"),
    [
        ("resnet", 2, 64, Layer("layer4", (2, 2))),
        ("resnet", 3, 64, Layer("layer4", (2, 2, 2))),
        ("resnet", 3, 32, Layer("layer3", (2, 2, 2))),
        ("dense", 2, 64, Layer("network.class_layers.relu", (2, 2))),
        ("dense", 2, 32, Layer("network.features.transition3.conv", (2, 2))),
        ("efficient", 2, 64, Layer("network._bn1", (2, 2))),
        ("efficient", 2, 32, Layer("network._blocks.5.11._bn0", (2, 2))),
        ("monai_resnet", 2, 32, Layer("network.layer4", (2, 2))),
        ("squeezed", 2, 64, Layer("network.layer4", (2, 2))),
        ("squeezed", 2, 32, Layer("network.layer3", (2, 2))),
    ],
)
def test_the_layer_is_the_last_whose_maps_tell_places_apart(name, dimensions, edge, layer):
    """Not a border that is added, a part that is used twice, or a part of a block that a shortcut leads around."""
    assert last_layer_with_maps(network(name, dimensions, edge), image_of(dimensions, edge)) == layer


def test_networks_of_ones_own_are_searched_too():
    assert last_layer_with_maps(ToyNetwork(2, 2, 3).eval(), image_of(2, 16)) == Layer("convolution", (12, 12))
    assert last_layer_with_maps(WithoutMaps().eval(), image_of(2, 16)) is None
    assert last_layer_with_maps(Around().eval(), image_of(2, 16)) == Layer("first", (14, 14))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12))
def test_similarity_is_spearmans_correlation(values):
    a, b = (torch.tensor(column, dtype=torch.float32) for column in zip(*values, strict=True))
    found = spearman(a, b)
    if a.unique().numel() == 1 or b.unique().numel() == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(a, b).statistic, abs=1e-6)


def ranked(*rows):
    columns = ["dataset", "role", "candidate", "rank"]
    return pd.DataFrame(rows, columns=columns)


def test_the_best_condition_is_the_first_of_the_best_rank():
    ranks = ranked(
        ("d", "primary", "a", 3.0),
        ("d", "primary", "b", 1.5),
        ("d", "primary", "c", 1.5),
        ("d", "primary", "a@prior", 1.0),
        ("d", "exploratory", "a", 1.0),
        ("other", "primary", "a", 1.0),
        ("diverged", "primary", "a", math.nan),
    )
    assert best_condition(ranks, "d", ["c", "b", "a"]) == "b"
    assert best_condition(ranks, "d", ["a"]) == "a"
    assert best_condition(ranks, "diverged", ["a"]) is None and best_condition(ranks, "nowhere", ["a"]) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(35, 99)), min_size=1, max_size=15))
def test_subjects_are_chosen_by_the_rule(rows):
    labels, predicted, percent = (np.array(column) for column in zip(*rows, strict=True))
    probabilities = np.tile(((1 - percent / 100) / 2)[:, np.newaxis], 3)
    probabilities[np.arange(len(rows)), predicted] = percent / 100
    subjects = np.array([f"s{place}" for place in range(len(rows))], dtype=object)
    chosen = chosen_subjects(Predictions(subjects, ("a", "b", "c"), labels, probabilities, subjects, subjects))
    expected = []
    for label in range(3):
        correct = sorted((percent[i], i) for i in range(len(rows)) if labels[i] == predicted[i] == label)
        wrong = sorted((-percent[i], i) for i in range(len(rows)) if labels[i] == label != predicted[i])
        expected += [(correct[(len(correct) - 1) // 2][1], "correct", label)] if correct else []
        expected += [(wrong[0][1], "wrong", predicted[wrong[0][1]])] if wrong else []
    assert [(one.place, one.outcome, one.explained) for one in chosen] == expected


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two finished runs on phantoms, and what the tables of their study say of them."""
    folder = tmp_path_factory.mktemp("explained")
    dataset = write_dataset(folder / "phantoms", edge=32)
    for condition, epochs in (("ce-uniform", 1), ("ce-oversampling", 4)):
        change = {"training": {"epochs": epochs}, "condition": {"sampling": condition.partition("-")[2]}}
        train(dataset, folder / "runs/study/phantoms" / condition / "seed-0", run_settings(**change))
    ranks = ranked(("phantoms", "primary", "ce-uniform", 2.0), ("phantoms", "primary", "ce-oversampling", 1.0))
    (folder / "ranks.csv").write_text(RANKS.csv(ranks))
    rows = [
        {"study": "study", "dataset": "phantoms", "condition": name, "loss": "ce", "sampling": name.partition("-")[2]}
        | {"weighted": False, "batch_size": 8, "seed": 0, "repeat": 0, "unit": "sample", "metric": "f1_macro"}
        | {"value": 0.5, "status": "ok"}
        for name in ("ce-uniform", "ce-oversampling")
    ]
    pd.DataFrame(rows).to_csv(folder / "metrics.csv", index=False)
    return folder


def explain(study, out, baseline="ce-uniform", **changes):
    """Run the step; its status."""
    files = {"ranks": study / "ranks.csv", "images": study / "phantoms/images.npy"}
    files |= {"samples": study / "phantoms/samples.csv"} | changes
    models = files.pop("models", sorted((study / "runs").glob("*/*/*/seed-0/model.pt"), reverse=True))
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    written = ["--maps", str(out / "phantoms/maps.npz"), "--similarity", str(out / "phantoms/similarity.csv")]
    return main(["explanations", *options, "--baseline", baseline, *written, *map(str, models)])


@pytest.fixture(scope="module")
def explained(study, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    assert explain(study, out) == 0
    return out


def test_the_step_explains_the_best_and_the_baseline_on_test_subjects(study, explained):
    maps = load_maps(explained / "phantoms/maps.npz")
    assert maps.networks.tolist() == ["baseline", "best", "random"]
    assert maps.conditions.tolist() == ["ce-uniform", "ce-oversampling", ""]
    assert str(maps.layer) == "layer3" and maps.cells.tolist() == [2, 2]
    best = read_predictions(study / "runs/study/phantoms/ce-oversampling/seed-0/predictions.csv")
    chosen = chosen_subjects(best)
    assert maps.subjects.tolist() == [best.subjects[one.place] for one in chosen]
    samples = pd.read_csv(study / "phantoms/samples.csv").set_index("subject")
    assert set(samples.loc[maps.subjects, "split"]) == {"test"}
    assert np.array_equal(maps.images, np.load(study / "phantoms/images.npy")[samples.index.get_indexer(maps.subjects)])
    for column, condition in enumerate(maps.conditions[:2]):
        table = read_predictions(study / "runs/study/phantoms" / condition / "seed-0/predictions.csv")
        wanted = [table.probabilities[table.subjects.tolist().index(subject)] for subject in maps.subjects]
        np.testing.assert_allclose(maps.probabilities[:, column], wanted, atol=1e-5)
    assert maps.maps.shape == (len(chosen), 3, 32, 32) and maps.maps.min() >= 0
    largest = maps.maps.max(axis=(2, 3))
    assert set(largest.ravel().round(6)) <= {0, 1} and largest.max() == 1, "each map has its own scale"


def test_random_weights_have_other_maps_and_the_table_says_how_alike(explained):
    maps, table = load_maps(explained / "phantoms/maps.npz"), SIMILARITIES.read(explained / "phantoms/similarity.csv")
    count = len(explanations.RANDOM_SEEDS)
    assert count == 10 and len(table) == len(maps.subjects) * (2 * count + 1)
    pairs = table[["a", "b"]].value_counts()
    assert pairs["baseline", "best"] == len(maps.subjects) and pairs["best", "random"] == count * len(maps.subjects)
    assert set(table.loc[table["b"] == "random", "draw"]) == {*range(count)}
    assert set(table["cells"]) == {4} and table["spearman"].dropna().between(-1, 1).all()
    assert not np.allclose(maps.maps[:, 1], maps.maps[:, 2])
    assert table.loc[table["b"] == "random", "spearman"].mean() < 0.9


def test_random_weights_are_independent_of_the_first_weights_of_the_run(study):
    one = explanations.read_run(study / "runs/study/phantoms/ce-uniform/seed-0/model.pt")
    start = make_model(one.architecture, one.spec, 0).state_dict()
    draws = [explanations.random_network(one, seed).state_dict() for seed in explanations.RANDOM_SEEDS]
    kernels = [state["layer4.0.conv1.weight"].flatten() for state in (start, *draws)]
    assert np.abs(np.corrcoef(torch.stack(kernels)) - np.eye(len(kernels))).max() < 0.2
    assert not draws[0]["bn1.running_mean"].any(), "no mean of the training is kept either"


def test_the_same_bytes_each_time(study, explained, tmp_path):
    assert explain(study, tmp_path) == 0
    for name in ("maps.npz", "similarity.csv"):
        assert (tmp_path / "phantoms" / name).read_bytes() == (explained / "phantoms" / name).read_bytes()


@pytest.mark.parametrize("crop", [None, 32])
def test_volumes_are_shown_in_the_middle_slice_of_what_the_network_sees(tmp_path, crop):
    dataset = write_dataset(tmp_path / "phantoms", dimensions=3, edge=40)
    model = tmp_path / "runs/study/phantoms/ce-uniform/seed-0"
    change = {"training": {"epochs": 1}, "augmentation": {"contrast_gain": None, "crop": crop}}
    train(dataset, model, run_settings(**change))
    (tmp_path / "ranks.csv").write_text(RANKS.csv(ranked(("phantoms", "primary", "ce-uniform", 1.0))))
    assert explain(tmp_path, tmp_path) == 0
    maps = load_maps(tmp_path / "phantoms/maps.npz")
    assert maps.networks.tolist() == ["best", "random"] and "is the best condition" in str(maps.note)
    samples = pd.read_csv(dataset / "samples.csv").set_index("subject").index
    inner = slice(4, 36) if crop else slice(None)
    stored = np.load(dataset / "images.npy")[samples.get_indexer(maps.subjects), -1, inner, inner, 20]
    assert np.array_equal(maps.images[:, 0], stored.swapaxes(1, 2))
    assert maps.maps.shape[2:] == maps.images.shape[2:] and len(maps.cells) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline": "f1-uniform"}, "no model of the baseline f1-uniform is given"),
        ({"ranks": "nowhere.csv"}, "nowhere.csv: no such file"),
    ],
)
def test_mistakes_are_explained(study, tmp_path, capsys, change, message):
    assert explain(study, tmp_path, **change) == 2
    assert message in capsys.readouterr().err


def test_a_model_of_another_run_is_refused(study, tmp_path, capsys):
    runs = tmp_path / "runs/study/phantoms"
    for condition, other in (("ce-uniform", "ce-oversampling"), ("ce-oversampling", "ce-uniform")):
        (runs / condition / "seed-0").mkdir(parents=True)
        for name, source in (("model.pt", condition), ("predictions.csv", other)):
            content = (study / "runs/study/phantoms" / source / "seed-0" / name).read_bytes()
            (runs / condition / "seed-0" / name).write_bytes(content)
    assert explain(study, tmp_path, models=[*runs.glob("*/seed-0/model.pt")]) == 2
    assert "than predictions.csv beside it holds: they are not of one run" in capsys.readouterr().err


def test_samples_in_another_order_are_refused(study, tmp_path, capsys):
    samples = pd.read_csv(study / "phantoms/samples.csv")
    samples[::-1].to_csv(tmp_path / "samples.csv", index=False)
    assert explain(study, tmp_path, samples=tmp_path / "samples.csv") == 2
    assert "does not describe image" in capsys.readouterr().err


def test_without_monai_the_package_to_install_is_named(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "monai.visualize", None)
    assert explain(study, tmp_path) == 2
    assert "pip install 'imbalance-aware[monai]'" in capsys.readouterr().err


def test_the_step_needs_no_package_that_its_environment_lacks():
    """`envs/monai.yaml` has neither matplotlib nor SimpleITK nor scikit-image."""
    script = (
        "import sys; sys.modules.update(matplotlib=None, SimpleITK=None, skimage=None)\n"
        "import imbalance_aware.reporting.explanations\n"
        "from imbalance_aware.reporting.grad_cam import _monai_grad_cam, upsampled\n"
        "import torch; _monai_grad_cam(); upsampled(torch.ones(2, 2), (4, 4))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def draw(study, out, kept, monkeypatch):
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    files = ["--png", str(out / "x.png"), "--pdf", str(out / "x.pdf"), "--metrics", str(study / "metrics.csv")]
    similarity = ["--similarity", str(out / "phantoms/similarity.csv")]
    return main(["figure_explanations", *files, *similarity, str(out / "phantoms/maps.npz")])


def test_the_figure_has_a_row_per_subject_and_a_column_per_network(study, explained, monkeypatch):
    kept = []
    assert draw(study, explained, kept, monkeypatch) == 0
    maps, table = load_maps(explained / "phantoms/maps.npz"), SIMILARITIES.read(explained / "phantoms/similarity.csv")
    panels = np.array([axes for axes in kept[0].axes if axes.images], dtype=object).reshape(len(maps.subjects), 4)
    titles = ["Image", "Baseline\nCE, Uniform", "Best\nCE, Oversampling", "Random weights\none network of 10"]
    assert [axes.get_title() for axes in panels[0]] == titles
    for row, subject in enumerate(maps.subjects):
        words = panels[row, 0].get_ylabel().splitlines()
        classes = [name.upper() for name in maps.classes]
        assert words[0] == subject and words[1].startswith(maps.outcomes[row])
        assert words[2:] == [f"true: {classes[maps.labels[row]]}", f"maps of: {classes[maps.explained[row]]}"]
        for column in range(3):
            found = maps.probabilities[row, column]
            said = panels[row, 1 + column].get_xlabel().splitlines()
            assert said[0] == f"{classes[found.argmax()]} {found.max():.2f}"
            assert (len(said) > 1 and said[1].startswith("(")) == (found.argmax() != maps.explained[row])
            if maps.maps[row, column].any():
                assert np.array_equal(panels[row, 1 + column].images[-1].get_array(), maps.maps[row, column])
        values = table[(table["subject"] == subject) & (table["a"] == "best") & (table["b"] == "random")]["spearman"]
        mean = "undefined" if values.isna().all() else f"{values.mean():.2f}".replace("-", "−")
        assert panels[row, 2].get_xlabel().splitlines()[-1] == f"ρ to random {mean}"
    note = " ".join(artist.get_text() for artist in kept[0].findobj(Text)).replace("\n", " ")
    pairs = table[(table["a"] == "best") & (table["b"] == "random")]["spearman"]
    said = f"best and random weights {pairs.mean():.2f} ({pairs.notna().sum()} of {len(pairs)})".replace("-", "−")
    assert said in note and "layer layer3, with 2 × 2 cells" in note
    assert kept[0].get_figwidth() == pytest.approx(style.TWO_COLUMNS_INCH)


@pytest.mark.parametrize("name", ["", "a_class_of_many_letters_that_is_longer_than_its_panel"])
def test_no_words_of_the_figure_touch_each_other_or_leave_the_page(study, explained, tmp_path, monkeypatch, name):
    maps = load_maps(explained / "phantoms/maps.npz")
    classes = np.array([f"{number} {name}" for number in range(3)]) if name else maps.classes
    replace(maps, classes=classes).save(tmp_path / "phantoms/maps.npz")
    similarity = (explained / "phantoms/similarity.csv").read_text()
    (tmp_path / "phantoms/similarity.csv").write_text(similarity)
    if name:
        label = "Balanced softmax with a queue, Oversampling + weights"
        monkeypatch.setattr(figure_explanations, "labels_of", lambda names, _: dict.fromkeys(names, label))
    kept = []
    assert draw(study, tmp_path, kept, monkeypatch) == 0
    canvas = kept[0]
    canvas.draw_without_rendering()
    page = canvas.bbox
    shown = [text for text in canvas.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [(text, text.get_window_extent()) for text in shown]
    for place, (text, box) in enumerate(boxes):
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text
        assert not [other for other, its in boxes[:place] if box.overlaps(its)], text


@pytest.mark.parametrize("broken", ["layer", "diverged", "ranks"])
def test_where_nothing_can_be_explained_the_figure_says_why(study, tmp_path, monkeypatch, caplog, broken):
    caplog.set_level("INFO")
    ranks = study / "ranks.csv"
    if broken == "layer":
        monkeypatch.setattr(explanations, "last_layer_with_maps", lambda *_: None)
    elif broken == "diverged":
        monkeypatch.setattr(explanations.Trained, "converged", False)
    else:
        ranks = tmp_path / "ranks.csv"
        ranks.write_text(RANKS.csv(ranked(("phantoms", "primary", "ce-uniform", math.nan))))
    assert explain(study, tmp_path, ranks=ranks) == 0
    reason = {"layer": "no layer", "diverged": "diverged", "ranks": "no condition has a rank"}[broken]
    assert reason in caplog.text and len(SIMILARITIES.read(tmp_path / "phantoms/similarity.csv")) == 0
    kept = []
    assert draw(study, tmp_path, kept, monkeypatch) == 0
    assert reason.lower() in " ".join(artist.get_text() for artist in kept[0].findobj(Text)).lower().replace("\n", " ")


def test_a_baseline_that_diverged_is_left_out(study, tmp_path, monkeypatch):
    converged = property(lambda one: "ce-oversampling" in str(one.path))
    monkeypatch.setattr(explanations.Trained, "converged", converged)
    assert explain(study, tmp_path) == 0
    maps = load_maps(tmp_path / "phantoms/maps.npz")
    assert maps.networks.tolist() == ["best", "random"] and "ce-uniform, diverged" in str(maps.note)


def test_a_damaged_file_is_explained(study, tmp_path, capsys):
    (tmp_path / "phantoms").mkdir()
    for content in (b"PK", b"x" * 100, b""):
        (tmp_path / "phantoms/maps.npz").write_bytes(content)
        files = ["--png", "x.png", "--pdf", "x.pdf", "--metrics", "m.csv", "--similarity", "s.csv"]
        assert main(["figure_explanations", *files, str(tmp_path / "phantoms/maps.npz")]) == 2
        assert "not the maps that the step `explanations` writes" in capsys.readouterr().err


def test_the_row_of_the_figure_is_in_step_with_the_rule_and_the_module(checkout):
    (row,) = (figure for figure in FIGURES if figure.step == "figure_explanations")
    rules = (checkout / "workflow/rules/figures.smk").read_text()
    for name, file in {"maps": "maps.npz", "similarity": "similarity.csv"}.items():
        assert name in (*row.options, row.files)
        path = f'"results/explanations/{{study}}/{{dataset}}/{file}"'
        assert f'"{name}": {path},' in rules and f"{name}={path}," in rules
    module = importlib.import_module(f"imbalance_aware.reporting.{row.step}")
    assert module.__doc__
    assert len(explanations.RANDOM_SEEDS) == 10 and "ten untrained networks" in row.caption


@pytest.mark.slow
def test_the_figure_has_the_same_bytes_each_time(study, explained, tmp_path):
    contents = set()
    for name in "ab":
        out = [part for kind in ("png", "pdf") for part in (f"--{kind}", str(tmp_path / name / f"x.{kind}"))]
        files = ["--metrics", str(study / "metrics.csv"), "--similarity", str(explained / "phantoms/similarity.csv")]
        assert main(["figure_explanations", *out, *files, str(explained / "phantoms/maps.npz")]) == 0
        contents.add((tmp_path / name / "x.png").read_bytes() + (tmp_path / name / "x.pdf").read_bytes())
    assert len(contents) == 1
