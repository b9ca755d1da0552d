"""Files written by hand that readers accept like those of a job."""

from music_detectors.common.files import replacing


def store(path, content):
    """Write `content`, text or bytes, to `path` with its checksum; returns the path."""
    with replacing(path, checksum=True) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
