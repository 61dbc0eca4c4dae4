"""Whether uv can get packages from PyPI here, for tests that make environments."""

import subprocess
import sys
from importlib.util import find_spec

UV = (sys.executable, "-m", "uv")


def missing() -> str | None:
    """Why no environment can be made with uv; None where it can."""
    if find_spec("uv") is None:
        return "uv is not installed; the extra `test` brings it"
    probe = [*UV, "pip", "compile", "-", "--quiet", "--no-config", "--no-cache", "--no-deps"]
    done = subprocess.run(probe, input="tzdata", capture_output=True, text=True, check=False)
    return f"packages cannot be downloaded: {done.stderr.strip()[-500:]}" if done.returncode else None
