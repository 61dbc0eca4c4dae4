"""Settings of every kind of dataset, told apart by ``adapter``."""

from typing import Annotated

from pydantic import Field

from imbalance_aware.sources.settings_2d import Ahn2018Settings, FolderSettings, FundusPhantomSettings
from imbalance_aware.sources.settings_3d import Folder3DSettings, GliomaSettings, MriPhantomSettings

DatasetSettings = Annotated[
    Ahn2018Settings | FolderSettings | FundusPhantomSettings | GliomaSettings | Folder3DSettings | MriPhantomSettings,
    Field(discriminator="adapter"),
]
