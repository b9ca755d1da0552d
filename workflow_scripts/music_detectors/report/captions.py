"""The captions of the figures as HTML, from the texts that Snakemake's own report uses."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

from docutils.core import publish_parts
from docutils.utils import SystemMessage
from jinja2 import Environment, StrictUndefined, TemplateError
from markupsafe import Markup

from music_detectors.common.errors import InputError, one_line

# Captions contain names from the configuration: these must not include files or raw HTML. A warning
# of docutils must not stop the run.
_SETTINGS = {
    "raw_enabled": False,
    "file_insertion_enabled": False,
    "embed_stylesheet": False,
    "report_level": 5,
    "halt_level": 5,
    "input_encoding": "unicode",
}


def caption(path: Path, configuration: Mapping) -> Markup:
    """Return the caption at `path` (reStructuredText in a Jinja template) as HTML.

    Raises InputError, naming the file, if it is missing or cannot be rendered.
    """
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    try:
        template = environment.from_string(path.read_text(encoding="utf-8"))
        text = template.render(snakemake=SimpleNamespace(config=configuration))
        parts = publish_parts(text, writer="html5", settings_overrides=_SETTINGS)
    except FileNotFoundError:
        raise InputError(f"{path}: no such caption; each figure needs one") from None
    except (OSError, TemplateError, SystemMessage, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a caption ({one_line(error)})") from error
    return Markup(parts["body"])
