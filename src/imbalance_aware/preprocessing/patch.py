"""Make a subject's patch from its scans, brain and tumour, and draw its quality control picture.

Sequences are resampled onto the atlas's grid, scaled to [0, 1] in the brain and cropped around the tumour, all in
memory; the report names the step that failed, if any. The axial slice through the middle of the patch is written as
numbers too, for figures that are drawn when all subjects are preprocessed. For a subject that failed, here or before,
patch and slices are empty files, and the picture shows the reason.
"""

import argparse
from pathlib import Path

from imbalance_aware.files import write_json
from imbalance_aware.preprocessing.qc_picture import draw, draw_failed, write_picture
from imbalance_aware.preprocessing.scans_to_patch import PatchMaker, SubjectFiles
from imbalance_aware.preprocessing.subject_step import named_paths, read_report
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import PatchSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="normalisation and crop: JSON, or a YAML/JSON file")
    parser.add_argument("--volumes", type=named_paths, nargs="+", required=True, help="SEQUENCE=FILE for each sequence")
    parser.add_argument("--atlas-brain", type=Path, required=True, help="T1 of the atlas, without skull")
    parser.add_argument("--brain", type=Path, required=True, help="brain mask")
    parser.add_argument("--tumour", type=Path, required=True, help="tumour mask")
    parser.add_argument("--previous", type=Path, required=True, help="report of the step mask")
    parser.add_argument("--out", type=Path, required=True, help="patch to write (.npy)")
    parser.add_argument("--slices", type=Path, required=True, help="axial slices to write (.npz)")
    parser.add_argument("--picture", type=Path, required=True, help="picture to write (.png)")
    parser.add_argument("--report", type=Path, required=True, help="report to write")


def run(args: argparse.Namespace) -> None:
    """Write patch, slices, picture and report."""
    settings = parse(PatchSettings, args.settings)
    files = SubjectFiles(dict(args.volumes), args.atlas_brain, args.brain, args.tumour)
    maker = PatchMaker(files, settings, args.out, args.slices)
    report = maker.run(read_report(args.previous))
    if report["failed"]:
        picture = draw_failed(report, files)
    else:
        channels = {name: maker.volumes[..., channel] for channel, name in enumerate(files.scans)}
        picture = draw(report, channels, maker.tumour, settings.crop.size)
    write_picture(args.picture, picture)
    write_json(args.report, report)
