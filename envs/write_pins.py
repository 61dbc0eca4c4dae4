"""Write the pip part of the conda environments in this folder: every package, direct or not, with hashes.

    make pins

The packages are those of the extra of the same name in pyproject.toml and all that they need, in the versions of
constraints.txt, resolved by uv from PyPI (another index: UV_DEFAULT_INDEX). The hashes are those of the files for
`PYTHON` on Linux and macOS. They are in the environment's file itself, because Snakemake passes a copy of it to conda,
beside which no file of requirements would be found.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

FOLDER = Path(__file__).resolve().parent
CHECKOUT = FOLDER.parent
#: The version that all environments have.
PYTHON = "3.11"
#: What the environments are for, as markers of requirements see it.
PLATFORMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
)
WHEEL_PLATFORM = re.compile(r"any|manylinux.*_(x86_64|aarch64)|macosx.*_(arm64|universal2)")


def requirements(project: dict[str, Any], extra: str) -> Iterator[Requirement]:
    """Requirements of an extra, with those of the extras that it names."""
    for line in project["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == project["name"]:
            for inner in requirement.extras:
                yield from requirements(project, inner)
        else:
            yield requirement


def resolve(direct: Iterable[Requirement]) -> list[dict[str, Any]]:
    """Packages of a lock file (PEP 751) with all that ``direct`` needs on any platform."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "-",
        "--quiet",
        "--no-config",
        "--universal",
        "--python-version",
        PYTHON,
    ]
    options = ["--constraint", str(CHECKOUT / "constraints.txt"), "--format", "pylock.toml", "--no-header"]
    lines = "\n".join(map(str, direct))
    done = subprocess.run([*command, *options], input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {done.stderr}")
    return tomllib.loads(done.stdout)["packages"]


def line(package: dict[str, Any]) -> str | None:
    """A package as a requirement with hashes, in YAML over several lines; None where no platform needs it."""
    marker = Marker(package["marker"]) if "marker" in package else None
    full = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
    needed = [marker is None or marker.evaluate(platform | full) for platform in PLATFORMS]
    if not any(needed):
        return None
    condition = "" if all(needed) else f" ; {marker}".replace('"', "'")
    found = sorted(file["hashes"]["sha256"] for file in package.get("wheels", []) if fits(file["url"]))
    hashes = found or [package["sdist"]["hashes"]["sha256"]]
    return "".join(
        [f"      - {package['name']}=={package['version']}{condition}\n"]
        + [f"        --hash=sha256:{value}\n" for value in hashes]
    )


def fits(url: str) -> bool:
    """Whether a wheel is for `PYTHON` and a platform of the environments."""
    version = tuple(map(int, PYTHON.split(".")))
    interpreter = f"cp{PYTHON.replace('.', '')}"
    known = [*cpython_tags(version, [interpreter], ["any"]), *compatible_tags(version, interpreter, ["any"])]
    pairs = {(tag.interpreter, tag.abi) for tag in known}
    tags = parse_wheel_filename(url.rpartition("/")[2])[3]
    return any((tag.interpreter, tag.abi) in pairs and WHEEL_PLATFORM.fullmatch(tag.platform) for tag in tags)


def pip_part(direct: list[Requirement]) -> str:
    """The list below ``pip:`` of an environment."""
    named = {canonicalize_name(requirement.name) for requirement in direct}
    lines = {package["name"]: line(package) for package in resolve(direct)}
    return "".join(
        ["      - --require-hashes\n", "      # What the steps import.\n"]
        + [text for name, text in lines.items() if text and name in named]
        + ["      # What these need.\n"]
        + [text for name, text in lines.items() if text and name not in named]
    )


def main() -> None:
    """Write every environment of this folder again."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for path in sorted(FOLDER.glob("*.yaml")):
        before, found, _ = path.read_text(encoding="utf-8").partition("  - pip:\n")
        assert found, f"{path} has no part for pip"
        path.write_text(before + found + pip_part(list(requirements(project, path.stem))), encoding="utf-8")


if __name__ == "__main__":
    main()
