"""What the forms of pages send: few fields, little text."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import Request
from starlette.exceptions import HTTPException

MAX_FORM_BYTES = 16 * 1024


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form as browsers send it, the last of each name, without spaces around.

    Raises:
        HTTPException: 413, there is more than any form here takes.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413, f"a form may hold {MAX_FORM_BYTES} bytes at most")
    fields = parse_qs(body.decode("latin-1"), keep_blank_values=True, errors="replace")
    return {name: values[-1].strip() for name, values in fields.items()}
