"""The only place that knows an HTTP library."""
