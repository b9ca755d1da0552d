"""The columns of the tables that the report alone reads."""

EXCERPTS = {
    "figure": str,
    "group": str,
    "title": str,
    "clip_id": str,
    "licence": str,
    "attribution": str,
    "seconds": float,
    "left_out": str,
    "ogg": str,
}
"""`excerpts/excerpts.tsv`: one row per sound that the report plays beside `figure`, in the order of
the page.

`clip_id` is a clip or a sound of a probe set; `ogg` is the sound as Ogg Vorbis in base64. Where
`left_out` says why a sound is not played (licence, size), `ogg` is empty.
"""

LICENCE = "licence"
"""Nothing says that copies of the recording may be passed on."""
SIZE = "size"
"""The page would be larger than it may be."""
