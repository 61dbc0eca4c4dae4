"""Every section of the report, one row each, in the order of the page.

To add a section ``x``, write ``report/sections/x.py`` with ``gather(study)``, ``report/templates/sections/x.html``, which
is rendered with what `gather` returns, and a row here. Planning reads this, so it imports nothing heavy.
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


SECTIONS = (Section("verdict", "Verdict"),)
