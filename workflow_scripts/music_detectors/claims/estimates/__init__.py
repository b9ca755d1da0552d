"""The estimates that claims rest on, one per network; docs/claims.md explains the choices."""
