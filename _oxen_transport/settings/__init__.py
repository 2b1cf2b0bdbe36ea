"""What can be set: every parameter, declared once. `params`: what one call may set; `settings`: the model object's."""

from _oxen_transport.settings.params import DEFAULT_MODEL, OxenParams, wire_names
from _oxen_transport.settings.settings import DEFAULT_BASE_URL, OxenSettings
from _oxen_transport.settings.values import is_loopback

__all__ = ["DEFAULT_BASE_URL", "DEFAULT_MODEL", "OxenParams", "OxenSettings", "is_loopback", "wire_names"]
