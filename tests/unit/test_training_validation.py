"""The validation part of a run: what is recorded of it, and that the weights of the best epoch are kept."""

import json
import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, brier_score_loss
from training_cases import edited, read, settings, write_dataset
from training_runs import OUTPUTS as ALWAYS
from training_runs import Killed, assert_same, run, stop_after

from imbalance_aware.errors import UserError
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.make import loss_of
from imbalance_aware.runs import train
from imbalance_aware.runs.checkpoint import Checkpoint
from imbalance_aware.runs.dataset import Fold, open_dataset
from imbalance_aware.runs.model_file import load_model
from imbalance_aware.runs.run_folder import finished
from imbalance_aware.runs.settings import RunSettings
from imbalance_aware.runs.validation import score_of
from imbalance_aware.tables.folds import folds_csv
from imbalance_aware.tables.history import read_history
from imbalance_aware.tables.predictions import read_predictions
from imbalance_aware.training.validation import Best, Score

OUTPUTS = [*ALWAYS, "validation_predictions.csv"]


def rewrite(source, folder, split_of):
    """The dataset in a new folder, with another split of each row: ``split_of(number, row)``."""

    def change(rows):
        for number, row in enumerate(rows):
            row["split"] = split_of(number, row)

    return edited(source, folder, change)


