"""The error of estimates over sounds, by the jackknife that leaves out blocks of recordings."""
