"""What clients send, read into trace events: bytes in, a ``Delivery`` out.

Knows no network and no store. Every reader takes what a stranger sent, keeps what is good of it
and says what is wrong with the rest.
"""
