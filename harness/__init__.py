"""What tests and benchmarks both use: servers, readers, a watched browser, independent oracles."""
