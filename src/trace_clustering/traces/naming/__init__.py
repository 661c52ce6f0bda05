"""What groups of traces are called: by their distinctive words, or by a language model."""
