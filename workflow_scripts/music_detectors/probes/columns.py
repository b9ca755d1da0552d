"""The columns of the tables in probes/."""

SOUNDS = {
    "sound": str,
    "category": str,
    "file": str,
    "n_samples": int,
    "cut": bool,
    "rms_db": float,
    "decoder": str,
    "decoder_version": str,
}
"""`probes/{probe}/sounds.tsv`: one row per sound of the probe set, in the order of its table of
categories.

`file` is where the sound was found, `n_samples` how many samples at 22,050 Hz are played, and `cut`
says that the recording is longer than a clip, so that only its start is. `rms_db` is the level of
the recording in dB re full scale, before it is set to the corpus's mean.
"""

REFERENCES = {"sound": str, "component": str, "response": float}
"""`probes/{probe}/references.tsv`: the reference profiles: the response of each component to each
sound.

It has no rows if the probe set has no reference profiles.
"""
