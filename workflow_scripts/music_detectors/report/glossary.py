"""What the numbers in the figures are, in a sentence each."""

TERMS = {
    "auc": (
        "AUC",
        "The probability that a random clip of the target evokes a larger response than a random "
        "other clip, ties counting half: the area under the ROC curve. 0.5 is chance.",
    ),
    "average-precision": (
        "Average precision, mAP",
        "The mean of the precision at each clip of a class when clips are ranked by a score; mAP "
        "is its mean over classes. Chance is near the share of clips that have the class.",
    ),
    "claims": (
        "Estimate, interval, smallest effect of interest",
        "A part of a claim is estimated once for each network. Its interval covers other networks "
        "and other sounds, corrected for the number of claims; the verdict compares it with zero "
        "and with the smallest effect of interest.",
    ),
    "components": (
        "Reference profile",
        "The response of a component of auditory cortex to each sound of a probe set; units are "
        "compared with it by the correlation over sounds.",
    ),
    "hedges-g": (
        "Hedges' g",
        "The difference of the mean responses to target and other clips, in pooled standard "
        "deviations, corrected for small samples.",
    ),
    "lesion": (
        "Lesion",
        "The responses of some units are set to zero, or to their mean, and the classes are "
        "recognised again. Lost is a share of the mAP above chance; random lesions silence as many "
        "units, drawn at random.",
    ),
    "level": (
        "Level",
        "The RMS amplitude of the sound of a clip. Clips at one level have the mean RMS of the "
        "corpus, or less by so many dB.",
    ),
    "partial": (
        "Effect with covariates",
        "The difference between target and other clips with acoustic features in a linear model, "
        "in residual standard deviations.",
    ),
    "preferred": (
        "Preferred stimulus",
        "A log-Mel that drives a unit, found by gradient ascent. The ratio is the response to it "
        "over that to the best test clip.",
    ),
    "quilt": (
        "Quilt",
        "A clip cut into segments of one length and put together in another order, so that "
        "structure longer than a segment is lost.",
    ),
    "random-sets": (
        "Random sets of classes",
        "As many classes as the target has, drawn from all, are taken for the target. On held-out "
        "classes, units are chosen on some classes and measured on the rest.",
    ),
    "ratio": (
        "Ratio of responses",
        "The mean response of the selective units to target clips over that to other clips; 1 is "
        "no difference.",
    ),
    "segregation": (
        "Segregation",
        "In an embedding of the responses in the plane (t-SNE), the share by which the densities "
        "of target and other clips overlap less than by chance.",
    ),
    "selective": (
        "Selective units",
        "The units of a layer with the largest Welch t of target against other clips of the train "
        "split. All that is shown of them is measured on test clips.",
    ),
    "yield": (
        "Yield",
        "The share of the requested clips that could be decoded, are long enough and not silent.",
    ),
}
"""For each term its name and its definition; docs/statistics.md has all of them in full."""

OF_FIGURES = {
    "acoustics": ["partial", "hedges-g"],
    "all_units": ["selective"],
    "average_precision": ["average-precision"],
    "claims": ["claims"],
    "class_responses": ["selective"],
    "decoding": ["average-precision", "selective"],
    "decoding_features": ["average-precision"],
    "decoding_genres": ["average-precision"],
    "embedding": ["segregation"],
    "emergence": ["segregation", "ratio", "average-precision"],
    "genres": ["hedges-g", "selective"],
    "learning_curves": ["average-precision"],
    "lesion_classes": ["lesion", "average-precision"],
    "lesion_dose": ["lesion", "average-precision"],
    "lesions": ["lesion", "average-precision"],
    "levels": ["level", "ratio", "hedges-g"],
    "preferred_stimuli": ["preferred", "selective"],
    "profile_categories": ["selective", "ratio"],
    "profile_components": ["components", "selective"],
    "profile_sounds": ["selective"],
    "quilts": ["quilt", "selective"],
    "quilts_genres": ["quilt", "selective"],
    "quilts_relative": ["quilt", "selective"],
    "quilts_targets": ["quilt", "selective"],
    "response_ratio": ["ratio", "hedges-g"],
    "selective_responses": ["selective"],
    "selectivity_by_layer": ["hedges-g", "auc", "selective"],
    "selectivity_index": ["selective"],
    "specificity": ["random-sets", "hedges-g"],
    "targets": ["ratio", "hedges-g", "selective"],
    "yields": ["yield"],
}
"""The terms that the numbers of each figure are named by."""
