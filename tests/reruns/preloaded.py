"""Import what every dry run needs, once for all processes that are forked from this one."""

import jsonschema  # noqa: F401
from snakemake.cli import get_argument_parser

from music_detectors.configuration.code import code_digest
from music_detectors.corpus.sizes import check_corpus  # noqa: F401
from reruns.tables import CODE

# Looks for the plugins that are installed, and at the code of the checkout.
get_argument_parser()
for files in CODE.values():
    code_digest(*files)
