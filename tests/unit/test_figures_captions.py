"""The captions and the front text of the report, as Snakemake renders them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from docutils.core import publish_string
from jinja2 import Environment, StrictUndefined

from support import figure_modules

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "report"
FIGURES = [path.stem for path in figure_modules.DRAWN]


def _render(name, **corpus):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["corpus"].update(corpus)
    # Blocks are trimmed as in Snakemake's report.
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    template = environment.from_string((REPORT / f"{name}.rst").read_text())
    text = template.render(snakemake=SimpleNamespace(config=config))
    # Any warning of docutils is an error here.
    html = publish_string(
        text, writer="html5", settings_overrides={"report_level": 2, "halt_level": 2}
    )
    return html.decode()


@pytest.mark.parametrize("name", [*FIGURES, "workflow"])
@pytest.mark.parametrize("target", ["Music", ["Bird song", "my_$target$"]], ids=["one", "two"])
def test_captions_render_without_a_warning(name, target):
    assert len(_render(name, target=target)) > 500


def test_captions_name_the_target():
    for name in ("average_precision", "class_responses", "selectivity_index", "workflow"):
        assert "<em>Bird + Frog</em>" in _render(name, target=["Bird", "Frog"])


def test_only_the_embedded_corpus_is_called_no_evidence():
    plain = "It is no evidence about hearing"
    assert plain in _render("workflow", source="embedded")
    assert plain not in _render("workflow", source="manifest")
