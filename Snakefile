# Spontaneous emergence of music detectors in deep neural networks: the whole study as a DAG.
#
# Named targets: spectrograms, stimuli, networks, responses, selectivity, recognition, analyses, lesions,
# claims, figures, report, and all; plan, corpora, fetch_fsd50k and fetch_mirror, which `all` does not
# include.

from snakemake.utils import min_version

min_version("9.17")


configfile: str(Path(workflow.basedir) / "config.yaml")


report: "report/workflow.rst"


include: "rules/configuration.smk"
include: "rules/paths.smk"
include: "rules/parameters.smk"
include: "rules/resources.smk"
include: "rules/downloads.smk"
include: "rules/corpus.smk"
include: "rules/audio.smk"
include: "rules/spectrograms.smk"
include: "rules/acoustics.smk"
include: "rules/training.smk"
include: "rules/responses.smk"
include: "rules/probes.smk"
include: "rules/selectivity.smk"
include: "rules/recognition.smk"
include: "rules/levels.smk"
include: "rules/quilts.smk"
include: "rules/decoding.smk"
include: "rules/embedding.smk"
include: "rules/genres.smk"
include: "rules/profiles.smk"
include: "rules/emergence.smk"
include: "rules/specificity.smk"
include: "rules/lesions.smk"
include: "rules/preferred.smk"
include: "rules/figures.smk"
include: "rules/claims.smk"
include: "rules/plan.smk"
include: "rules/corpora.smk"
include: "rules/report.smk"
include: "rules/stored.smk"
include: "rules/deposit.smk"
include: "rules/messages.smk"


rule all:
    default_target: True
    input:
        stored,


rule analyses:
    input:
        GATE,
        of_conditions(
            results("quilts/{target}/{condition}/responses.tsv"), targets=TARGETS
        ),
        results("quilts", TARGET, "conditions.tsv"),
        of_conditions(results("levels/{target}/{condition}.tsv")) if LEVELS else [],
        expand(results("acoustics/{split}.tsv"), split=SPLITS),
        of_networks(results("decoding/{target}", network("decoding.tsv"))),
        of_networks(results("embedding/{target}", network("segregation.tsv"))),
        of_conditions(results("genres/{target}/{condition}.tsv")),
        of_profiles(rules.profile_probe.output.sounds),
        of_emergence("emergence.tsv", WITH_SNAPSHOTS),
        of_conditions(
            results("specificity/{target}/{condition}/networks.tsv"), OF_CLASSES
        ),


onstart:
    runs.begin()
    start_without_delay()
    tell_outlook_of_many()


onsuccess:
    tell_where_results_are(log)


onerror:
    tell_how_to_go_on(log)
