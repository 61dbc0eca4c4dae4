"""The class of an adult diffuse glioma from two molecular markers: the one place where it is derived.

WHO Classification of Tumors of the Central Nervous System, 5th edition (Louis et al. 2021,
doi:10.1093/neuonc/noab106): IDH-wildtype glioblastoma; IDH-mutant astrocytoma; IDH-mutant and 1p/19q-codeleted
oligodendroglioma. As in the study, every IDH-wildtype tumour counts as glioblastoma, whatever its 1p/19q status and
histology.
"""

#: In the order of the labels.
CLASSES = ("glioblastoma", "astrocytoma", "oligodendroglioma")

WILDTYPE, MUTANT = "wildtype", "mutant"
INTACT, CODELETED = "intact", "codeleted"
UNKNOWN = "unknown"


def tumour_class(idh: str, codeletion: str) -> tuple[str, str]:
    """Class and reason for having none.

    Args:
        idh: ``wildtype``, ``mutant`` or ``unknown``.
        codeletion: state of 1p/19q: ``intact``, ``codeleted`` or ``unknown``.

    Returns:
        One of `CLASSES` and ``""``, or ``""`` and what is unknown.
    """
    if idh == WILDTYPE:
        return "glioblastoma", ""
    if idh != MUTANT:
        return "", "IDH unknown"
    if codeletion == CODELETED:
        return "oligodendroglioma", ""
    if codeletion == INTACT:
        return "astrocytoma", ""
    return "", "1p/19q unknown: the tumour is IDH-mutant"
