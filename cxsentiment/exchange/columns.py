"""The columns and settings of a scorecard spreadsheet, each with what may stand in it."""

from cxsentiment.schema import ACTS

# Column → what it is for, as the template explains it.
COLUMNS: dict[str, str] = {
    "section": "Title of the section. Empty: the section of the row above.",
    "section weight": "What the section weighs of the whole. Empty: as much as its items together.",
    "question": "The question as the grader reads it.",
    "weight": "What the item weighs of its section. Empty: 1.",
    "kind": "yes_no (empty), ordinal (with levels) or count (with full at and none at).",
    "critical": "none (empty), customer, business or compliance.",
    "effect": "What a critical error does to the score: report (empty), zero, or a number that caps it.",
    "channels": "Only for these channels, separated by ; such as call; chat. Empty: all.",
    "campaigns": "Only for these campaigns, separated by ;",
    "queues": "Only for these queues, separated by ;",
    "languages": "Only for these languages, separated by ; such as en; de",
    "only if": "Only if this happened: an act, customer negative, or words in quotes; several separated by ;",
    "acts": "Acts of the agent that count, separated by ; : " + ", ".join(ACTS),
    "phrases": "Phrases that count, separated by ; : a|b either word, (word) may be missing, * up to three words.",
    "wording": "Required words, nearly word for word.",
    "said by": "Who says the phrases or words: agent (empty), customer, bot, system, other or anyone.",
    "never": "yes: it must not happen. Empty or no: it must.",
    "times": "In how many turns it must happen. Empty: 1.",
    "first turns": "Only within this many first turns of the speaker.",
    "last turns": "Only within this many last turns of the speaker.",
    "before": "Before this: an act, customer negative, or words in quotes; several separated by ;",
    "after": "After this, written like before.",
    "within turns": "At most this many turns from before or after.",
    "levels": "For kind ordinal, graded by a person: name = points (0 to 1), best first, separated by ;",
    "full at": "For kind count: all points at this number.",
    "none at": "For kind count: no points at this number.",
    "uncertain from": "Verdicts with a probability between uncertain from and uncertain to go to a person.",
    "uncertain to": "See uncertain from.",
    "belongs at": "start or end: where it would have belonged, for the quote when it is missing.",
    "hint": "Coaching hint for the agent.",
    "id": "Short name, such as greeting. Empty: made from the question.",
    "section id": "Short name of the section. Empty: made from its title.",
}
REQUIRED = ("section", "question")
CHOICES: dict[str, tuple[str, ...]] = {
    "kind": ("yes_no", "ordinal", "count"),
    "critical": ("none", "customer", "business", "compliance"),
    "said by": ("agent", "customer", "bot", "system", "other", "anyone"),
    "never": ("yes", "no"),
    "belongs at": ("start", "end"),
}
# Setting → what it is for. They stand in rows that begin with #.
SETTINGS: dict[str, str] = {
    "name": "Name of the scorecard.",
    "version": "Its version.",
    "description": "What it is for.",
    "negative_at": "Probability from which a customer turn counts as negative (0 to 1).",
    "minimum_coverage": "Share of the weight that must be scored for a score (0 to 1).",
    "total_weight": "What the weights must add up to.",
    "flat": "yes: the weights of sections are left out.",
    "uncertain_between": "Two probabilities separated by ; between which verdicts go to a person.",
}
