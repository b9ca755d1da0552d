"""The columns of the networks' tables."""

HISTORY = {
    "epoch": int,
    "loss": float,
    "validation_map": float,
    "learning_rate": float,
}
"""`networks/{condition}/seed-{seed}/history.tsv`: one row per epoch; an untrained network has the
single row epoch 0.

`loss` is the mean over the epoch's training clips, `validation_map` the macro average precision on
the validation clips after the epoch, `learning_rate` that of the epoch's last step. The
job's log has the rate of training.
"""

NETWORK_CLIPS = {"clip_id": str, "part": str, "labels": str}
"""`networks/{condition}/seed-{seed}/clips.tsv`: one row per clip that the network was trained or
validated on, in the order of the index.

`part` is training or validation; `labels` are the MIDs that it was trained on, joined by `;`. Of a
network that is not trained here, training clips are those that its read-out is fitted on.
"""
