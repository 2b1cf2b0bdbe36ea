"""The family of HTTP libraries in use: the one place to change on the day the frameworks move to httpx2."""

import httpcore
import httpx

__all__ = ["httpcore", "httpx"]
