"""The card beside each trained model: facts of the run's files, and no other."""

import json

import numpy as np
import pytest
import yaml
from journal_cases import CONFIG

from imbalance_aware.__main__ import main
from imbalance_aware.runs.run_folder import DERIVED, clear
from imbalance_aware.tables.csv_text import csv_text
from imbalance_aware.tables.folds import folds_csv

CLASSES = ("benign", "malignant | <b>")
ABOUT = {
    "kind": "images",
    "phantoms": False,
    "sources": ["Photographs of Somebody et al. 2031."],
    "sequences": [],
    "split": "authors",
    "shape": [96, 80],
}


class Run:
    """Files of a run on 40 images; a test changes them and reads the card."""

    def __init__(self, folder):
        self.folder = folder
        self.place = folder / "runs/s/moles/ce-uniform/seed-3"
        self.config, self.about = json.loads(json.dumps(CONFIG)), dict(ABOUT)
        self.probabilities = np.tile([[0.8, 0.2], [0.3, 0.7]], (20, 1))
        self.images_of_a_patient = 1
        self.folds = 0

    def rows(self):
        many = self.images_of_a_patient > 1
        return [
            (f"p{number}", f"g{number // self.images_of_a_patient}" if many else f"p{number}", number % 2)
            for number in range(40)
        ]

    def write(self, *more):
        self.place.mkdir(parents=True, exist_ok=True)
        columns = ["subject", "group", "cohort", "class", "label"]
        rows = [(subject, group, "c", CLASSES[label], label) for subject, group, label in self.rows()]
        training = [(f"t{number}", f"t{number}", "c", CLASSES[number % 2], number % 2) for number in range(26)]
        fold = [[number // 2 % self.folds] if self.folds else [] for number in range(40)]
        names = [f"prob_{name}" for name in CLASSES]
        cells = [[repr(float(p)) for p in row] for row in self.probabilities]
        lines = [(*row, *number, *p) for row, number, p in zip(rows, fold, cells, strict=True)]
        header = [*columns, *(["fold"] if self.folds else []), *names]
        (self.place / "predictions.csv").write_text(csv_text(header, lines))
        samples = [(*row, "" if self.folds else "test", "0" * 16) for row in rows]
        samples += [] if self.folds else [(*row, "train", "0" * 16) for row in training]
        (self.folder / "samples.csv").write_text(csv_text([*columns, "split", "image_sha256"], samples))
        places = [self.place / f"fold-{number}" for number in range(self.folds)] or [self.place]
        for place in places:
            place.mkdir(exist_ok=True)
            (place / "config.yaml").write_text(yaml.safe_dump(self.config))
        folds = []
        if self.folds:
            tested = [number // 2 % self.folds for number in range(40)]
            parts = [["test" if fold == number else "train" for fold in tested] for number in range(self.folds)]
            (self.folder / "repeat-0.csv").write_text(folds_csv([row[0] for row in rows], parts))
            folds = ["--folds", str(self.folder / "repeat-0.csv")]
        return [
            *("evaluate", "--predictions", str(self.place / "predictions.csv")),
            *("--samples", str(self.folder / "samples.csv"), *folds, "--out", str(self.place / "metrics.json"), *more),
        ]

    def asks(self):
        places = [self.place / f"fold-{number}" for number in range(self.folds)] or [self.place]
        configs = [str(place / "config.yaml") for place in places]
        return ["--card", str(self.place / "model_card.md"), "--configs", *configs, "--about", json.dumps(self.about)]

    def card(self):
        assert main(self.write(*self.asks())) == 0
        return (self.place / "model_card.md").read_text(encoding="utf-8")


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_what_a_card_says(run):
    card = run.card()
    for said in (
        "For research only. This is not a medical device.",
        "an image of 96 × 80 pixels to one of 2 classes",
        "stages of 3, 4, 6 and 3 basic blocks and 32, 64, 128 and 256 channels",
        "Study s, dataset moles, condition ce-uniform, seed 3",
        "41 epochs in batches of 48 with Adam; the learning rate was 0.002",
        "digest of the training code: 0123456789abcdef",
        "Photographs of Somebody et al. 2031.",
        "| benign | 13 | 20 |",
        "40 images were tested",
        "| Balanced accuracy | 1.000 | higher |",
        f"predict --model {run.place} --images",
        "Class benign has 20 test patients, fewer than 30",
        "The data do not identify patients",
    ):
        assert said in card
    assert "malignant \\| \\<b\\>" in card and "<b>" not in card.replace("\\<b\\>", "")


def test_metrics_are_the_same_bytes_with_a_card_and_without(run):
    assert main(run.write()) == 0
    alone = (run.place / "metrics.json").read_bytes()
    run.card()
    assert (run.place / "metrics.json").read_bytes() == alone


@pytest.mark.parametrize(
    ("part", "values", "then"),
    [
        ("training", {"epochs": 97}, "97 epochs in batches"),
        ("training", {"select": "best"}, "The epoch was chosen on the validation part"),
        ("model", {"stem_stride": 1}, "a stride of 1"),
        ("augmentation", {"flip_axes": []}, "by gamma correction (exponent 0.55 to 1.45), each"),
        ("condition", {"weighted": True}, "the probabilities reflect balanced classes"),
        ("condition", {"loss": {"balanced_softmax": 1.0}}, "the probabilities reflect balanced classes"),
        ("condition", {"loss": {"ce": 1.0, "soft_mcc": 0.5}}, "Loss: CE + 0.5 MCC"),
        ("condition", {"kwargs": {"ce": {"label_smoothing": 0.17}}}, "ce: label\\_smoothing = 0.17"),
        ("recorded", {"code": "beefbeefbeefbeef"}, "beefbeefbeefbeef"),
        ("recorded", {"versions": {"torch": "9.9"}}, "PyTorch 9.9"),
    ],
)
def test_a_card_changes_with_the_config_of_its_run(run, part, values, then):
    assert then not in run.card()
    run.config[part].update(values)
    assert then in run.card()


@pytest.mark.parametrize(
    ("about", "then"),
    [
        ({"phantoms": True}, "Trained and tested on phantoms"),
        ({"sources": []}, "listed in a table by the users"),
        ({"split": "cohorts"}, "Tested on cohorts not used for training"),
    ],
)
def test_a_card_changes_with_what_the_dataset_is(run, about, then):
    assert then not in run.card()
    run.about |= about
    assert then in run.card()


def test_a_collapsed_and_a_diverged_run_are_called_so(run):
    assert "The model collapsed" not in run.card()
    run.probabilities = np.tile([0.9, 0.1], (40, 1))
    assert "The model collapsed: it predicts one class for every image" in run.card()
    run.probabilities = np.full((40, 2), np.nan)
    assert "The run diverged" in run.card()


def test_patients_with_several_images(run):
    run.images_of_a_patient = 4
    card = run.card()
    assert "40 images of 10 patients were tested" in card and "| benign | 13 (13) | 20 (10) |" in card
    assert "do not identify patients" not in card


def test_all_folds_have_one_card(run):
    run.folds = 4
    card = run.card()
    assert "These are 4 networks, one for each fold" in card and "| benign | 20 |" in card
    assert f"--model {run.place}/fold-0 {run.place}/fold-1 {run.place}/fold-2 {run.place}/fold-3 --images" in card
    run.probabilities[np.arange(40) // 2 % 4 == 1] = [0.1, 0.9]
    assert "The networks of 1 fold collapsed (1)" in run.card()


def test_a_single_fold_counts_its_own_parts(run):
    run.folds = 4
    run.write()
    fold = run.place / "fold-2"
    run.place = fold
    folds, tested = run.folder / "repeat-0.csv", {f"p{number}" for number in range(40) if number // 2 % 4 == 2}
    run.folds = 0
    arguments = run.write(*run.asks(), "--folds", str(folds), "--fold", "2")
    samples = (run.folder / "samples.csv").read_text().replace(",test,", ",,")
    (run.folder / "samples.csv").write_text("".join(line for line in samples.splitlines(True) if ",train," not in line))
    head, *lines = (fold / "predictions.csv").read_text().splitlines(True)
    (fold / "predictions.csv").write_text(head + "".join(line for line in lines if line.split(",")[0] in tested))
    assert main(arguments) == 0
    card = (fold / "model_card.md").read_text()
    assert "seed 3, fold 2" in card and "| benign | 15 | 5 |" in card


@pytest.mark.parametrize(
    ("drop", "message"),
    [
        ("--configs", "needs the config.yaml"),
        ("--about", "expected the keys kind"),
        ("--samples", "needs --samples"),
    ],
)
def test_what_a_card_needs(run, drop, message, capsys):
    arguments = run.write(*run.asks())
    place = arguments.index(drop)
    assert main([*arguments[:place], *arguments[place + 2 :]]) == 2
    assert message in capsys.readouterr().err


def test_folds_that_were_trained_differently_have_no_card(run, capsys):
    run.folds = 2
    arguments = run.write(*run.asks())
    other = run.place / "fold-1/config.yaml"
    other.write_text(yaml.safe_dump(run.config | {"training": run.config["training"] | {"epochs": 5}}))
    assert main(arguments) == 2
    assert f"{other}: training.epochs is 5, but 41 in" in capsys.readouterr().err


def test_training_removes_the_card_of_an_earlier_run(run):
    run.card()
    assert "model_card.md" in DERIVED
    clear(run.place)
    assert not (run.place / "model_card.md").exists()
