"""The revision of the code, from Git."""

import subprocess
from dataclasses import dataclass

from imbalance_aware.provenance import ROOT


@dataclass(frozen=True)
class Revision:
    """A commit: its abbreviated name, its date (ISO 8601), and whether tracked files differ from it."""

    commit: str
    date: str
    changed: bool


def revision() -> Revision | None:
    """The commit of the checkout that this package lies in; None where it lies in none, or there is no Git."""
    # An installed package may lie below the checkout of another project.
    if _git("ls-files", "--error-unmatch", "provenance.py") is None:
        return None
    commit, date = _git("rev-parse", "--short=12", "HEAD"), _git("log", "-1", "--format=%cs")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    if not commit or not date or changed is None:
        return None
    return Revision(commit, date, bool(changed))


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
