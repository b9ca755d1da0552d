# %% [markdown]
# # Music detectors in a network of your own
#
# Any PyTorch module, and arrays of sound with labels: the responses of its units, their
# statistics, sound quilts and lesions, computed by the functions of the workflow. Nothing is
# downloaded, and the page takes less than a minute. [own-network.md](own-network.md) describes the
# functions.
#
# The sounds are some of the [embedded corpus](embedded-corpus.md): 160 clips of 2 s at 16 kHz, of
# 40 classes, 10 of which are genres of music.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from music_detectors.corpus.embedded import embedded_classes, embedded_ontology, planned_clips
from music_detectors.synthesis.scene import synthesise

RATE, SECONDS, SEED = 16_000, 2, 1
clips = planned_clips({"train": 4, "test": 1}, SEED)
clips = [one for one in clips if one["split"] == "train" and "mixed" not in one["clip_id"]]
sounds = np.stack(
    [synthesise(one["reference"], one["clip_id"], SEED, SECONDS, RATE) for one in clips]
)
genres = next(node["child_ids"] for node in embedded_ontology() if node["name"] == "Music genre")
is_music = np.array([set(one["labels"]) <= set(genres) for one in clips])
classes = [mid for mid, name in embedded_classes() if mid not in genres and name != "Singing"]
labels = np.array([[mid in one["labels"] for mid in classes] for one in clips])
print(f"{len(sounds)} sounds, {is_music.sum()} of music; {len(classes)} other classes")

# %% [markdown]
# A small network that hears waveforms. It learns to name the classes of the sounds that are not
# music, so it has never heard music.


# %%
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(1, 32, 256, stride=128), nn.ReLU())
        self.second = nn.Sequential(nn.Conv1d(32, 64, 8, stride=4), nn.ReLU())
        self.third = nn.Sequential(nn.Conv1d(64, 96, 8, stride=4), nn.ReLU())
        self.last = nn.Linear(96, len(classes))

    def forward(self, waveform):
        loud = waveform / waveform.square().mean(1, keepdim=True).sqrt()
        return self.last(self.third(self.second(self.first(loud[:, None]))).mean(2))


torch.manual_seed(SEED)
network = Small()
optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3)
heard, named = torch.from_numpy(sounds[~is_music]), torch.from_numpy(labels[~is_music]).float()
for _ in range(10):
    for batch in torch.randperm(len(heard)).split(30):
        loss = nn.functional.binary_cross_entropy_with_logits(network(heard[batch]), named[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"the last loss is {loss.item():.3f}")

# %% [markdown]
# ## The questions of the study, in ten lines
#
# Units are chosen on one half of the sounds, and all that is said of them is from the other.

# %%
from music_detectors import (
    lesion_scores,
    sound_covariates,
    sound_quilts,
    unit_responses,
    unit_statistics,
)

LAYERS = ["first", "second", "third"]
responses = unit_responses(network, sounds, RATE, LAYERS)
covariates = sound_covariates(sounds, RATE)[["level_db", "centroid_hz", "harmonicity"]]
units = unit_statistics(responses, is_music, covariates=covariates, seed=SEED)
quilts = sound_quilts(sounds, RATE, [50, 100, 200, 400], seed=SEED)
of_quilts = {ms: unit_responses(network, quilts[ms], RATE, ["third"])["third"] for ms in quilts}
lesions = lesion_scores(
    network, sounds[~is_music], RATE, labels[~is_music], units, "third", seed=SEED
)
units.groupby("layer", sort=False)[["test_hedges_g", "test_auc", "test_partial_d"]].mean().round(2)

# %% [markdown]
# Each row of `units` is a unit: `test_hedges_g` is the effect of music against the other sounds,
# `p_permutation` its p corrected over the units of the layer, `test_partial_d` the effect with the
# covariates in the model. These are the most selective units of the last layer:

# %%
shown = ["layer", "unit", "rank", "p_permutation", "test_hedges_g", "test_auc", "test_partial_d"]
units[(units["layer"] == "third") & (units["rank"] <= 5)].sort_values("rank")[shown].round(3)

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 2.8), sharey=True, layout="constrained")
for axis, layer in zip(axes, LAYERS, strict=True):
    of_layer = units[units["layer"] == layer]
    bins = np.histogram_bin_edges(units["test_hedges_g"], 24)
    axis.hist(of_layer["test_hedges_g"], bins, color="#B8B8B8", label="all units")
    selective = of_layer.loc[of_layer["selective"], "test_hedges_g"]
    axis.hist(selective, bins, color="#D55E00", label="selective")
    axis.set(title=layer, xlabel="Hedges g on held-out sounds")
axes[0].set_ylabel("units")
axes[0].legend(frameon=False)

# %% [markdown]
# Quilts keep the spectrum of a sound over short times and destroy its structure over longer ones.
# A response that needs that structure falls as segments become shorter.

# %%
of_third = units[units["layer"] == "third"].sort_values("unit")
selective = of_third["selective"].to_numpy()
figure, axis = plt.subplots(figsize=(4.5, 3), layout="constrained")
for name, which, colour in (("music", is_music, "#D55E00"), ("other", ~is_music, "#56B4E9")):
    means = [of_quilts[ms][which][:, selective].mean() for ms in quilts]
    axis.plot(list(quilts), means, "o-", color=colour, label=f"{name}, quilts")
    intact = responses["third"][which][:, selective].mean()
    axis.axhline(intact, color=colour, linestyle=":", label=f"{name}, intact")
axis.set(xscale="log", xlabel="segments (ms)", ylabel="mean response of selective units")
axis.set_xticks(list(quilts), list(quilts))
axis.minorticks_off()
axis.legend(frameon=False)

# %% [markdown]
# Lesions: how well the network names sounds that are not music when the most selective units are
# silenced, against as many others.

# %%
drawn = lesions["lesion"].str.startswith("random")
figure, axis = plt.subplots(figsize=(4.5, 3), layout="constrained")
axis.bar(
    lesions.loc[~drawn, "lesion"], lesions.loc[~drawn, "mean_average_precision"], color="#0072B2"
)
axis.plot(
    ["random"] * drawn.sum(), lesions.loc[drawn, "mean_average_precision"], "o", color="#5A5A5A"
)
axis.set(ylabel="mean average precision")
