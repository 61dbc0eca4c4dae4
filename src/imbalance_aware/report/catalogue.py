"""Every section of the report, one row each, in the order of the page.

To add a section ``x``, write ``report/sections/x.py`` with ``gather(study)``, the template
``report/templates/sections/x.html``, which is rendered with what `gather` returns, and a row here. Planning reads this,
so it imports nothing heavy.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        name: of its module and its template, and of its anchor in the page.
        title: its heading, and its entry in the navigation.
    """

    name: str
    title: str


SECTIONS = (
    Section("verdict", "Verdict"),
    Section("tables", "Tables"),
    Section("figures", "Figures"),
    Section("failures", "Failure gallery"),
    Section("flow", "Cohort flow"),
    Section("characteristics", "Classes and cohorts by split"),
    Section("audit", "Data audit"),
    Section("quality", "Quality control"),
    Section("learning_curves", "Learning curves"),
    Section("settings", "Settings and versions"),
    Section("compute", "Compute"),
    Section("licences", "Licences of the data"),
)
