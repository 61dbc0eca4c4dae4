"""What a source holds, cheaply: a change of a file's name or size changes the digest, and the cohort is
listed anew.

Read while Snakemake builds its graph, so nothing heavy is imported and no image is opened.
"""

import hashlib
import importlib

from imbalance_aware.sources import FINGERPRINTS


def fingerprint(settings) -> str:
    """Digest of names and sizes of a source's files; of nothing for a generated dataset.

    Args:
        settings: of any dataset.

    Returns:
        16 hexadecimal digits.

    Raises:
        UserError: the source is not there; the message says where it was looked for and how to get it.
    """
    if settings.adapter not in FINGERPRINTS:
        return hashlib.sha256(settings.adapter.encode()).hexdigest()[:16]
    module, function = FINGERPRINTS[settings.adapter].split(":")
    content = getattr(importlib.import_module(f"imbalance_aware.{module}"), function)(settings)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
