"""What a trace is, and how it becomes a text and a vector.

Knows no SQL and no Temporal; asks nobody over HTTP but the models that it is given.
"""
