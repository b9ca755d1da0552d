"""List the classes, branches and clips of the corpus, and count the clips."""

from music_detectors.common.job import job
from music_detectors.corpus.build import make_corpus

with job(snakemake.log[0], snakemake.config["seed"]):
    make_corpus(
        corpus=snakemake.params.corpus,
        seed=snakemake.params.seed,
        planned=snakemake.params.planned,
        copies=snakemake.params.copies,
        classes_path=snakemake.output.classes,
        branches_path=snakemake.output.branches,
        clips_path=snakemake.output.clips,
        summary_path=snakemake.output.summary,
    )
