"""A study beside the paper: every published value, its claims on a stand-in, and the figure of its design."""

import copy

import pandas as pd
import pytest
from tiny_study import ROWS, TINY

CONDITIONS = {"ce-uniform": ROWS["ce-uniform"], "ce_f1-oversampling": "ce+soft_f1\toversampling\tfalse\t{}"}


@pytest.mark.slow
def test_tables_of_the_paper_and_figure_1_are_targets_of_a_published_study(workflow):
    config = copy.deepcopy(TINY)
    config["studies"]["tiny"] |= {"published": True, "paper_datasets": {"fundus_phantoms": "glaucoma"}}
    workflow.configure(config)
    workflow.conditions(CONDITIONS)
    tables, figure = "results/tables/tiny", "results/figures/tiny/figure1_study_design"
    targets = [f"{tables}/published_cells.html", f"{tables}/claims.html", f"{figure}.png"]
    wanted = {rule for rule, _ in workflow.jobs()}
    assert {"table_of_published_cells", "table_of_claims", "claims", "study_design"} <= wanted
    workflow.run(*targets)
    cells = pd.read_csv(workflow.folder / tables / "published_cells.csv")
    assert len(cells) == 222 and cells["note"].str.startswith("not run here: the study has no dataset").all()
    claims = pd.read_csv(workflow.folder / tables / "claims.csv").set_index("claim")["word"]
    assert claims["glioma_balanced_accuracy"] == claims["astrocytoma_f1"] == "not run here"
    assert claims["glaucoma_balanced_accuracy"] == "undecided", "one seed"
    assert (workflow.folder / f"{figure}.pdf").read_bytes().startswith(b"%PDF")

    config["studies"]["tiny"] |= {"published": False, "paper_datasets": {}}
    workflow.configure(config)
    assert not {"table_of_published_cells", "table_of_claims", "claims"} & {rule for rule, _ in workflow.jobs()}
    config["evaluation"] = {"relevant_difference": 0.03}
    workflow.configure(config)
    assert "study_design" in {rule for rule, _ in workflow.jobs(f"{figure}.png")}, "the figure shows that number"
