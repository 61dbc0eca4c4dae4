"""The whole configuration: which studies are checked, against what, and how mistakes are told."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from imbalance_aware import loss_checks
from imbalance_aware.config import StudySettings, check_losses, read_config, run_settings
from imbalance_aware.errors import UserError

PHANTOMS = {"adapter": "fundus_phantoms", "image_size": [24, 24]}
BASE = {
    "run": ["main"],
    "datasets": {"drawn": PHANTOMS},
    "studies": {"main": {"datasets": ["drawn"], "seeds": [0], "conditions": "conditions.tsv"}},
}
HEADER = "condition\tloss\tsampling\tweighted\tkwargs\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    conditions("ce\tce\tuniform\tfalse\t{}")
    return tmp_path


def conditions(*rows: str, name: str = "conditions.tsv") -> None:
    Path(name).write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")


def read(*changes: dict, command_line: dict | None = None):
    """Read what Snakemake would merge of `BASE` in config.yaml and of each change in a file of its own."""
    merged, files = {}, []
    for number, content in enumerate([BASE, *changes]):
        files.append(f"{number}.yaml")
        Path(files[-1]).write_text(yaml.safe_dump(content), encoding="utf-8")
        update_config(merged, copy.deepcopy(content))
    update_config(merged, copy.deepcopy(command_line or {}))
    return read_config(merged, files, command_line)


def mistakes(*changes: dict, command_line: dict | None = None) -> list[str]:
    with pytest.raises(UserError) as error:
        read(*changes, command_line=command_line)
    return str(error.value).splitlines()


def study(**changes) -> dict:
    return {"studies": {"main": changes}}


@pytest.mark.parametrize(
    ("changes", "command_line", "message"),
    [
        # The key is in two files: the last one decides.
        ([study(seeds=[1, -2])], None, "1.yaml, line 5: studies.main.seeds.1: input should be greater than or equal"),
        ([study(seeds=[-2]), {"training": {"epochs": 3}}], None, "1.yaml, line 4: studies.main.seeds.0"),
        (
            [{"training": {"epochs": 3}}, {"training": {"epochs": True}}],
            None,
            "2.yaml, line 2: training.epochs: expected",
        ),
        # A key is missing: the file that has what it is missing in.
        ([{"studies": {"new": {"seeds": [1]}}}], None, '1.yaml, line 2: "studies.new.datasets" is missing'),
        (
            [{"training": {"epochs": 3}}],
            {"studies": {"new": {"seeds": ["1"]}}},
            '--config: "studies.new.datasets" is missing',
        ),
        # Whatever --config does not hold is in a file, though --config was given.
        ([study(seeds=[-2])], {"run": ["main"]}, "1.yaml, line 4: studies.main.seeds.0"),
        (
            [study(seeds=[-2])],
            {"studies": {"main": {"seeds": ["0-2"]}}},
            "--config: studies.main.seeds.0: expected a whole",
        ),
        # What does not fit together.
        ([{"run": ["main", "mian"]}], None, '1.yaml, line 3: run: there is no study "mian". Did you mean "main"?'),
        ([study(datasets=["drawn", "x"])], None, '1.yaml, line 5: studies.main.datasets: there is no dataset "x"'),
        (
            [study(paper_datasets={"glaucomma": "glaucoma"})],
            None,
            '1.yaml, line 4: studies.main.paper_datasets: the study has no dataset "glaucomma"',
        ),
        ([study(seeds=[4, 5, 4])], None, "1.yaml, line 6: studies.main.seeds: 4 is listed twice"),
        ([study(only=["ce", "cee"])], None, '1.yaml, line 5: studies.main.only: there is no condition "cee"'),
        (
            [study(training={"epochs": 0})],
            None,
            "1.yaml, line 4: studies.main.training: epochs: input should be greater",
        ),
        ([study(model={"widths": [1]})], None, "1.yaml, line 4: studies.main.model: widths: expected a number"),
        ([study(conditions="none.tsv")], None, "1.yaml, line 3: studies.main.conditions: none.tsv: no such table"),
        ([study(conditions=".")], None, ".: this is a folder, but a file is needed"),
    ],
)
def test_the_file_and_line_that_hold_the_value_are_named(changes, command_line, message):
    (line,) = mistakes(*changes, command_line=command_line)
    assert line.startswith(message)


@pytest.mark.parametrize(
    ("kind", "settings", "augmentation", "message"),
    [
        (
            "images",
            PHANTOMS,
            {"crop": 25},
            "line 3: augmentation.images.crop is 25, larger than the images: 24 x 24",
        ),
        ("images", PHANTOMS, {"flip_axes": [2]}, "augmentation.images.flip_axes is [2], but the images have 2 axes"),
        ("images", PHANTOMS, {"blur_sigma": [0, 7]}, "augmentation.images.blur_sigma reaches 28 voxels"),
        ("volumes", {"adapter": "mri_phantoms"}, {"crop": 25}, "augmentation.volumes.crop is 25"),
        ("volumes", {"adapter": "mri_phantoms"}, {"crop": 9, "blur_sigma": [0, 7]}, "blur_sigma reaches 28 voxels"),
    ],
)
def test_changes_of_images_that_do_not_fit_the_dataset(kind, settings, augmentation, message):
    changes = [{"datasets": {"small": settings}, **study(datasets=["small"])}, {"augmentation": {kind: augmentation}}]
    (line,) = mistakes(*changes)
    assert line.startswith("2.yaml, ") and message in line and line.endswith("(dataset small)")
    if "flip_axes" in augmentation:
        return
    # Of a study that is not to run, it is said when a target asks for it.
    other = {"run": ["other"], "datasets": {"large": PHANTOMS | {"image_size": [32, 32]}}}
    other["studies"] = {"other": {"datasets": ["large"], "seeds": [0], "conditions": "conditions.tsv"}}
    _, studies = read(*changes, other)
    assert message in studies["main"].misfits[0]
    assert not studies["other"].misfits


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conditions": "none.tsv"}, "none.tsv: no such table"),
        ({"datasets": ["absent"]}, 'there is no dataset "absent"'),
        ({"training": {"epoch": 1}}, 'unknown key "epoch"'),
        ({"only": ["absent"]}, 'there is no condition "absent"'),
    ],
)
def test_studies_that_are_not_to_run_are_checked_too(changes, message):
    other = {"datasets": ["drawn"], "seeds": [0], "conditions": "conditions.tsv"} | changes
    assert any(message in line for line in mistakes({"studies": {"other": other}}))
    other = {"datasets": ["drawn"], "seeds": [0], "conditions": "conditions.tsv"}
    config, studies = read({"studies": {"other": other}})
    assert config.run == ["main"] and list(studies["other"].conditions) == ["ce"]


def loss_mistakes(*changes: dict) -> list[str]:
    with pytest.raises(UserError) as error:
        check_losses(*read(*changes))
    return str(error.value).splitlines()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('focal\tuniform\tfalse\t{"focal": {"gamma": -2}}', "gamma is -2; expected a number of at least 0"),
        ('soft_mcc\tuniform\tfalse\t{"soft_mcc": {"form": "RK"}}', "form is 'RK'; expected one of"),
        (
            'ce+soft_f1\tuniform\tfalse\t{"soft_f1": {"weight": [1, 2]}}',
            "weight has 2 values; expected one for each of the 3",
        ),
    ],
)
def test_losses_are_tried_on_the_classes_of_each_dataset_when_the_configuration_is_read(row, message):
    conditions("ce\tce\tuniform\tfalse\t{}", f"mine\t{row}")
    (line,) = loss_mistakes()
    assert line.startswith('conditions.tsv, line 3: condition "mine": the loss') and message in line


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"two"', "true", "null"])
def test_values_that_are_no_numbers_are_refused_while_the_configuration_is_read(value):
    conditions(f'mine\tfocal\tuniform\tfalse\t{{"focal": {{"gamma": {value}}}}}')
    (line,) = mistakes()
    assert line.startswith('conditions.tsv, line 2: condition "mine": the loss "focal": gamma is')
    assert "expected a finite number" in line


@pytest.mark.parametrize("weight", ([1, 2, 3], [1, 2]))
def test_the_number_of_classes_is_that_of_one_s_own_table(folder, weight):
    (folder / "t.csv").write_text("path;class\na;x\nb;y\nc;z\nd;\n")
    conditions(f'mine\tsoft_f1\tuniform\tfalse\t{{"soft_f1": {{"weight": {weight}}}}}')
    own = {"datasets": {"own": {"adapter": "folder", "table": "t.csv"}}, **study(datasets=["own"])}
    if len(weight) == 3:
        check_losses(*read(own))
        (folder / "t.csv").unlink()
        check_losses(*read(own))
    else:
        assert "each of the 3 classes" in loss_mistakes(own)[0]


def test_what_passed_is_not_tried_again_until_something_changes(monkeypatch):
    tried = []

    def attempt(loss, kwargs, counts):
        tried.append((loss, kwargs, len(counts)))

    def check(*kwargs):
        trials = [loss_checks.Trial("t", "focal", one, classes) for one, classes in kwargs]
        tried.clear()
        loss_checks.try_losses(trials, attempt=attempt)
        return list(tried)

    assert check(({"gamma": 1}, 3), ({"gamma": 1}, 3), ({}, 3)) == [("focal", {"gamma": 1}, 3)]
    assert check(({"gamma": 1}, 3)) == []
    assert check(({"gamma": 1}, 2), ({"gamma": 2}, 3)) == [("focal", {"gamma": 1}, 2), ("focal", {"gamma": 2}, 3)]
    monkeypatch.setattr(loss_checks, "code_digest", lambda modules: "other code")
    assert len(check(({"gamma": 1}, 3))) == 1
    loss_checks.NOTES.write_text("{broken")
    assert len(check(({"gamma": 1}, 3))) == 1


def test_where_there_is_no_torch_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(loss_checks, "_torch_version", lambda: None)
    conditions('mine\tfocal\tuniform\tfalse\t{"focal": {"gamma": -2}}')
    check_losses(*read())
    assert not loss_checks.NOTES.exists()


def test_the_configuration_is_read_without_torch():
    code = "import sys, imbalance_aware.config as c; assert not {'torch', 'pandas', 'monai'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("adapter", ["folder", "folder3d"])
@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([0, 1], None),
        (["a", "b"], None),
        (["a", "a"], '"a" is listed twice'),
        ([1, "1"], '"1" is listed twice'),
        ([True, False], "YAML reads them as true or false"),
        (["a"], "at least 2 items"),
    ],
)
def test_classes_of_one_s_own_images_and_volumes_follow_the_same_rules(adapter, classes, message):
    change = {"datasets": {"own": {"adapter": adapter, "table": "t.csv", "classes": classes}}}
    if message is None:
        config, _ = read(change)
        assert config.datasets["own"].classes == tuple(map(str, classes))
    else:
        (line,) = mistakes(change)
        assert "datasets.own.classes: " in line and message in line


def test_a_study_with_another_network_leaves_the_shared_networks_keys():
    shared, other = {"model": {"widths": [8, 8, 8, 8]}}, {"network": "monai:ResNet18", "arguments": {"act": "prelu"}}
    assert read(shared, study(model=other))[1]["main"].model.model_dump() == other
    assert read(shared, study(model={"stem_kernel": 3}))[1]["main"].model.widths == (8, 8, 8, 8)
    (message,) = mistakes(shared, {"model": {"network": "monai:ResNet18"}})
    assert message.startswith('1.yaml, line 2: model.widths: is a key of the network "resnet", which "monai:ResNet18"')


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ({"primary": "balanced_acuracy"}, '"balanced_acuracy" is not known. Did you mean "balanced_accuracy"?'),
        ({"primary": "recall"}, '"recall" has a value for each class; choose one of accuracy, balanced_accuracy'),
        ({"relevant_difference": 0}, "relevant_difference: input should be greater than 0"),
        ({"unit": "groups"}, '"groups" is not known. Did you mean "group"?'),
        ({"base": "ce"}, 'unknown key "base" in evaluation. Did you mean "baseline"?'),
        ({"baseline": "cee"}, 'evaluation.baseline: no study has a condition "cee". Did you mean "ce"?'),
    ],
)
def test_what_results_are_judged_by_is_checked(evaluation, message):
    (line,) = mistakes({"evaluation": evaluation})
    assert line.startswith("1.yaml, line 2: ") and message in line


def test_a_study_is_compared_with_the_baseline_or_else_its_first_condition():
    conditions("ce\tce\tuniform\tfalse\t{}", "ce-uniform\tce\tuniform\tfalse\t{}")
    conditions("focal\tfocal\tuniform\tfalse\t{}", name="other.tsv")
    second = {"studies": {"second": {"datasets": ["drawn"], "seeds": [0], "conditions": "other.tsv"}}}
    _, studies = read(second, {"run": ["main", "second"]})
    assert (studies["main"].baseline, studies["second"].baseline) == ("ce-uniform", "focal")
    _, studies = read(second, {"evaluation": {"baseline": "ce"}})
    assert (studies["main"].baseline, studies["second"].baseline) == ("ce", "focal")


def own_table(*splits: str) -> dict:
    """A dataset of a table with these cells in its column ``split``."""
    rows = [f"{number}.png,{'ab'[number % 2]},{split}" for number, split in enumerate(splits)]
    Path("own.csv").write_text("\n".join(["path,class,split", *rows]) + "\n", encoding="utf-8")
    return {"datasets": {"own": {"adapter": "folder", "table": "own.csv"}}, **study(datasets=["drawn", "own"])}


SHARE = {"datasets": {"own": {"adapter": "fundus_phantoms", "split": {"method": "folds", "validation": 0.15}}}}


@pytest.mark.parametrize("given", ["share", "table"])
def test_the_primary_metric_reaches_the_runs_of_datasets_with_a_validation_part_alone(given):
    own = own_table("train", "train", "Validation", "test") if given == "table" else SHARE

    def runs(*changes):
        config, studies = read(own, *changes)
        return {name: run_settings(studies["main"], "ce", name, config).decisive() for name in ("drawn", "own")}

    before, after = runs(), runs({"evaluation": {"primary": "mcc"}})
    assert after["drawn"] == before["drawn"] and "validation_metric" not in before["drawn"]
    assert (before["own"]["validation_metric"], after["own"]["validation_metric"]) == ("balanced_accuracy", "mcc")
    rarely = runs({"training": {"validate_every": 5}})
    assert rarely["drawn"] == before["drawn"], "how often nothing is looked at"
    assert rarely["own"]["training"]["validate_every"] == 5
    others = {"evaluation": {"baseline": "ce", "relevant_difference": 0.1, "unit": "group"}}
    assert runs(others) == before


@pytest.mark.parametrize(
    ("change", "key", "line"),
    [({"training": {"select": "best"}}, "training.select", 2), (study(training={"select": "best"}), "studies.main", 4)],
)
def test_choosing_the_best_epoch_needs_a_validation_part(change, key, line):
    (problem,) = mistakes(own_table("train", "train", "validation", "test"), change)
    assert (
        problem.startswith(f"2.yaml, line {line}: {key}") and "training.select: best needs a validation part" in problem
    )
    assert "the dataset drawn has none; add `validation: 0.15` to datasets.drawn.split" in problem
    (_, second) = mistakes(own_table("train", "train", "test", "test"), change)
    assert "the dataset own has none" in second
    read(own_table("train", "validation", "test"), change, study(datasets=["own"]))


def test_which_datasets_take_the_place_of_the_papers():
    """Those that are named; else, of a study beside which the paper may be shown, those of the same name."""
    usual = {"datasets": ["glioma", "phantoms"], "seeds": [0]}
    assert StudySettings(**usual).stand_ins() == {} and not StudySettings(**usual).recomputes_claims
    published = StudySettings(**usual, published=True)
    assert published.stand_ins() == {"glioma": "glioma"} and published.recomputes_claims
    named = StudySettings(**usual, paper_datasets={"phantoms": "glaucoma"})
    assert named.stand_ins() == {"phantoms": "glaucoma"} and named.recomputes_claims
