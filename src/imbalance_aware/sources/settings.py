"""Settings of every kind of dataset, distinguished by ``adapter``."""

from typing import TYPE_CHECKING, Any

from imbalance_aware.sources import SOURCES
from imbalance_aware.sources.lookup import any_of, source

if TYPE_CHECKING:  # a type that is made from a table is none that a checker can read
    DatasetSettings = Any
else:
    DatasetSettings = any_of(source(adapter) for adapter in SOURCES)
