"""Prompts for what the model's page names as its strengths: languages, code, mathematics."""

from __future__ import annotations

PRESETS: dict[str, tuple[str, str]] = {
    "Multilingual: one sentence, five languages": (
        "You are a translator. Give one line for each language, and nothing else.",
        "Translate into French, Italian, German and Spanish: The ox is slow, but the earth is patient.",
    ),
    "Multilingual: answer in the question's language": (
        "Answer in the language of the question, in two sentences.",
        "Pourquoi les bœufs travaillent-ils par paires ?",
    ),
    "Code: a function and its test": (
        "You are a careful Python programmer. Answer with code in one fenced block.",
        "Write a function that merges two sorted lists, and a pytest test for it.",
    ),
    "Code: find the mistake": (
        "You review code. Name the mistake in one sentence, then show the corrected line.",
        "```python\ndef mean(values):\n    return sum(values) / len(values) - 1\n```",
    ),
    "Mathematics: step by step": (
        "Reason step by step, and give the result alone on the last line.",
        "An ox walks 3 km/h and a horse 5 km/h, towards each other, 12 km apart. When do they meet?",
    ),
    "Mathematics: a proof": (
        "",
        "Prove that the square root of 2 is irrational.",
    ),
}
