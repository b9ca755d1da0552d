"""The sounds that are played to models, made from the clips of the corpus."""
