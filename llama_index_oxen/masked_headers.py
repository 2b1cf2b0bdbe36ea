"""Where calls enter `Oxen`, and core's tracing with them.

Core hands a call's keyword arguments to spans (`llama_index_instrumentation/dispatcher.py`, `bound_args`)
and to events (`llama_index/core/llms/callbacks.py`, `additional_kwargs`). Spans are wound around a method
when its class is made, so the headers can only be veiled around that: on the finished class.
"""

from __future__ import annotations

from _oxen_transport.redaction import mask_headers as _conceal

mask_headers = _conceal(
    *("chat", "stream_chat", "achat", "astream_chat"),
    *("complete", "stream_complete", "acomplete", "astream_complete"),
    *("structured_predict", "astructured_predict", "stream_structured_predict", "astream_structured_predict"),
    *("predict_and_call", "apredict_and_call"),
)
