"""Settings of all tests: property tests draw the same examples every time, however slow it is."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
