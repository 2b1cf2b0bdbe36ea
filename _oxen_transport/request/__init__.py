"""Settings, messages and tools -> a request. Pure: no I/O."""
