import json

from imbalance_aware.config import Config
from imbalance_aware.manual import with_keys


def test_the_manual_and_the_schema_are_in_step_with_the_settings(checkout):
    """If this fails: python -m imbalance_aware manual."""
    manual = (checkout / "config/README.md").read_text()
    assert with_keys(manual) == manual
    assert json.loads((checkout / "config/schema.json").read_text()) == json.loads(
        json.dumps(Config.model_json_schema())
    )
