"""What the README and other pages say of the studies on real images is in the files of their pages."""

import csv
import json
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
RESULTS = CHECKOUT / "docs/results"
#: Study -> its dataset and the claim on balanced accuracy that its data take the place of.
STUDIES = {"small": ("glaucoma_96", "glaucoma_balanced_accuracy"), "tcga_lgg": ("tcga_lgg", "glioma_balanced_accuracy")}


def facts(study):
    """Numbers as the README prints them."""
    dataset, claim = STUDIES[study]
    found = json.loads((RESULTS / study / "verdict.json").read_text())["datasets"][dataset]
    with (RESULTS / study / "claims.csv").open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["claim"] == claim)
    low, high = (f"{float(row[name]):+.1f}".replace("-", "−") for name in ("procedure_low", "procedure_high"))
    return [
        f"{found['n_patients']} ",
        f"{float(row['percent']):+.1f} %".replace("-", "−"),
        f"({low} to {high} %)",
        f"{float(row['published_percent']):+.1f} %",
        f"{len(found['candidates']) - 1} other",
    ]


@pytest.mark.parametrize("study", STUDIES)
def test_the_readme_states_the_numbers_of_the_files(study):
    readme = " ".join((CHECKOUT / "README.md").read_text(encoding="utf-8").split())
    sentence = next(part for part in readme.split(" On ") if f"docs/results/{study}/verdict.md" in part)
    assert [number for number in facts(study) if number not in sentence] == []


@pytest.mark.parametrize("study", STUDIES)
def test_no_condition_is_called_better_by_the_readme_unless_the_files_do(study):
    dataset, _ = STUDIES[study]
    against = json.loads((RESULTS / study / "verdict.json").read_text())["datasets"][dataset]["against_baseline"]
    readme = " ".join((CHECKOUT / "README.md").read_text(encoding="utf-8").split())
    assert not against["better"] and "none of them is shown to be better than cross-entropy" in readme


def test_the_page_of_rivals_states_the_numbers_of_the_files():
    page = (CHECKOUT / "docs/rivals.md").read_text(encoding="utf-8")
    sentence = next(part for part in page.split("\n\n") if "results/small_rivals/verdict.md" in part)
    found = json.loads((RESULTS / "small_rivals/verdict.json").read_text())["datasets"]["glaucoma_96"]
    values = {one["candidate"]: one["value"] for one in found["candidates"]}
    for name, label in {
        "crt": "cRT",
        "lws": "LWS",
        "tau": "τ-normalisation",
        "knn": "k-NN",
        "logistic": "logistic probe",
    }.items():
        difference = round(values[f"ce-uniform+{name}"] - values["ce-uniform"], 3) + 0.0
        text = f"{difference:+.3f}".replace("-", "−") if difference else "0.000"
        assert f"{text} ({label})" in sentence
    assert "All five differences are undecided" in sentence
    undecided = {one["candidate"] for one in found["against_baseline"]["undecided"]}
    assert undecided >= {name for name in values if name.startswith("ce-uniform+")}
