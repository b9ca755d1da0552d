"""The configuration, checked before anything else happens, and digests of the code."""
