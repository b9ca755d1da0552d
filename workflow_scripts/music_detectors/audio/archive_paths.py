"""The paths of the archives of recordings that the configuration names.

The Snakefile calls this while it is read, so import nothing heavy here.
"""

import glob
import os
from collections.abc import Sequence

from music_detectors.common.errors import InputError

_ENDINGS = (".tar", ".parquet")
_NOT_IN_PLACE = ".tar.gz .tgz .tar.bz2 .tbz2 .tar.xz .txz .tar.zst .tzst .zip .7z .rar".split()


def archive_paths(named: Sequence[str]) -> list[str]:
    """Return the archives that `named` lists: files, folders of archives, or patterns.

    The archives of each entry are sorted, and none is returned twice. Raises InputError, which
    names the entry, where an entry matches no archive, or one that cannot be read in place.
    """
    found: dict[str, None] = {}
    for name in named:
        if os.path.isdir(name):
            pattern = os.path.join(glob.escape(name), "**", "*")
            inside = sorted(glob.glob(pattern, recursive=True))
            paths = [path for path in inside if path.lower().endswith((*_ENDINGS, *_NOT_IN_PLACE))]
        elif os.path.exists(name):
            paths = [name]
        else:
            paths = sorted(glob.glob(name, recursive=True))
        if not paths:
            raise InputError(
                f"configuration: audio.archives names {name!r}, where there is no archive; give "
                "tar or Parquet files, folders of them, or patterns such as audioset/*.tar, or "
                "download a mirror of AudioSet first (docs/downloads.md)"
            )
        for path in paths:
            if path.lower().endswith(tuple(_NOT_IN_PLACE)):
                raise InputError(
                    f"configuration: audio.archives names {name}, and members of {path} cannot be "
                    "read in place; decompress it to a .tar, unpack it into audio.folder, or give "
                    "patterns that leave it out"
                )
        found.update(dict.fromkeys(paths))
    return list(found)
