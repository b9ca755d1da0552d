"""Whole data sets: a mirror of AudioSet from Hugging Face, and FSD50K from Zenodo."""
