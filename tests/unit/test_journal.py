"""Texts for a journal: every statement follows from a file, and nothing is said that no file says."""

import csv
import json
import re

import pytest
from journal_cases import CONFIG, IMAGES, RESOURCES, VOLUMES, Case

from imbalance_aware.__main__ import main
from imbalance_aware.journal import checklists
from imbalance_aware.journal.rendering import MARKDOWN, PLAIN, TEMPLATES, counted, listed, macros
from imbalance_aware.journal.study_facts import read_pins
from imbalance_aware.journal.study_settings import loss_reference
from imbalance_aware.journal.texts import ANSWERS, CHECKLISTS, OUTPUTS, STUDY_TEMPLATES
from imbalance_aware.losses import LOSSES

ITEMS = RESOURCES / "reporting_items.csv"
FOLDS = {"split": {"method": "folds", "seed": 11, "validation": 0, "folds": 5, "repeats": 2}, "folds": 5, "repeats": 2}


def texts(case, folder):
    """Name of each output -> its content."""
    assert main(["journal", *case.write(folder)]) == 0
    return {name: (folder / "journal" / name).read_text(encoding="utf-8") for name in OUTPUTS}


def methods(case, folder):
    return texts(case, folder)["methods.md"]


def change(place, **values):
    def apply(case):
        target = case
        for key in place.split(".") if place else []:
            target = target[key] if isinstance(target, dict) else getattr(target, key)
        if isinstance(target, dict):
            target.update(values)
        else:
            for key, value in values.items():
                setattr(target, key, value)

    return apply


def config(part, **values):
    return change(f"config.{part}", **values)


def moles(**values):
    return change("settings.datasets.moles", **values)


TWIN = {"set": "1", "kind": "equal pixels", "group": "g", "across_split": "True", "conflicting_label": "True"}
#: What is changed -> what the methods then say, and no longer say.
MUTATIONS = [
    (change("", excluded={}), "none was excluded", "5 were excluded"),
    (
        change("", excluded={"unreadable": 1, "no class": 8}),
        "9 were excluded (no class: 8; unreadable: 1)",
        "no class: 5",
    ),
    (change("", classes={"mild": (61, 7, 23), "grave": (19, 3, 11)}), "| grave | 19 | 3 | 11 |", "malignant"),
    (change("", images_of_a_patient=2), "are from 65 patients", "do not identify patients"),
    (change("", images_of_a_patient=2), "The parts are disjoint by patient", "disjoint by image"),
    (change("", duplicates=[TWIN, TWIN]), "1 set of images had identical pixels; in 1 of them", "No two images"),
    (moles(conflicts="drop"), "No two images", None),
    (change("", cohorts=["north", "south"]), "2 cohorts: north (62 images), south (62 images)", None),
    (moles(sources=[]), "[author: name their source]", "Somebody et al."),
    (
        moles(split={"method": "random", "test_fraction": 0.35, "seed": 9, "validation": 0.12}),
        "A test part of 35 %",
        "authors of",
    ),
    (
        moles(split={"method": "random", "test_fraction": 0.35, "seed": 9, "validation": 0.12}),
        "12 % was held out",
        None,
    ),
    (
        moles(split={"method": "cohorts", "test_cohorts": ["south"], "validation": 0}),
        "The test part was the cohort south",
        None,
    ),
    (moles(**FOLDS), "5-fold cross-validation, repeated 2 times", "authors of"),
    (moles(split={"method": "table", "validation": 0}), "The split was given in the table", "authors of"),
    (change("", size=("96", "80")), "were not resized", "were resized"),
    (config("augmentation", gamma=[0.7, 1.3]), "exponent 0.7 to 1.3", "0.55"),
    (config("augmentation", gamma=None, flip_axes=[]), "were not augmented", "gamma"),
    (config("augmentation", blur_sigma=[0.0, 1.7]), "Gaussian blur (standard deviation 0 to 1.7 pixels)", None),
    (config("augmentation", crop=64), "a random crop of 64 × 64 pixels", None),
    (config("model", widths=[8, 16, 32, 65]), "8, 16, 32 and 65 channels", "256"),
    (config("model", stem_pool=False), "a stride of 2.", "maximum pooling"),
    (config("training", epochs=77), "77 epochs", "41 epochs"),
    (config("training", optimiser="sgd"), "stochastic gradient descent", "with Adam"),
    (config("training", schedule="constant"), "0.002 throughout", "cosine"),
    (config("training", select="best", patience=13), "13 epochs had passed", "last epoch"),
    (config("training", weight_decay=0.05, optimiser="adamw"), "with AdamW; ", "with Adam;"),
    (config("training", weight_decay=0.05), "a weight decay of 0.05 (not of biases and normalisation layers)", None),
    (config("training", warmup_epochs=7), "with a linear warm-up of 7 epochs", None),
    (config("training", clip_norm=0.5), "gradients clipped to a norm of 0.5", None),
    (config("training", accumulate=4), "batches computed in 4 parts", None),
    (config("training", mixup=0.2, ema=0.99), "mixup (alpha 0.2) and an exponential moving average", None),
    (config("recorded", device="cuda"), "trained on a GPU", "on the CPU"),
    (config("recorded", precision="bfloat16"), "in bfloat16 precision", "float32"),
    (config("recorded", versions={"torch": "9.9.9"}), "PyTorch 9.9.9", "2.13.0"),
    (config("recorded", code="feedfeedfeedfeed"), "feedfeedfeedfeed", "0123456789abcdef"),
    (change("settings", seeds=[6]), "one seed (6)", "2 seeds (0 and 4)"),
    (change("settings.evaluation", relevant_difference=0.045), "lies within ±0.045", "0.03"),
    (change("settings.samplings", square_root="in proportion"), "3 sampling strategies", "2 sampling strategies"),
    (change("settings.losses.ce", source="Another book."), "Another book.", "A textbook."),
    (change("", rules=("argmax",)), "highest probability", "logit adjustment"),
    (
        change("results.moles", question="models"),
        "is not available, so conclusions are limited to the trained models",
        "adds the variance",
    ),
]


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """Methods of the study that nothing was changed in: of photographs, and of volumes."""
    folder = tmp_path_factory.mktemp("before")
    return {"images": methods(Case(), folder / "images"), "volumes": methods(Case(heads=VOLUMES), folder / "volumes")}


