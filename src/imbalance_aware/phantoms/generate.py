"""Make the source folder of a phantom dataset: images and a table of them, the same bytes for the same settings.

Phantoms are drawn, not photographed or scanned: they stand in for patients in demonstrations and tests.
"""

import argparse
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.sources.lookup import is_generated, look_up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="settings of the dataset: JSON, or a YAML/JSON file")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Write the folder.

    Raises:
        UserError: the dataset is none that is drawn.
    """
    module, settings = look_up(args.settings)
    if not is_generated(settings.adapter):
        raise UserError(f'datasets of the adapter "{settings.adapter}" are not drawn; their images are their source')
    module.write(settings, args.out)
