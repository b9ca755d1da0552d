"""What the workflow's scripts share, one package per stage."""
