"""What models hear: every file in this folder is one kind of input.

The study's log-Mel spectrogram, which is the default, needs no file here. `making` finds the files
and checks the section `inputs` of a configuration. docs/inputs.md describes each kind, and says how
to add one.
"""
