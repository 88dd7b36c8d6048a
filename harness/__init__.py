"""What tests and benchmarks both use: servers, readers, a watched browser, independent oracles."""


class Missing(RuntimeError):
    """A program that is not installed."""
