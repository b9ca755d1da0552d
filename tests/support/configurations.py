"""The default configuration, and copies of it in which one key is changed."""

import copy
from pathlib import Path

import yaml

_ROOT = Path(__file__).parents[2]
SCHEMA = _ROOT / "schemas" / "config.schema.yaml"
DEFAULT = yaml.safe_load((_ROOT / "config.yaml").read_text())


def changed(key, value):
    """Return the default configuration with the dotted `key` set to `value`."""
    configuration = copy.deepcopy(DEFAULT)
    *sections, last = key.split(".")
    section = configuration
    for name in sections:
        section = section[name]
    section[last] = value
    return configuration
