"""A text to extract from."""

LETTER = (
    "Good morning, this is Maria Lindqvist. Please send us 12 ox yokes to our farm in Uppsala before the first of May."
)
