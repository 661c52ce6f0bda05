"""The help desk as separate programs, one for each client.

Each is told by its environment alone where to send, and prints which trace is of which visit.
"""
