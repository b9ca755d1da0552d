"""The sounds that are played to models. Every file in this folder is one stimulus.

`making` finds the files and makes spectrograms of what they return; `quilting` is for `quilt`.
docs/quilts.md says how to add a stimulus.
"""
