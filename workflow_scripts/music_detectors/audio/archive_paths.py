"""The paths of the tar archives that the configuration names.

The Snakefile calls this while it is read, so import nothing heavy here.
"""

import glob
import os
from collections.abc import Sequence

from music_detectors.common.errors import InputError


def archive_paths(named: Sequence[str]) -> list[str]:
    """Return the tar archives that `named` lists: files, folders of archives, or patterns.

    The archives of each entry are sorted, and none is returned twice. Raises InputError, which
    names the entry, where an entry matches no archive.
    """
    found: dict[str, None] = {}
    for name in named:
        if os.path.isdir(name):
            pattern = os.path.join(glob.escape(name), "**", "*.tar")
            paths = sorted(glob.glob(pattern, recursive=True))
        elif os.path.exists(name):
            paths = [name]
        else:
            paths = sorted(glob.glob(name, recursive=True))
        if not paths:
            raise InputError(
                f"configuration: audio.archives names {name!r}, where there is no tar archive; "
                "give tar files, folders of them, or patterns such as audioset/*.tar"
            )
        for path in paths:
            if path.lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")):
                raise InputError(
                    f"configuration: audio.archives names {path}, which is compressed: its members "
                    "cannot be read in place; decompress it to a .tar first"
                )
        found.update(dict.fromkeys(paths))
    return list(found)
