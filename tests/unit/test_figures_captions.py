"""The captions and the front text of the report, as Snakemake renders them."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from docutils.core import publish_string
from jinja2 import Environment, StrictUndefined

from music_detectors.common.errors import InputError
from music_detectors.corpus.targets import targets_of
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


@pytest.mark.parametrize(
    "target",
    ["javascript:alert(1)", "a_ b__", "<script>x", "[1]_", ":raw:x", "http://a.org", "-- x"],
)
def test_a_target_makes_no_link_and_no_markup(target):
    names = targets_of({"corpus": {"target": "Music"}, "targets": [target]})
    assert list(names.values()) == ["Music", target]
    for name in FIGURES:
        plain, named = (_render(name, target=one) for one in ("Music", target))
        assert re.findall(r"<[^>]*>", plain) == re.findall(r"<[^>]*>", named), name


@pytest.mark.parametrize(
    "target", ["*a* `x <javascript:alert(1)>`_ *b*", "a|b|", "a\\", " javascript:alert(1)", "x "]
)
def test_a_target_that_would_be_markup_is_refused(target):
    with pytest.raises(InputError, match="which captions of figures cannot show; rename"):
        targets_of({"corpus": {"target": target}, "targets": []})


def test_captions_name_the_target():
    for name in ("average_precision", "class_responses", "selectivity_index", "workflow"):
        assert "<em>Bird + Frog</em>" in _render(name, target=["Bird", "Frog"])


def test_only_the_embedded_corpus_is_called_no_evidence():
    plain = "It is no evidence about hearing"
    assert plain in _render("workflow", source="embedded")
    assert plain not in _render("workflow", source="manifest")
