"""The digest of all that shapes the page."""

import hashlib

from imbalance_aware.provenance import ROOT, code_digest
from imbalance_aware.report.catalogue import SECTIONS

TEMPLATES = ROOT / "report" / "templates"


def report_code() -> str:
    """Digest of the step, of every section (which the step imports by name) and of every template."""
    digest = hashlib.sha256(code_digest(["report.page", *(f"report.sections.{one.name}" for one in SECTIONS)]).encode())
    for path in sorted(TEMPLATES.rglob("*.*")):
        digest.update(f"{path.relative_to(TEMPLATES).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