@pytest.mark.parametrize("number", range(len(MUTATIONS)))
def test_a_sentence_changes_with_its_file(number, before, tmp_path):
    apply, then, no_longer = MUTATIONS[number]
    case = Case()
    apply(case)
    told = methods(case, tmp_path).replace("\\", "")
    assert then in told
    if no_longer:
        assert no_longer in before["images"].replace("\\", "")
        assert no_longer not in told


VOLUME_MUTATIONS = [
    ({"starts": ["raw"]}, {}, "registered rigidly to t1", None),
    ({"starts": ["stripped"]}, {}, "came without skull", "The brain was extracted"),
    ({"starts": ["registered"]}, {}, "shared one grid", "registered rigidly"),
    ({"starts": ["raw", "stripped"]}, {}, "For 62 subjects, the other sequences were registered", None),
    ({}, {"brain_extraction": "hd_bet"}, "five networks of HD-BET", "deepbet"),
    ({}, {"percentiles": [0.5, 99.5]}, "percentiles 0.5 to 99.5", "minimum to maximum"),
    ({}, {"mask": "brats"}, "segmented by a BraTS algorithm", "came with the data"),
    ({}, {"atlas": ""}, "[author: name it]", "SRI24"),
    ({}, {"atlas_transform": "affine"}, "(affine)", "(rigid)"),
    ({}, {"sequences": ["t1"]}, "1 MRI sequence (t1). The sequence was registered", "other sequences"),
    ({}, {"min_inside_brain": 0.66}, "66 % of the tumour mask", "81 %"),
]


@pytest.mark.parametrize(("own", "settings", "then", "no_longer"), VOLUME_MUTATIONS)
def test_only_the_steps_that_ran_are_told(own, settings, then, no_longer, before, tmp_path):
    case = Case(heads=VOLUMES | settings)
    for key, value in own.items():
        setattr(case, key, value)
    told = methods(case, tmp_path)
    assert then in told
    if no_longer:
        assert no_longer in before["volumes"]
        assert no_longer not in told


def test_several_datasets_are_told_apart_and_phantoms_are_called_so(tmp_path):
    told = methods(Case(moles=IMAGES, heads=VOLUMES | {"phantoms": True} | FOLDS), tmp_path)
    assert "The images of Heads are phantoms" in told
    assert "Moles: Photographs of Somebody" in told and "Heads: All" not in told.partition("## Data partitions")[2]
    assert "# Methods: s" in told, "not all data is phantom"
    alone = texts(Case(heads=VOLUMES | {"phantoms": True}), tmp_path / "alone")
    assert alone["methods.md"].startswith("# Methods (phantoms): s")
    for name in OUTPUTS:
        assert "synthetic images generated by the workflow" in alone[name]


