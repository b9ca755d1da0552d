"""Download the zip of a probe set, and keep it only if it is whole and has what is needed."""

import os

from music_detectors.common.errors import InputError
from music_detectors.common.files import replacing
from music_detectors.common.urls import shown_url
from music_detectors.corpus.download import download
from music_detectors.probes.settings import ProbeSet, listed, opened


def fetch_probe(probe: ProbeSet, output: str | os.PathLike) -> None:
    """Download the zip of `probe` to `output`, with its checksum beside it.

    Raises InputError, naming the URL, when it cannot be downloaded, is no zip, holds what is
    refused, or lacks a table or a sound.
    """
    url = str(probe.zip)
    with replacing(output, checksum=True) as temporary:
        download(url, temporary)
        try:
            with opened(probe, str(temporary)) as place:
                listed(probe, place)
        except InputError as error:
            # The temporary file will be gone.
            raise InputError(str(error).replace(str(temporary), shown_url(url))) from error
