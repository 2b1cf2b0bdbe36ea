"""The version, once: for the distribution, both packages and the User-Agent."""

__version__ = "0.2.0"