def test_rivals_are_told_beside_the_conditions_that_were_trained(tmp_path):
    case = Case()
    (tmp_path / "without").mkdir()
    without = texts(case, tmp_path / "without")
    row = {"loss": "ce", "sampling": "uniform", "weighted": False}
    rivals = [{"condition": f"ce-uniform+{name}", **row} for name in ("crt", "knn")]
    case.settings = {**case.settings, "conditions": [*case.settings["conditions"], *rivals]}
    (tmp_path / "with").mkdir()
    found = texts(case, tmp_path / "with")
    told = "Beside these, 2 further classifiers worked on the features before the last layer of the networks of CE, Uni"
    assert told in found["methods.md"] and told not in without["methods.md"]
    for text in ("cRT, the last layer is trained again on class-balanced batches (Kang et al.", "; k-NN, a vote of"):
        assert text in found["methods.md"]
    assert "2 conditions were compared" in found["methods.md"]


def test_a_study_too_small_for_any_estimate_is_told_without_one(tmp_path):
    case = Case()
    result = case.results["moles"]
    result["could_have_shown"]["detectable"] = None
    for one in result["candidates"]:
        one |= {"models": None, "procedure": None, "note": "not estimable"}
    told = texts(case, tmp_path)["tripod_ai.md"]
    assert "would have been detected" not in told and "0.657 (no interval: not estimable)" in told


def test_runs_that_differ_are_refused(tmp_path, capsys):
    case = Case()
    arguments = case.write(tmp_path)
    other = tmp_path / "runs/s/moles/ce-uniform/seed-4/config.yaml"
    other.write_text(json.dumps(CONFIG | {"training": CONFIG["training"] | {"epochs": 42}}))
    assert main(["journal", *arguments]) == 2
    assert f"{other}: training.epochs is 42, but 41 in" in capsys.readouterr().err


def numbers(text):
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def test_no_number_is_told_that_no_file_holds(tmp_path):
    """But counts of rows of these files, and what the templates say of the methods themselves."""
    case = Case(moles=IMAGES, heads=VOLUMES | FOLDS)
    case.images_of_a_patient = 3
    told = texts(case, tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "journal"]
    known = numbers(json.dumps(case.settings) + "".join(path.read_text() for path in files) + "v9-g0f0f0f0")
    known |= numbers("".join((TEMPLATES / name).read_text() for name in STUDY_TEMPLATES)) | numbers(ITEMS.read_text())
    counts = {91, 61, 7, 23, 19, 3, 11, 124, 80, 129, 2, 6, 4}  # samples of each part, all, found; pairs, runs
    patients = {31, 12, 21, 7, 3, 8, 1, 4, 44, 45}
    derived = {str(n) for n in counts | patients} | {"3.2", "2.8", "77", "81"}  # ratios, shares in per cent
    rounded = {
        f"{end:.3f}" for one in case.results["moles"]["candidates"] for end in (*one["models"], *one["procedure"])
    }
    for name in ("methods.md", "class_imbalance.md", "claim_2024.md", "tripod_ai.md"):
        assert numbers(told[name]) - known - derived - rounded == set(), name


def test_names_are_text_and_no_markup(tmp_path):
    name = "a | b <script> *c* `d` [e](f)"
    case = Case()
    case.classes = {name: (61, 7, 23), "ok": (19, 3, 11)}
    case.cohorts = ["<i>x</i>", "y|z"]
    case.settings["datasets"]["moles"]["sources"] = ["Of <b>Somebody</b> | al."]
    told = texts(case, tmp_path)
    for file in ("methods.md", "class_imbalance.md", "claim_2024.md", "tripod_ai.md"):
        for mark in ("<script", "<i>", "<b>", "`d`", "*c*"):
            assert mark not in told[file].replace("\\<", "").replace("\\*", "").replace("\\`", ""), file
        assert r"a \| b \<script\> \*c\* \`d\` \[e\](f)" in told[file]
        for line in filter(lambda line: line.startswith("|"), told[file].splitlines()):
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 5, 6)
    rows = list(csv.DictReader(told["claim_2024.csv"].splitlines()))
    assert any(name in row["answer"] for row in rows), "the table has names as they are"


