"""Errors as the API tells them."""

from __future__ import annotations

from fastapi.responses import JSONResponse


def error_response(status: int, kind: str, field: str | None, message: str) -> JSONResponse:
    """An error in the one form that the API has."""
    return JSONResponse({"error": {"type": kind, "field": field, "message": message}}, status)
