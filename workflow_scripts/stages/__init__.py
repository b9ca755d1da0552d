"""What the workflow's scripts share, one package a stage; a stage imports only those before it."""
