"""The 165 natural sounds of Norman-Haignere, Kanwisher & McDermott (Neuron 88:1281, 2015).

The repository of that article has the sounds, a table of their categories, and the response of six
components of human auditory cortex, found with fMRI, to each of them. GitHub packs it as a zip.
"""

SETTINGS = {
    "zip": "https://github.com/snormanhaignere/natsound165-neuron2015/archive/HEAD.zip",
    "categories": "category_labels.csv",
    "profiles": "components.mat",
    "target": {
        "Music": ["Music", "Song"],
        "Speech": ["EngSpeech", "ForSpeech"],
        "Human voice": ["EngSpeech", "ForSpeech", "HumVoc"],
        "Animal": ["AniVoc", "AniNonVoc"],
    },
}