def test_sheets_have_every_item_once_in_order(tmp_path):
    told = texts(Case(), tmp_path)
    sheets = {name: list(csv.DictReader(told[f"{name}.csv"].splitlines())) for name in CHECKLISTS}
    assert [row["item"] for row in sheets["claim_2024"]] == [str(number) for number in range(1, 45)]
    tripod = [row["item"] for row in sheets["tripod_ai"]]
    assert len(tripod) == 52 and list(dict.fromkeys(re.findall(r"\d+", " ".join(tripod)))) == list(
        map(str, range(1, 28))
    )
    for rows in sheets.values():
        for row in rows:
            assert bool(row["answer"]) == (row["status"] != checklists.AUTHOR)
            assert row["author"] or row["status"] == checklists.FILLED
            assert row["source"].count("doi:10.") == 1
    (imbalance,) = (row for row in sheets["tripod_ai"] if row["item"] == "13")
    assert imbalance["status"] == checklists.FILLED
    assert imbalance["answer"].replace("_", "\\_") in told["class_imbalance.md"].replace("\\(", "(")


def test_every_item_has_a_macro_and_every_macro_an_item():
    items = checklists.read_items(ITEMS)
    for form in (PLAIN, MARKDOWN):
        assert {item.answer for item in items} - {""} == {*macros(ANSWERS, form)}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "preprocessing|preprocessing|",
            "preprocessing|preprocessing_x|",
            'answers.jinja has no macro preprocessing_x. Did you mean "preprocessing"?',
        ),
        ("claim_2024|1|", "claim_2025|1|", "there is no such checklist"),
        ("claim_2024|2|", "claim_2024|1|", "is listed twice"),
        ("||write the abstract", "||", "needs an answer, or a note for the author"),
    ],
)
def test_a_wrong_item_is_refused(old, new, message, tmp_path, capsys):
    arguments = Case().write(tmp_path)
    text = ITEMS.read_text()
    old, new = (part.replace("|", ",") for part in (old, new))
    assert old in text
    (tmp_path / "items.csv").write_text(text.replace(old, new, 1))
    assert main(["journal", *arguments, "--items", str(tmp_path / "items.csv")]) == 2
    assert message in capsys.readouterr().err


def test_what_no_file_says_is_left_to_the_author(tmp_path):
    told = texts(Case(), tmp_path)
    rows = {row["item"]: row for row in csv.DictReader(told["tripod_ai.csv"].splitlines())}
    assert rows["14"]["status"] == checklists.AUTHOR, "without subgroups"
    case = Case()
    case.settings["datasets"]["moles"]["subgroups"] = ["sex"]
    told = texts(case, tmp_path / "subgroups")
    rows = {row["item"]: row for row in csv.DictReader(told["tripod_ai.csv"].splitlines())}
    assert rows["14"]["status"] == checklists.PART and "each value of sex" in rows["14"]["answer"]


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_says_what_it_is_and_where_from(name):
    told = loss_reference(name)
    assert told["summary"].endswith(".") and len(told["source"]) > 20
    assert told["takes_counts"] == (name in {"balanced_softmax", "class_balanced_ce", "ldam", "logit_adjustment", "vs"})


def test_words():
    assert [listed(values) for values in ([], ["a"], ["a", "b"], "abc")] == ["", "a", "a and b", "a, b and c"]
    assert [counted(1, "class"), counted(2, "class"), counted(2, "category"), counted(0, "image")] == [
        *("1 class", "2 classes", "2 categories", "0 images")
    ]


def test_a_version_is_stated_by_what_was_installed_else_by_the_first_environment_that_asks_for_it(tmp_path):
    for name, version in (("preprocess", "0.26.0"), ("brats", "0.25.0")):
        pin = f"      - scikit-image=={version}\n        --hash=sha256:{'0' * 64}\n"
        (tmp_path / f"{name}.yaml").write_text(f"dependencies:\n  - pip:\n      - --require-hashes\n{pin}")
    (tmp_path / "installed.txt").write_text("simpleitk==2.5.7\n")
    envs = [tmp_path / "preprocess.yaml", tmp_path / "brats.yaml"]
    first = {"version": "0.26.0", "stated": f"{tmp_path.name}/preprocess.yaml"}
    assert read_pins(envs)["scikit-image"] == first
    assert read_pins([tmp_path / "installed.txt", *envs])["scikit-image"] == first
    (tmp_path / "installed.txt").write_text("scikit-image==0.24.0\n")
    assert read_pins([tmp_path / "installed.txt", *envs])["scikit-image"]["version"] == "0.24.0"
