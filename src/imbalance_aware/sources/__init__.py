"""Sources to cohort: one adapter per source.

Tables from the name of an adapter to ``"module:function"`` below the package, so that what an adapter needs is imported
only when it is used, and a change to one adapter leaves the datasets of the others alone.
"""

#: ``find(settings: Settings) -> pandas.DataFrame`` of facts, one row per subject. The annotation names the settings'
#: class. An adapter that has a parameter ``resources`` (folder of shipped facts) or ``source`` (folder that its
#: generator wrote) receives it.
ADAPTERS = {
    "ahn2018": "sources.ahn2018:find",
    "folder": "sources.folder:find",
    "fundus_phantoms": "phantoms.fundus_phantoms:find",
    "glioma": "sources.glioma:find",
    "folder3d": "sources.folder3d:find",
    "mri_phantoms": "phantoms.mri_phantoms:find",
}

#: ``fingerprint(settings) -> str``: names and sizes of the source's files, read without heavy imports.
FINGERPRINTS = {
    "ahn2018": "sources.fingerprint_2d:ahn2018",
    "folder": "sources.fingerprint_2d:folder",
    "glioma": "sources.fingerprint_3d:glioma",
    "folder3d": "sources.fingerprint_3d:folder3d",
}

#: ``write(settings: Settings, folder: Path) -> None``: makes the source of a dataset that is generated.
GENERATORS = {
    "fundus_phantoms": "phantoms.fundus_phantoms:write",
    "mri_phantoms": "phantoms.mri_phantoms:write",
}
