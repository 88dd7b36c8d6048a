"""Who has had how much of the server."""

ADDRESS = "x-middle-layer-address"
