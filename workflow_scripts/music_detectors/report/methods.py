"""A paragraph of methods with the numbers of a run, to paste into a manuscript."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from music_detectors.common.errors import one_line
from music_detectors.corpus.targets import target_name
from music_detectors.jackknife.blocks import MOST
from music_detectors.models.modules.settings import is_trained
from music_detectors.report.elsewhere import trained_elsewhere

_ARTICLE = (
    "Kim, G., Kim, D.-K. & Jeong, H. Spontaneous emergence of rudimentary music detectors in deep "
    "neural networks. Nature Communications 15, 148 (2024). doi:10.1038/s41467-023-44516-0"
)
_ADAMW = (
    "Loshchilov, I. & Hutter, F. Decoupled weight decay regularization. International Conference "
    "on Learning Representations (2019). arXiv:1711.05101"
)
_GABOR = (
    "Schädler, M. R., Meyer, B. T. & Kollmeier, B. Spectro-temporal modulation subspace-spanning "
    "filter bank features for robust automatic speech recognition. Journal of the Acoustical "
    "Society of America 131, 4134-4151 (2012). doi:10.1121/1.3699200"
)
_WELCH = (
    'Welch, B. L. The generalization of "Student\'s" problem when several different population '
    "variances are involved. Biometrika 34, 28-35 (1947)"
)
_HEDGES = (
    "Hedges, L. V. Distribution theory for Glass's estimator of effect size and related "
    "estimators. Journal of Educational Statistics 6, 107-128 (1981)"
)
_QUILTS = (
    "Overath, T., McDermott, J. H., Zarate, J. M. & Poeppel, D. The cortical analysis of "
    "speech-specific temporal structure revealed by responses to sound quilts. Nature Neuroscience "
    "18, 903-911 (2015)"
)
_SOUNDS = (
    "Norman-Haignere, S., Kanwisher, N. G. & McDermott, J. H. Distinct cortical pathways for music "
    "and speech revealed by hypothesis-free voxel decomposition. Neuron 88, 1281-1296 (2015)"
)
_TSNE = (
    "van der Maaten, L. Accelerating t-SNE using tree-based algorithms. Journal of Machine "
    "Learning Research 15, 3221-3245 (2014)"
)
_JACKKNIFE = (
    "Kott, P. S. The delete-a-group jackknife. Journal of Official Statistics 17, 521-526 (2001)"
)
_HOLM = (
    "Holm, S. A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
    "Statistics 6, 65-70 (1979)"
)
_ARCHITECTURES = {
    "kim2024": ", convolutions of 32, 64, 128 and 256 filters, averaged over frequency and time, "
    "and two fully connected layers",
    "resnet": ", 18 layers of residual blocks with 32, 64, 128 and 256 filters",
}
_SOURCES = {
    "embedded": "synthesised by the workflow",
    "manifest": "recordings listed in a manifest",
    "audioset": "AudioSet",
    "fsd50k": "FSD50K",
}
_CORPUS_REFERENCES = {
    "audioset": "Gemmeke, J. F. et al. Audio Set: an ontology and human-labeled dataset for audio "
    "events. IEEE International Conference on Acoustics, Speech and Signal Processing, 776-780 "
    "(2017)",
    "fsd50k": "Fonseca, E., Favory, X., Pons, J., Font, F. & Serra, X. FSD50K: an open dataset of "
    "human-labeled sound events. IEEE/ACM Transactions on Audio, Speech, and Language Processing "
    "30, 829-852 (2022). doi:10.1109/TASLP.2021.3133208",
}


class Methods(NamedTuple):
    """A paragraph, in which numbers in brackets refer to `references`, from 1 on."""

    text: str
    references: Sequence[str]


def methods(
    config: Mapping,
    clips: Sequence[Mapping],
    usable: Mapping[str, int],
    networks: pd.DataFrame,
    tally: str,
    versions: Mapping[str, str],
) -> Methods:
    """Return the paragraph for a run.

    `clips` are the rows of the summary of the corpus, `usable` the usable clips of each split,
    `networks` the metadata of the networks, `tally` how many claims have which verdict.
    """
    cited: list[str] = []

    def cite(reference: str) -> str:
        if reference not in cited:
            cited.append(reference)
        return f"({cited.index(reference) + 1})"

    sentences = [
        f"The study of Kim et al. {cite(_ARTICLE)} was carried out with a Snakemake workflow "
        f"({versions['this workflow']}; master seed {config['seed']}).",
        *_of_corpus(config, clips, usable, cite),
        *_of_networks(config, networks, cite),
        *_of_analyses(config, cite),
        *_of_claims(config, tally, cite),
    ]
    libraries = [name for name in ("Python", "torch", "numpy", "scipy") if name in versions]
    used = [f"{name} {versions[name]}" for name in libraries]
    torch = ", ".join(sorted({f"PyTorch {version}" for version in networks["torch"]}))
    halves = dict.fromkeys(networks.loc[networks["precision"] == "bfloat16", "condition"])
    precision = f" ({_and(list(halves))} trained in bfloat16)" if halves else ""
    sentences.append(
        f"Networks were computed with {torch}{precision}; this text was written with {_and(used)}."
    )
    return Methods(" ".join(sentences), cited)


def _of_corpus(
    config: Mapping,
    clips: Sequence[Mapping],
    usable: Mapping[str, int],
    cite: Callable[[str], str],
) -> list[str]:
    corpus = config["corpus"]
    source = corpus["source"]
    reference = _CORPUS_REFERENCES.get(source)
    name = target_name(corpus["target"])
    where = f"{_SOURCES.get(source, source)}{' ' + cite(reference) if reference else ''}"
    counts = [
        f"{row['clips']:,} {'training' if row['split'] == 'train' else row['split']} clips "
        f"({row['target']:,} of {name}, {row['other']:,} other, {row['mixed']:,} mixed; "
        f"{usable.get(row['split'], 0):,} usable)"
        for row in clips
    ]
    return [
        f"The corpus was {corpus['name']} ({where}), with {_and(counts)}.",
        f"A clip counted as {name} if all its labels belonged to it, as other if none did, and as "
        "mixed otherwise; mixed clips were left out of selectivity.",
        "Sounds were converted to mono at 22,050 Hz, and padded with zeros or cut to "
        f"{corpus['clip_seconds']:g} s; models heard log-Mel spectrograms in dB (64 bands on the "
        "HTK scale from 0 to 8,000 Hz, windows of 551 samples, a hop of 275).",
    ]


def _of_networks(config: Mapping, networks: pd.DataFrame, cite: Callable[[str], str]) -> list[str]:
    settings = config["networks"]
    by_condition = dict(iter(networks.groupby("condition", sort=False)))
    how = {name: config["conditions"][name] for name in by_condition}
    trained = [name for name in by_condition if is_trained(how[name])]
    sentences = []
    if trained:
        models = sorted(
            {how[name].get("model", by_condition[name]["model"].iloc[0]) for name in trained}
        )
        described = [f"{model}{_ARCHITECTURES.get(model, '')}" for model in models]
        conditions = [f"{name} ({_training(how[name], by_condition[name])})" for name in trained]
        sentences += [
            f"Networks ({settings['seeds']} per condition, model {_and(described)}) were trained "
            f"by binary cross-entropy over all classes, with AdamW {cite(_ADAMW)} (weight decay "
            f"{settings['weight_decay']:g}, batches of {settings['batch_size']} clips, a one-cycle "
            f"rate of at most {settings['learning_rate']:g}); "
            f"{100 * settings['validation_fraction']:g}% of the clips of each network served "
            "validation.",
            f"Conditions were {_and(conditions)}.",
        ]
    elsewhere = trained_elsewhere(config["conditions"])
    untrained = [name for name in by_condition if name not in trained]
    given = [name for name in untrained if how[name].get("model") == "responses"]
    untrained = [name for name in untrained if name not in given]
    taken = [name for name in untrained if "layers" in how[name] or name in elsewhere]
    fixed = [
        f"{name} {cite(_GABOR)}" if by_condition[name]["model"].iloc[0] == "gabor" else name
        for name in untrained
        if name not in taken
    ]
    if fixed:
        sentences.append(f"Features that are not trained were {_and(fixed)}.")
    if taken:
        described = [
            f"{name} (model {how[name]['model']}, {_before(elsewhere, name)})" for name in taken
        ]
        sentences.append(f"Networks of others, taken as they were: {_and(described)}.")
    if given:
        described = [f"{name} ({_before(elsewhere, name)})" for name in given]
        sentences.append(f"Responses were computed outside this workflow for {_and(described)}.")
    # The built-in input has no settings.
    heard = [
        f"{name} ({_settings(config['inputs'][content['input']])})"
        for name, content in how.items()
        if content.get("input") in config["inputs"]
    ]
    if heard:
        sentences.append(f"Another input was heard by {_and(heard)}.")
    return sentences


def _before(elsewhere: Mapping[str, str], name: str) -> str:
    if name not in elsewhere:
        return "with random weights"
    return f"trained on {elsewhere[name] or 'sounds that are not known'}"


def _settings(settings: Mapping) -> str:
    others = [f"{key} {value}" for key, value in settings.items() if key != "kind"]
    return ", ".join([settings["kind"], *others])


def _training(how: Mapping, networks: pd.DataFrame) -> str:
    if not how["epochs"]:
        return "as initialised"
    withheld = f"without {_and(how['withhold'])}" if how.get("withhold") else "on all clips"
    labels = how.get("labels", "given")
    n = networks["training_clips"]
    clips = f"{n.min():,}" if n.min() == n.max() else f"{n.min():,} to {n.max():,}"
    kept = "the last" if how.get("keep") == "last" else "the best validated"
    return (
        f"{withheld}{'' if labels == 'given' else f', labels {labels}'}; {clips} clips, "
        f"{how['epochs']} epochs, of which {kept} was kept"
    )


def _of_analyses(config: Mapping, cite: Callable[[str], str]) -> list[str]:
    name = target_name(config["corpus"]["target"])
    units, stimuli = config["selectivity"], config["stimuli"]
    quilts = [one for one in stimuli["played"] if one.startswith("quilt-")]
    levels = [one for one in stimuli["played"] if one.startswith("level-")]
    probes = [probe for probe, settings in config["probes"].items() if settings is not None]
    draws = config["lesions"]["random_draws"]
    shares = [f"{100 * share:g}%" for share in config["lesions"]["fractions"]]
    sentences = [
        f"In layer {units['layer']}, the {100 * units['fraction']:g}% of units with the largest "
        f"Welch t {cite(_WELCH)} of {name} against other training clips were called selective, "
        f"with {units['permutations']:,} permutations of the labels of recordings; all that is "
        f"reported of them was measured on test clips, effects as Hedges' g {cite(_HEDGES)}.",
        f"Temporal structure was varied by sound quilts {cite(_QUILTS)} with segments of "
        f"{_and([one.removeprefix('quilt-').removesuffix('ms') for one in quilts])} ms, of which, "
        f"as of intact clips, {stimuli['compared_seconds']:g} s were played.",
    ]
    if levels:
        db = [one.removeprefix("level-").removesuffix("db") for one in levels]
        sentences.append(
            "Loudness was controlled for by clips at the mean level of the corpus less "
            f"{_and(db)} dB."
        )
    if probes:
        known = f" {cite(_SOUNDS)}" if "natsound165" in probes else ""
        sentences.append(
            f"Sounds from outside the corpus were those of {_and(probes)}{known}, at that level."
        )
    sentences += [
        f"{name} was decoded from blocks of {config['decoding']['units']} units in the order of "
        "their selectivity, from all units and from features, by linear models fitted on training "
        f"clips; responses were embedded by t-SNE {cite(_TSNE)} with a perplexity of "
        f"{config['embedding']['perplexity']:g}.",
        f"Units were silenced in shares of {_and(shares)} of the layer, and compared with "
        f"{draws:,} random draws.",
    ]
    return sentences


def _of_claims(config: Mapping, tally: str, cite: Callable[[str], str]) -> list[str]:
    claims = config["claims"]
    effects = "; ".join(
        f"{key.replace('_', ' ')} {value:g}" for key, value in claims["smallest_effects"].items()
    )
    sounds = {"groups": "recordings", "clips": "clips", "classes": "classes of sounds"}
    return [
        f"Claims are about condition {claims['condition']}.",
        "Intervals cover other networks (t) and other sounds (the jackknife without each of up to "
        f"{MOST} blocks of {sounds[claims['sounds']]} {cite(_JACKKNIFE)}), and are corrected over "
        f"the claims (Holm {cite(_HOLM)}) so that a wrong verdict on any has a probability of at "
        f"most {claims['alpha']:g}.",
        "A claim is supported if its interval lies above the smallest effect of interest or, where "
        f"no effect is claimed, within it ({effects}), and undetermined with fewer than "
        f"{claims['min_networks']} networks.",
        f"For claims 1 and 3, p of {target_name(config['corpus']['target'])} among random sets of "
        f"as many classes had to be at most {claims['alpha']:g} as well, where there were classes "
        "enough.",
        f"{tally}.",
    ]


def _and(texts: Sequence[str]) -> str:
    texts = [one_line(text, 1000) for text in texts]
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1]))) if texts else "none"
