"""How long the names of groups may be, whoever gives them."""

MIN_TITLE_WORDS = 3
MAX_TITLE_WORDS = 8
TITLE_WORDS = f"{MIN_TITLE_WORDS} to {MAX_TITLE_WORDS}"
"""As a model is told."""

MAX_TITLE_CHARS = 80

MAX_KEYWORDS = 10
