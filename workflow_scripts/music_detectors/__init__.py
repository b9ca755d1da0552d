"""What the workflow's scripts share, one package per stage."""

from pathlib import Path

# In a file of its own: rules run again when this module changes, and not for a new version.
__version__ = Path(__file__).with_name("VERSION").read_text().strip()
