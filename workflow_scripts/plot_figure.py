"""Draw the figure that the rule names, from the files and params of the rule."""

from importlib import import_module

from music_detectors.common.job import job

figure = import_module(f"music_detectors.figures.{snakemake.rule.removeprefix('plot_')}")

with job(snakemake.log[0], snakemake.config["seed"]):
    getattr(figure, snakemake.rule)(
        **snakemake.input,
        **{name: value for name, value in snakemake.params.items() if name != "code"},
        **snakemake.output,
    )
