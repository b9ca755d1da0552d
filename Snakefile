# Spontaneous emergence of music detectors in deep neural networks: the whole study as a DAG.
#
# Named targets: spectrograms, networks, responses, selectivity, recognition, controls, lesions,
# claims, figures, report, and all.

from snakemake.utils import min_version

min_version("9.14")


configfile: str(Path(workflow.basedir) / "config.yaml")


report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/corpus.smk"
include: "rules/audio.smk"
include: "rules/spectrograms.smk"
include: "rules/acoustics.smk"
include: "rules/networks.smk"
include: "rules/responses.smk"
include: "rules/selectivity.smk"
include: "rules/recognition.smk"
include: "rules/quilts.smk"
include: "rules/decoding.smk"
include: "rules/representation.smk"
include: "rules/lesions.smk"
include: "rules/figures.smk"
include: "rules/claims.smk"


# Every file that is kept, the intermediate ones too: of one that is gone, Snakemake sees only that
# nothing has to be made from it, unless it is asked for.
STORED = [
    # An embedded corpus is described by no file.
    *(rules.fetch_metadata.output if configured(config["corpus"]) else []),
    *rules.make_corpus.output,
    *(rules.index_archives.output if ARCHIVES else []),
    *of_all(rules.fetch_audio.output),
    *rules.summarise_yield.output,
    GATE,
    *of_all(rules.compute_spectrograms.output),
    *of_all(rules.index_spectrograms.output),
    *of_all(rules.compute_acoustics.output),
    *of_all(rules.train_network.output),
    *of_all(rules.compute_responses.output),
    *of_all(rules.selectivity_units.output),
    *of_all(rules.selective_responses.output),
    *rules.summarise_selectivity.output,
    *of_all(rules.score_recognition.output),
    *rules.summarise_recognition.output,
    *of_all(rules.compute_quilts.output, ["test"], QUILT_STIMULI),
    *of_all(rules.index_spectrograms.output, ["test"], QUILT_STIMULI),
    *of_all(rules.compute_quilt_responses.output, ["test"], QUILT_STIMULI),
    *of_all(rules.quilt_responses.output),
    *of_all(rules.decode_target.output),
    *of_all(rules.embed_responses.output),
    *of_all(rules.genre_responses.output),
    *of_all(rules.lesion_units.output),
    *rules.assess_claims.output,
    *FIGURES,
    *rules.write_report.output,
]


rule all:
    default_target: True
    input:
        STORED,


onsuccess:
    tell_where_results_are()
