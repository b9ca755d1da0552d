"""Draw example log-Mel spectrograms of each group of classes."""

from music_detectors.common.job import job
from music_detectors.figures.example_spectrograms import plot_example_spectrograms

with job(snakemake.log[0]):
    plot_example_spectrograms(
        index=snakemake.input.index,
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
