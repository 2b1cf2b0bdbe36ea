"""What can be set: every parameter, declared once. `params`: what one call may set; `settings`: the model object's."""

from _oxen_transport.settings.params import DEFAULT_MODEL, WIRE_NAMES, OxenParams
from _oxen_transport.settings.settings import DEFAULT_BASE_URL, OxenSettings
from _oxen_transport.settings.values import is_loopback

__all__ = ["DEFAULT_BASE_URL", "DEFAULT_MODEL", "WIRE_NAMES", "OxenParams", "OxenSettings", "is_loopback"]
