"""Sources to cohort: one adapter per source.

Tables from the name of an adapter to ``"module:function"`` in this room, so that what an adapter needs is imported
only when it is used, and a change to one adapter leaves the datasets of the others alone.
"""

#: ``find(settings: Settings) -> pandas.DataFrame`` of facts, one row per subject. The annotation names the settings'
#: class. An adapter that has a parameter ``resources`` (folder of shipped facts) or ``source`` (folder that its
#: generator wrote) receives it.
ADAPTERS = {
    "ahn2018": "ahn2018:find",
    "folder": "folder:find",
    "fundus_phantoms": "fundus_phantoms:find",
    "glioma": "glioma:find",
    "folder3d": "folder3d:find",
    "mri_phantoms": "mri_phantoms:find",
}

#: ``fingerprint(settings) -> str``: names and sizes of the source's files, read without heavy imports.
FINGERPRINTS = {
    "ahn2018": "fingerprint_2d:ahn2018",
    "folder": "fingerprint_2d:folder",
    "glioma": "fingerprint_3d:glioma",
    "folder3d": "fingerprint_3d:folder3d",
}

#: ``write(settings: Settings, folder: Path) -> None``: makes the source of a dataset that is generated.
GENERATORS = {
    "fundus_phantoms": "fundus_phantoms:write",
    "mri_phantoms": "mri_phantoms:write",
}
