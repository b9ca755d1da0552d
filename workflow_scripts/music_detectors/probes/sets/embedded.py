"""A small set of synthesised sounds, so that the analysis can be seen without a download.

They come from the sound models of the embedded corpus, but each is a draw of its own, so none is a
clip of that corpus. In place of a brain's components, five acoustic measures of the sounds are the
reference profiles.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from music_detectors.probes.sets import Synthesised

if TYPE_CHECKING:
    import numpy as np

SETTINGS = {
    "target": {
        "Music": ["Instrumental music", "Song"],
        "Speech": ["Speech"],
        "Human voice": ["Speech", "Voices"],
        "Animal": ["Animals"],
        "Vehicle": ["Vehicles"],
    },
}

_SECONDS = 2.0
# How many sounds of each recipe of the embedded corpus each category has.
_CATEGORIES = {
    "Instrumental music": (
        1,
        (
            "Pop music",
            "Rock music",
            "Folk music",
            "Jazz",
            "Classical music",
            "Electronic music",
            "Blues",
            "New-age music",
        ),
    ),
    "Song": (2, ("Vocal music", "Pop music + Singing")),
    "Speech": (4, ("Speech",)),
    "Voices": (2, ("Laughter", "Baby cry, infant cry")),
    "Human sounds": (1, ("Cough", "Walk, footsteps", "Clapping", "Crowd")),
    "Animals": (1, ("Bark", "Meow", "Moo", "Chirp, tweet", "Caw", "Cricket")),
    "Nature": (1, ("Wind", "Thunder", "Rain", "Stream", "Waves, surf", "Fire")),
    "Vehicles": (2, ("Train", "Helicopter", "Engine")),
    "Things": (1, ("Typing", "Alarm clock", "Siren", "Tick-tock", "Drill", "Sawing")),
}
_MEASURES = {
    "level variation": "level_sd_db",
    "centroid": "centroid_hz",
    "bandwidth": "bandwidth_hz",
    "flatness": "flatness",
    "harmonicity": "harmonicity",
}


def synthesised(seed: int) -> list[Synthesised]:
    """Return the sounds, drawn with the master `seed`, in the order of their categories."""
    from music_detectors.audio.rate import SAMPLE_RATE
    from music_detectors.synthesis.scene import synthesise

    made = []
    for category, (count, recipes) in _CATEGORIES.items():
        for recipe in recipes:
            for number in range(1, count + 1):
                name = f"{recipe.lower()} {number}" if count > 1 else recipe.lower()
                samples = synthesise(recipe, f"probe {name}", seed, _SECONDS, SAMPLE_RATE)
                made.append(Synthesised(name, category, samples))
    return made


def profiles_of(samples: Sequence["np.ndarray"]) -> Mapping[str, Sequence[float]]:
    """Return acoustic measures of each of the sounds `samples` (n,), as docs/acoustics.md defines.

    The samples are float32 of full scale 1 at 22,050 Hz.
    """
    from music_detectors.acoustics.sound import sound_covariates

    measured = [sound_covariates(of_sound) for of_sound in samples]
    return {name: [row[column] for row in measured] for name, column in _MEASURES.items()}
