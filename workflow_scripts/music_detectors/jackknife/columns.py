"""The columns of the table of blocks."""

BLOCKS = {"clip_id": str, "role": str, "draw": str, "block": int}
"""`corpus/blocks.tsv`: one row per usable test clip, in the order of clips.tsv.

`draw` is what counts as one draw of a sound (`claims.sounds`): the clip's group, the clip, or a
class of sounds (the rarest label of the clip's group). Clips of one draw are in one `block`, from
0; each block has draws with target and with other clips. There is only one block where all target
or all other clips are one draw. `role` is that for corpus.target.
"""
