"""The figure of explanations in the workflow: made after the ranks, by an environment with MONAI."""

import pytest
from tiny_study import ROWS, TINY

pytestmark = pytest.mark.slow

TARGET = "results/figures/tiny/fundus_phantoms/explanations.png"


def test_explanations_follow_the_ranks_and_depend_on_the_baseline(workflow):
    workflow.configure(TINY)
    workflow.conditions(ROWS)
    jobs = [rule for rule, _ in workflow.jobs(TARGET)]
    assert jobs.count("explanations") == jobs.count("figure_explanations") == jobs.count("statistics") == 1
    assert "explanations" in {rule for rule, _ in workflow.jobs()}, "the report has it"
    workflow.run(TARGET)
    made = workflow.folder / "results/explanations/tiny/fundus_phantoms"
    assert (made / "similarity.csv").read_text().startswith("dataset,subject,class,outcome,explained,a,b,draw,cells,")
    assert (workflow.folder / TARGET).with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert workflow.jobs(TARGET) == []
    workflow.configure(TINY | {"evaluation": {"baseline": "mcc-oversampling"}})
    assert {"explanations", "figure_explanations"} <= {rule for rule, _ in workflow.jobs(TARGET)}
    workflow.configure(TINY)
