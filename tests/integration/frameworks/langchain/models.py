"""`ChatOxen` at a scripted place."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.runnables import Runnable

from _oxen_transport.testing import Stage
from langchain_oxen import ChatOxen


def model_at(stage: Stage, **options: Any) -> ChatOxen:
    return ChatOxen(base_url=stage.url, **options)


def run(runnable: Runnable[Any, Any], given: Any, config: Any = None, *, awaited: bool = False) -> Any:
    return asyncio.run(runnable.ainvoke(given, config)) if awaited else runnable.invoke(given, config)
