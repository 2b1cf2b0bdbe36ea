"""The picture in docs/tracing.md: one answer from documents in each framework, drawn from the spans that were exported.

`python -m tools.trace_picture docs/tracing.svg`. The model is scripted; the first attempt of each answer is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from _oxen_transport.otel import SCOPE, OxenInstrumentor
from _oxen_transport.testing import TEST_KEY, OxenServer, Server

FACTS = ["An ox is a trained draught animal.", "Oxen pull ploughs and carts.", "Oxen.ai serves models."]
QUESTION = "What does an ox do?"
ROW, LEFT, RIGHT, WIDTH = 26, 330, 190, 1000


def langchain_rag(url: str) -> Callable[[], Any]:
    """A retriever, a prompt, the model; traced by LangChain's official instrumentor."""
    from langchain_core.embeddings import DeterministicFakeEmbedding
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnablePassthrough
    from langchain_core.vectorstores import InMemoryVectorStore
    from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

    from langchain_oxen import ChatOxen

    LangChainInstrumentor().instrument()
    store = InMemoryVectorStore.from_texts(FACTS, DeterministicFakeEmbedding(size=64))
    prompt = ChatPromptTemplate.from_template("By these facts: {facts}\nAnswer: {question}")
    found = {"facts": store.as_retriever(), "question": RunnablePassthrough()}
    chain = found | prompt | ChatOxen(base_url=url, api_key=TEST_KEY)
    return lambda: chain.invoke(QUESTION)


def llama_index_rag(url: str) -> Callable[[], Any]:
    """A query engine; traced by LlamaIndex's official instrumentor, whose model span is ours."""
    from llama_index.core import Document, MockEmbedding, VectorStoreIndex
    from opentelemetry.instrumentation.genai.llama_index import LlamaIndexInstrumentor

    from llama_index_oxen import Oxen

    index = VectorStoreIndex.from_documents([Document(text=fact) for fact in FACTS], embed_model=MockEmbedding(64))
    LlamaIndexInstrumentor().instrument()
    engine = index.as_query_engine(llm=Oxen(base_url=url, api_key=TEST_KEY))
    return lambda: engine.query(QUESTION)


def exported(prepare: Callable[[str], Callable[[], Any]]) -> list[Any]:
    """The spans of one run, parents before children."""
    exporter = InMemorySpanExporter()
    provider: Any = trace.get_tracer_provider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with Server() as running:
        ask = prepare(OxenServer(running).fails(503).says("It pulls ploughs and carts.").url)
        with trace.get_tracer("a web application").start_as_current_span("GET /answer"):
            ask()
    spans = sorted(exporter.get_finished_spans(), key=lambda span: span.start_time)
    known = {span.context.span_id: span for span in spans}

    def depth(span: Any) -> int:
        return 0 if span.parent is None or span.parent.span_id not in known else 1 + depth(known[span.parent.span_id])

    return [(depth(span), span) for span in spans]


def drawn(title: str, spans: list[Any], top: int) -> tuple[list[str], int]:
    """One trace as rows of SVG."""
    begin, end = min(span.start_time for _, span in spans), max(span.end_time for _, span in spans)
    scale = (WIDTH - LEFT - RIGHT) / (end - begin)
    lines = [f'<text x="12" y="{top + 16}" class="title">{escape(title)}</text>']
    for row, (depth, span) in enumerate(spans, 1):
        y = top + row * ROW
        x, width = LEFT + (span.start_time - begin) * scale, max(2.0, (span.end_time - span.start_time) * scale)
        given = span.attributes or {}
        kind = "model" if given.get("gen_ai.operation.name") == "chat" else "other"
        lines.append(f'<text x="{12 + depth * 16}" y="{y + 16}">{escape(span.name[:44])}</text>')
        lines.append(f'<rect x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="15" rx="3" class="{kind}"/>')
        lines += [
            f'<circle cx="{LEFT + (event.timestamp - begin) * scale:.1f}" cy="{y + 11.5}" r="4" '
            f'class="{"good" if event.attributes.get("http.response.status_code") == 200 else "bad"}"/>'
            for event in span.events
        ]
        tokens = given.get("gen_ai.usage.input_tokens")
        more = f", {tokens} + {given.get('gen_ai.usage.output_tokens')} tokens" if tokens is not None else ""
        text = f"{(span.end_time - span.start_time) / 1e6:.0f} ms{more}"
        lines.append(f'<text x="{WIDTH - RIGHT + 12}" y="{y + 16}">{text}</text>')
    return lines, top + (len(spans) + 1) * ROW + 16


def main() -> None:
    """Draw both traces into one file."""
    trace.set_tracer_provider(TracerProvider())
    OxenInstrumentor().instrument()
    first, top = drawn("LangChain: the official instrumentor makes the model span", exported(langchain_rag), 8)
    second, top = drawn(f"LlamaIndex: the model span is ours ({SCOPE})", exported(llama_index_rag), top)
    legend = "".join(
        f'<circle cx="{x}" cy="{top + 8}" r="4" class="{kind}"/><text x="{x + 12}" y="{top + 12}">{text}</text>'
        for x, kind, text in ((18, "bad", "an attempt that was refused"), (288, "good", "an attempt that was answered"))
    )
    style = (
        "text{font:12px sans-serif;fill:#222}.title{font-weight:bold}.model{fill:#d9730d}.other{fill:#9bb1c9}"
        ".good{fill:#2e7d32;stroke:#fff}.bad{fill:#c62828;stroke:#fff}"
    )
    body = "\n".join([*first, *second, legend])
    Path(sys.argv[1]).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 24}"><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
