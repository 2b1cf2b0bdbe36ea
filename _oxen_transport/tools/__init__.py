"""Tool-call ids, tool names and arguments: needed for requests and for responses."""
