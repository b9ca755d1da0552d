"""Sound quilts of the test clips, and the same stretch of the clips as they are."""
