"""Where the tables that ship with the project lie in a checkout."""

from pathlib import Path

RESOURCES = Path(__file__).resolve().parents[3] / "resources"