def every_fourth(number, row):
    """A fourth of the training part is for validation."""
    return "validation" if row["split"] == "train" and number % 4 == 1 else row["split"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Training and test samples alone."""
    return write_dataset(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def dataset(plain, tmp_path_factory):
    """With a validation part."""
    return rewrite(plain, tmp_path_factory.mktemp("data") / "validated", every_fourth)


def options(metric="balanced_accuracy", training=None, **changes):
    base = {"epochs": 5, "schedule": "constant", "learning_rate": 3e-3}
    return settings(training=base | (training or {}), **changes) | {"validation_metric": metric}


BEST = {"select": "best"}


@pytest.fixture(scope="module")
def last(dataset, tmp_path_factory):
    return run(dataset, tmp_path_factory.mktemp("last"), options())


def judged(self, epoch, value, score, weights, offer=Best.offer):
    """The third epoch is the best, whatever the processor makes of it."""
    offer(self, epoch, abs(epoch - 3.0) * (1 if score.better == "lower" else -1), score, weights)


@pytest.fixture
def third(monkeypatch):
    monkeypatch.setattr(Best, "offer", judged)


@pytest.fixture(scope="module")
def best(dataset, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Best, "offer", judged)
        return run(dataset, tmp_path_factory.mktemp("best"), options(training=BEST))


def test_the_folder_holds_the_predictions_of_all_parts(last, dataset):
    assert sorted(path.name for path in last.iterdir()) == OUTPUTS
    samples = read(dataset / "samples.csv")
    parts = {"predictions": "test", "validation_predictions": "validation", "training_predictions": "train"}
    for name, part in parts.items():
        expected = [row["subject"] for row in samples if row["split"] == part]
        assert read_predictions(last / f"{name}.csv").subjects.tolist() == expected
    assert finished(last)["recorded"]["validation_samples"] == 11


def test_what_is_predicted_of_the_training_samples_is_what_the_model_says_of_them(last, dataset):
    model, _, _ = load_model(last / "model.pt")
    rows = [number for number, row in enumerate(read(dataset / "samples.csv")) if row["split"] == "train"]
    images = torch.from_numpy(np.load(dataset / "images.npy")[rows]).float() / 255
    with torch.inference_mode():
        expected = model(images).double().softmax(1)
    np.testing.assert_allclose(read_predictions(last / "training_predictions.csv").probabilities, expected, atol=1e-6)


def test_predictions_of_the_training_samples_can_be_switched_off(plain, tmp_path):
    off = run(plain, tmp_path / "off", settings(training={"training_predictions": False}))
    assert sorted(path.name for path in off.iterdir()) == ALWAYS[:-1]
    assert finished(off)
    on = run(plain, tmp_path / "on", settings())
    assert (off / "predictions.csv").read_bytes() == (on / "predictions.csv").read_bytes()
    (on / "training_predictions.csv").unlink()
    assert finished(on) is None
    # A run over another one leaves none of its files.
    assert (
        sorted(
            path.name
            for path in run(
                plain, on, json.loads(json.dumps(settings(training={"training_predictions": False})))
            ).iterdir()
        )
        == ALWAYS[:-1]
    )


def test_the_last_row_of_the_history_is_what_the_kept_weights_say_of_the_validation_part(last):
    history = read_history(last / "history.csv")
    found = read_predictions(last / "validation_predictions.csv")
    assert history.metric == "balanced_accuracy"
    final = history.epochs[-1]
    assert final.validation_metric == balanced_accuracy_score(found.labels, found.probabilities.argmax(1))
    cross_entropy = -np.log(found.probabilities[np.arange(len(found.labels)), found.labels]).mean()
    assert final.validation_loss == pytest.approx(cross_entropy, rel=1e-5)


def test_a_run_without_a_validation_part_has_no_column_for_it(plain, tmp_path):
    folder = run(plain, tmp_path, options(training={"validate_every": 2}))
    assert read_history(folder / "history.csv").metric is None
    assert list(read(folder / "history.csv")[0])[-1] == "seconds"
    assert sorted(path.name for path in folder.iterdir()) == ALWAYS


@pytest.mark.parametrize("metric", ["brier", "auroc_macro", "mcc"])
def test_any_metric_over_all_classes_can_be_recorded(dataset, tmp_path, metric):
    folder = run(dataset, tmp_path, options(metric))
    found = read_predictions(folder / "validation_predictions.csv")
    expected = score_of(metric).of(found.labels, found.probabilities)
    assert read_history(folder / "history.csv").epochs[-1].validation_metric == pytest.approx(expected, abs=1e-12)
    if metric == "brier":
        assert expected == pytest.approx(
            brier_score_loss(found.labels, found.probabilities, labels=[0, 1, 2], scale_by_half=False)
        )


def test_it_is_looked_at_every_so_many_epochs_and_after_the_last(dataset, tmp_path):
    folder = run(dataset, tmp_path, options(training={"validate_every": 2}))
    filled = [row["epoch"] for row in read(folder / "history.csv") if row["validation_loss"]]
    assert filled == ["2", "4", "5"]


def test_looking_changes_nothing(plain, dataset, last, tmp_path):
    """The same run with the validation samples left out altogether."""
    unused = rewrite(plain, tmp_path / "data", lambda number, row: "")
    parts = [every_fourth(number, row) for number, row in enumerate(read(plain / "samples.csv"))]
    without = ["" if part == "validation" else part for part in parts]
    subjects = [row["subject"] for row in read(plain / "samples.csv")]
    (tmp_path / "repeat-0.csv").write_text(folds_csv(subjects, [parts, without]))
    folders = [
        run(
            unused, tmp_path / f"fold-{fold}", options(), "--folds", str(tmp_path / "repeat-0.csv"), "--fold", str(fold)
        )
        for fold in (0, 1)
    ]
    for name in ("predictions.csv", "training_predictions.csv", "features.npy"):
        one, other = ((folder / name).read_bytes() for folder in folders)
        assert one == other == (last / name).read_bytes(), name
    names = ("epoch", "learning_rate", "train_loss", "train_balanced_accuracy")
    one, other = ([[row[name] for name in names] for row in read(folder / "history.csv")] for folder in folders)
    assert one == other
    assert finished(folders[0])["recorded"]["fold"] == 0 and finished(folders[0])["recorded"]["folds"] == "repeat-0.csv"


@pytest.mark.parametrize(
    "loss",
    [
        {"soft_mcc": {"queue_size": 20}},
        {"ldam": {"scale": 30}},
        {"auc_margin": {"queue_size": 16}},
        {"balanced_softmax": {}},
    ],
    ids=lambda loss: next(iter(loss)),
)
def test_looking_changes_nothing_in_losses_that_remember(plain, tmp_path, loss):
    """A loss with a memory of earlier batches neither takes in the validation part nor forgets for it."""
    condition = {"loss": dict.fromkeys(loss, 1), "kwargs": loss}
    parts = [every_fourth(number, row) for number, row in enumerate(read(plain / "samples.csv"))]
    seen = rewrite(plain, tmp_path / "seen", lambda number, row: parts[number])
    folders = [
        run(seen, tmp_path / f"every-{every}", options(training={"validate_every": every}, condition=condition))
        for every in (1, 5)
    ]
    assert (folders[0] / "predictions.csv").read_bytes() == (folders[1] / "predictions.csv").read_bytes()
    rows = [read(folder / "history.csv")[-1] for folder in folders]
    assert rows[0]["validation_loss"] == rows[1]["validation_loss"] != ""
    found = read_predictions(folders[0] / "validation_predictions.csv")
    expected = balanced_accuracy_score(found.labels, found.probabilities.argmax(1))
    assert float(rows[0]["validation_balanced_accuracy"]) == expected


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_a_value_on_a_part_that_lacks_a_class(name):
    loss = loss_of({name: 1.0}, {}, [20, 9, 4]).eval()
    with torch.inference_mode():
        logits = torch.linspace(-2, 2, 21).reshape(7, 3)
    target = torch.tensor([0, 0, 1, 0, 1, 0, 0])
    with torch.no_grad():
        assert loss(logits, target, sample_weight=torch.rand(7)).isfinite()


def best_epoch(folder):
    return finished(folder)["recorded"]["best_epoch"]


@pytest.mark.parametrize(("metric", "first_best"), [("balanced_accuracy", np.argmax), ("brier", np.argmin)])
def test_the_first_of_the_best_epochs_is_best(dataset, tmp_path, metric, first_best):
    folder = run(dataset, tmp_path, options(metric, training=BEST))
    values = [epoch.validation_metric for epoch in read_history(folder / "history.csv").epochs]
    assert best_epoch(folder) == 1 + int(first_best(values))
    found = read_predictions(folder / "validation_predictions.csv")
    assert score_of(metric).of(found.labels, found.probabilities) == pytest.approx(values[best_epoch(folder) - 1])
    assert load_model(folder / "model.pt")[2]["recorded"]["best_epoch"] == best_epoch(folder)


def test_the_weights_of_the_best_epoch_are_kept(best, dataset, tmp_path):
    """With a constant learning rate, a run of so many epochs ends with these weights."""
    short = run(dataset, tmp_path, options(training={"epochs": 3}))
    for name in ("predictions.csv", "validation_predictions.csv", "training_predictions.csv", "features.npy"):
        assert (best / name).read_bytes() == (short / name).read_bytes(), name
    assert best_epoch(best) == 3 and len(read(best / "history.csv")) == 5


def test_the_scale_of_a_loss_becomes_part_of_the_best_weights_once(third, dataset, tmp_path):
    condition = {"loss": {"ldam": 1}, "kwargs": {"ldam": {"scale": 30}}}
    kept = run(dataset, tmp_path / "best", options("brier", training=BEST, condition=condition))
    short = run(dataset, tmp_path / "short", options("brier", training={"epochs": 3}, condition=condition))
    found = read_predictions(kept / "validation_predictions.csv")
    expected = score_of("brier").of(found.labels, found.probabilities)
    assert read_history(kept / "history.csv").epochs[2].validation_metric == pytest.approx(expected, rel=1e-5)
    assert best_epoch(kept) == 3
    assert (kept / "predictions.csv").read_bytes() == (short / "predictions.csv").read_bytes()


def test_patience(third, best, dataset, tmp_path):
    patient = run(dataset, tmp_path, options(training=BEST | {"epochs": 50, "patience": 2}))
    assert len(read(patient / "history.csv")) == 5 and best_epoch(patient) == 3
    assert (patient / "predictions.csv").read_bytes() == (best / "predictions.csv").read_bytes()


def test_patience_ends_training_only_where_the_validation_part_was_looked_at(third, dataset, tmp_path):
    patient = run(dataset, tmp_path, options(training=BEST | {"epochs": 60, "patience": 1, "validate_every": 3}))
    history = read(patient / "history.csv")
    assert len(history) == 6 and history[-1]["validation_loss"] and best_epoch(patient) == 3


#: Steps of an epoch (31 samples by 8), and batches of a validation (11 by 8).
STEPS, LOOKS = 4, 2


@pytest.mark.parametrize("offset", [-1, 0, STEPS - 1, STEPS, STEPS + 1, STEPS + LOOKS])
def test_a_run_that_is_stopped_around_its_best_epoch_ends_with_the_same_bytes(
    third, best, dataset, tmp_path, monkeypatch, offset
):
    """At every step of the best epoch, while the validation part is looked at, and just after."""
    before = 2 * (STEPS + LOOKS)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_after(patch, before + 1 + offset)
        run(dataset, tmp_path, options(training=BEST))
    assert len(list(tmp_path.glob("checkpoint-*.pt"))) == 1
    assert_same(best, run(dataset, tmp_path, options(training=BEST)))


@pytest.mark.parametrize("epoch", [2, 3, 4])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_that_is_killed_as_an_epoch_is_judged_ends_with_the_same_bytes(
    third, best, dataset, tmp_path, monkeypatch, epoch, moment
):
    def killed(self, number, *rest):
        if number == epoch and moment == "before":
            raise Killed
        judged(self, number, *rest)
        if number == epoch:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Best, "offer", killed)
        run(dataset, tmp_path, options(training=BEST), "--checkpoint-every-s", "0")
    assert_same(best, run(dataset, tmp_path, options(training=BEST)))


def test_a_checkpoint_without_the_best_weights_would_be_noticed(third, best, dataset, tmp_path, monkeypatch):
    """The tests above resume from a checkpoint that holds them: without, they would fail."""
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_after(patch, 5 * (STEPS + LOOKS) - LOOKS)
        run(dataset, tmp_path, options(training=BEST))
    with monkeypatch.context() as patch:
        load = Checkpoint.load
        patch.setattr(Checkpoint, "load", lambda self: load(self) | {"best": Best().state()})
        resumed = run(dataset, tmp_path, options(training=BEST))
    assert best_epoch(resumed) == 5 != best_epoch(best)


def test_of_a_run_that_diverges_at_once_no_epoch_is_best(dataset, tmp_path, caplog):
    """It keeps its last weights."""
    folder = run(dataset, tmp_path, options(training=BEST | {"learning_rate": 1e38}))
    assert "diverged in epoch" in caplog.text
    assert best_epoch(folder) is None
    assert read(folder / "history.csv")[-1]["validation_balanced_accuracy"] == ""
    assert sorted(path.name for path in folder.iterdir()) == OUTPUTS


VALUES = st.lists(st.sampled_from([math.nan, 0.25, 0.5, 0.5, 0.75, 1.0]), min_size=1, max_size=12)


@trials(max_examples=200, deadline=None)
@given(VALUES, st.sampled_from(["higher", "lower"]))
def test_the_best_epoch_is_the_first_with_the_best_value(values, better):
    kept, score = Best(), Score("x", better, lambda labels, probabilities: 0.0)
    for epoch, value in enumerate(values, start=1):
        kept.offer(epoch, value, score, {"weight": torch.tensor(float(epoch))})
    known = [value for value in values if not math.isnan(value)]
    if not known:
        assert kept.epoch == 0 and kept.weights is None
        return
    wanted = max(known) if better == "higher" else min(known)
    assert kept.epoch == 1 + values.index(wanted)
    assert kept.weights["weight"] == kept.epoch


def test_the_best_weights_are_a_copy():
    kept, weights = Best(), {"weight": torch.zeros(2)}
    kept.offer(1, 0.5, score_of("accuracy"), weights)
    weights["weight"] += 1
    assert kept.weights["weight"].tolist() == [0, 0]


def test_what_is_no_probability_has_no_metric():
    labels, probabilities = np.array([0, 1]), np.array([[0.5, 0.5], [np.nan, np.nan]])
    assert math.isnan(score_of("balanced_accuracy").of(labels, probabilities))


def refused(dataset, out, values, *more):
    with pytest.raises(UserError) as error:
        run(dataset, out, values, *more)
    assert not (out / "config.yaml").exists()
    return str(error.value)


def test_choosing_the_best_epoch_without_a_validation_part_is_refused(plain, tmp_path):
    message = refused(plain, tmp_path / "run", options(training=BEST))
    assert message.startswith(f"{plain}/samples.csv: no sample is in the validation part") and "\n" not in message
    assert "validation: 0.15" in message and "training.select: last" in message


def test_a_validation_part_without_a_metric_is_refused(dataset, tmp_path):
    assert "set validation_metric" in refused(dataset, tmp_path / "run", settings())


def test_an_unknown_metric_is_told_with_the_nearest(dataset, tmp_path):
    message = refused(dataset, tmp_path / "run", options("balanced_acuracy"))
    assert 'Did you mean "balanced_accuracy"' in message
    assert "over all classes" in refused(dataset, tmp_path / "run", options("recall"))


def test_a_package_that_the_metric_needs_is_asked_for_before_training(dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    monkeypatch.setattr(train, "begin", None)
    message = refused(dataset, tmp_path / "run", options())
    assert "needs the package sklearn" in message and "envs/train.yaml" in message


def without_class_c(number, row):
    return "validation" if row["split"] == "train" and number % 4 == 1 and row["class"] != "c" else row["split"]


def test_a_class_that_the_validation_part_lacks(plain, tmp_path, caplog):
    dataset = rewrite(plain, tmp_path / "data", without_class_c)
    message = refused(dataset, tmp_path / "run", options("auroc_macro", training=BEST))
    assert "the validation part has no sample of the class c" in message and "auroc_macro is undefined" in message
    folder = run(dataset, tmp_path / "recorded", options("auroc_macro", training={"epochs": 1}))
    assert "auroc_macro there is undefined and stays empty" in caplog.text
    assert read(folder / "history.csv")[-1]["validation_auroc_macro"] == ""
    caplog.clear()
    folder = run(dataset, tmp_path / "chosen", options(training=BEST | {"epochs": 1}))
    assert "balanced_accuracy there is that of the other classes alone" in caplog.text
    assert best_epoch(folder) == 1


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"patience": 3}, "training.patience: is for `select: best`"),
        ({"select": "best", "patience": 0}, "training.patience: input should be greater than or equal to 1"),
        ({"select": "beste"}, 'training.select: "beste" is not known. Did you mean "best"?'),
        ({"validate_every": 0}, "training.validate_every: input should be greater than or equal to 1"),
    ],
)
def test_settings_that_cannot_be_used(dataset, tmp_path, training, message):
    assert message in refused(dataset, tmp_path / "run", options(training=training))


def test_options_that_are_off_do_not_count():
    plain = RunSettings.model_validate(settings())
    off = {"select": "last", "patience": None, "validate_every": 1}
    assert RunSettings.model_validate(settings(training=off)).decisive() == plain.decisive()
    assert not {*off, "validation_metric"} & {*plain.decisive(), *plain.decisive()["training"]}
    for training in ({"select": "best"}, {"validate_every": 2}, {"training_predictions": False}):
        assert RunSettings.model_validate(settings(training=training)).decisive() != plain.decisive()


@pytest.fixture
def folds(plain, tmp_path):
    """A cross-validated dataset and the table of its two folds."""
    data = rewrite(plain, tmp_path / "data", lambda number, row: "")
    subjects = [row["subject"] for row in read(plain / "samples.csv")]
    parts = [["test" if number % 2 == side else "train" for number in range(len(subjects))] for side in (0, 1)]
    parts[0][1] = ""
    (tmp_path / "repeat-0.csv").write_text(folds_csv(subjects, parts))
    return data, tmp_path / "repeat-0.csv", subjects, parts


def test_a_fold_is_trained_as_a_dataset_with_that_split(folds, plain, tmp_path):
    data, table, _, parts = folds
    fold = run(data, tmp_path / "fold", settings(), "--folds", str(table), "--fold", "1")
    fixed = rewrite(plain, tmp_path / "fixed", lambda number, row: parts[1][number])
    alone = run(fixed, tmp_path / "alone", settings())
    for name in ("predictions.csv", "training_predictions.csv", "features.npy"):
        assert (fold / name).read_bytes() == (alone / name).read_bytes()


def test_the_data_of_a_fold_are_its_own_rows(folds):
    data, table, subjects, parts = folds

    def digest(fold):
        return open_dataset(data / "images.npy", data / "samples.csv", Fold(table, fold)).digest

    before = [digest(0), digest(1)]
    assert before[0] != before[1]
    parts[1][5] = "validation"
    table.write_text(folds_csv(subjects, [*parts, parts[0]]))
    assert digest(0) == before[0] == digest(2)
    assert digest(1) != before[1]
    dataset = open_dataset(data / "images.npy", data / "samples.csv", Fold(table, 0))
    assert 1 not in {*dataset.train.rows, *dataset.test.rows, *dataset.validation.rows}, "an empty cell: in no part"


def test_folds_that_cannot_be_used(folds, plain, tmp_path):
    data, table, subjects, parts = folds
    out, both = tmp_path / "run", ("--folds", str(table), "--fold", "0")
    assert "--folds and --fold must be given together" in refused(data, out, settings(), "--fold", "0")
    assert "has no fold 2; it has 2" in refused(data, out, settings(), "--folds", str(table), "--fold", "2")
    assert "no sample has a split, because the dataset is cross-validated" in refused(data, out, settings())
    assert "has a fixed split" in refused(plain, out, settings(), *both)
    table.write_text(folds_csv(subjects[1:], [part[1:] for part in parts]))
    assert "its subjects are not those of" in refused(data, out, settings(), *both)
    table.write_text(
        folds_csv(subjects, [["test" if "c" in row["class"] else "train" for row in read(plain / "samples.csv")]])
    )
    assert f"{table}, fold 0: no training sample of the class c" in refused(data, out, settings(), *both)
