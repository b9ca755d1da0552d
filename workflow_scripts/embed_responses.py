"""Embed the responses of a network by t-SNE and compute the segregation index."""

from music_detectors.common.job import job
from music_detectors.embedding.embed import embed_responses

with job(snakemake.log[0], snakemake.config["seed"]):
    embed_responses(
        snakemake.input.responses,
        snakemake.input.clips,
        snakemake.input.blocks,
        snakemake.input.matched,
        snakemake.output.points,
        snakemake.output.segregation,
        snakemake.output.left_out,
        layer=snakemake.params.layer,
        perplexity=snakemake.params.perplexity,
        permutations=snakemake.params.permutations,
        seed=snakemake.params.seed,
        condition=snakemake.wildcards.condition,
        replicate=int(snakemake.wildcards.seed),
    )
