"""Texts to extract from."""

LETTER = (
    "Good morning, this is Maria Lindqvist. Please send us 12 ox yokes to our farm in Uppsala before the first of May."
)
LETTERS = [
    LETTER,
    "Hello, Tom Baker here. We need 3 ploughs in Bristol, please.",
    "Dear Sirs, could you deliver 40 milk churns to Lyon? Kind regards, Claire Dubois",
    "It's Aiko Tanaka. My order: 250 bell collars. Address: the old dairy, Sapporo.",
    "We'd like 7 hay rakes sent to Cork. Thanks, Sean Murphy",
    "Please put me down for 18 leather harnesses, to be delivered in Graz. Yours, Eva Gruber",
]
