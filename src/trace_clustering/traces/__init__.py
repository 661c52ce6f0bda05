"""What a trace is, and how it becomes a text and a vector.

Knows no SQL, no Temporal, no HTTP and no clock.
"""
