"""The columns of the corpus tables."""

METADATA = {
    "file": str,
    "origin": str,
    "bytes": int,
    "sha256": str,
    "published": str,
}
"""`metadata/metadata.tsv`: one row per file that the corpus was read from: ontology, classes,
train_segments, test_segments, withheld_clips.

`origin` is the configured path, or the URL without its query; `published` is same or differs, by
the SHA-256 of the file that AudioSet published, or, for withheld_clips, by the set of ids that the
study's authors published; it is empty if there is none.
"""

CLASSES = {
    "index": int,
    "mid": str,
    "name": str,
    "branch": str,
    "target": bool,
    "genre": bool,
}
"""`corpus/classes.tsv`: one row per output of the networks, in the order of the outputs.

`branch` is the name of the class's topmost ancestor in the ontology, or `target` / `other` where
there is no ontology; `genre` marks the direct children of the target's genre node.
"""

BRANCHES = {"id": str, "name": str, "classes": str}
"""`corpus/branches.tsv`: one row per class of the ontology, or per label where there is no
ontology.

`classes` are the ids of the corpus's classes in its branch, joined by `;`, and may be empty.
"""

CLIPS = {
    "clip_id": str,
    "split": str,
    "shard": str,
    "source": str,
    "reference": str,
    "group": str,
    "start_seconds": float,
    "end_seconds": float,
    "labels": str,
    "role": str,
    "listed": bool,
}
"""`corpus/clips.tsv`: one row per clip, ordered by split, shard and place in the shard.

`source` is embedded, file, url or audioset; `reference` is what that source needs to find the sound
(a recipe, a path, an http(s) address with a digest in place of its query, a YouTube id); clips of
one `group` (the manifest's, or else a recording) count as one draw; `end_seconds` is empty where no
segment is given; `labels` are MIDs joined by `;`; `role` is target, other or mixed; `listed` marks
the train clips in `corpus.withheld_clips`, which every condition that withholds anything leaves
out.
"""

SUMMARY = {
    "split": str,
    "clips": int,
    "target": int,
    "other": int,
    "mixed": int,
}
"""`corpus/summary.tsv`: how many clips each split has, by role."""

CONDITIONS = {
    "condition": str,
    "split": str,
    "withheld": int,
    "admissible": int,
    "with_target": int,
}
"""`corpus/conditions.tsv`: one row per condition and split.

`withheld` clips are left out by the condition's `withhold` list, the rest are `admissible`, and
`with_target` of the admissible ones have a label of the target.
"""
