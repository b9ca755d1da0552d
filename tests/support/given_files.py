"""Files of responses as other tools write them."""

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet

FORMS = ("h5", "npz", "units.parquet", "lists.parquet")
"""The forms of docs/responses.md; the name of a file ends with its form."""


def write_given(path, clip_ids, responses):
    """Write `responses`, layer to (clips, units), in the form that the name of `path` ends with."""
    name = path.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith("npz"):
        np.savez(path, clip_id=np.array(clip_ids, dtype=str), **responses)
    elif name.endswith("h5"):
        with h5py.File(path, "w") as file:
            file["clip_id"] = list(clip_ids)
            file.attrs["layers"] = " ".join(responses)
            for layer, values in responses.items():
                file[layer] = values
    else:
        columns = {"clip_id": list(clip_ids)}
        for layer, values in responses.items():
            if name.endswith("units.parquet"):
                columns |= {
                    f"{layer}/{unit}": values[:, unit] for unit in reversed(range(values.shape[1]))
                }
            else:
                columns[layer] = list(values)
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path
