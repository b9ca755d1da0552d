"""Names of sound files. The Snakefile reads this too, so nothing heavy is imported here."""

_EXTENSIONS = (
    ".wav.gz .wav .flac .ogg .oga .opus .mp3 .m4a .mp4 .aac .webm .weba .mkv .aif .aiff .au".split()
)


def stem(name: str) -> str | None:
    """Return a file's name without its extension, or None when it is not a sound file."""
    lower = name.lower()
    for extension in _EXTENSIONS:
        if lower.endswith(extension):
            return name[: -len(extension)]
    return None
