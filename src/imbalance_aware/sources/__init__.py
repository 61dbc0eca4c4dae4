"""Sources of images: one module each, with the source's settings, its fingerprint and its subjects.

The tables are read by `imbalance_aware.sources.lookup`, which says what a module must have.
"""

#: Name of an adapter, as ``adapter:`` of a dataset gives it -> its module below the package.
SOURCES = {
    "ahn2018": "sources.ahn2018",
    "folder": "sources.folder",
    "fundus_phantoms": "sources.fundus_phantoms",
    "glioma": "sources.glioma",
    "folder3d": "sources.folder3d",
    "mri_phantoms": "sources.mri_phantoms",
}

#: The same for the cohorts of the adapter ``glioma``.
GLIOMA_COHORTS = {
    "ucsf_pdgm": "sources.ucsf_pdgm",
    "egd": "sources.egd",
    "tcga": "sources.tcga",
}
