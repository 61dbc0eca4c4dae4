"""Where a value of the merged configuration comes from: the file and line, or the command line."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imbalance_aware.yaml_files import Place, read_yaml

COMMAND_LINE = "--config"


@dataclass(frozen=True)
class Layer:
    """One of the sources that are merged.

    Attributes:
        name: what messages call it.
        content: as it was read.
        lines: places in it -> lines.
    """

    name: str
    content: Any
    lines: Mapping[Place, int] = field(default_factory=dict)

    def reach(self, place: Place) -> Place | None:
        """The part of ``place`` that this layer decides: all of it, or down to a value that has nothing below it.

        None if a mapping lacks the next key, so that another layer decides.
        """
        content = self.content
        for depth, key in enumerate(place):
            if isinstance(content, Mapping):
                if key not in content:
                    return None
                content = content[key]
            elif isinstance(content, list) and isinstance(key, int) and key < len(content):
                content = content[key]
            else:
                return place[:depth]
        return place

    def label(self, place: Place) -> str:
        """Name, and the line of ``place`` if it is known."""
        return f"{self.name}, line {self.lines[place]}" if place in self.lines else self.name


class Sources:
    """The layers of a configuration, which merge key by key; a list or a single value of a later layer replaces."""

    def __init__(self, files: Sequence[str | Path], command_line: Mapping[str, Any] | None = None) -> None:
        """Read the files.

        Args:
            files: in the order of merging, the last one winning.
            command_line: values of ``--config``, which win over all files.

        Raises:
            UserError: a file cannot be read, or gives a key twice.
        """
        self.layers = []
        for path in map(_shown, files):
            file = read_yaml(Path(path))
            self.layers.append(Layer(path, file.content, file.lines))
        if command_line:
            self.layers.append(Layer(COMMAND_LINE, command_line))

    def given(self, place: Place) -> list[Any]:
        """The values that the layers have at ``place``, which leads through mappings, in the order of merging."""
        found = []
        for layer in self.layers:
            content = layer.content
            for key in place:
                content = content.get(key) if isinstance(content, Mapping) else None
            if content is not None:
                found.append(content)
        return found

    def of(self, place: Sequence[Any]) -> str:
        """File and line (or ``--config``) of the value at ``place``, keys from the top down.

        If no layer has it: of what it is missing in; the last file for what is missing at the top.
        """
        for length in range(len(place), 0, -1):
            for layer in reversed(self.layers):
                reached = layer.reach(tuple(place[:length]))
                if reached:
                    return layer.label(reached)
        files = [layer.name for layer in self.layers if layer.name != COMMAND_LINE]
        return files[-1] if files else COMMAND_LINE


def _shown(path: str | Path) -> str:
    """Relative to the working directory, where it is below it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
