"""The route of the files that pages load. They are the same for everybody."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from trace_clustering.web.static_files import static_file

router = APIRouter(prefix="/static", tags=["pages"])

_FOR_EVER = "public, max-age=31536000, immutable"


@router.get("/{name}", response_class=Response)
def static(request: Request, name: str, v: str = "") -> Response:
    """A style sheet or a script; ``v`` is its digest, where the page knows it."""
    file = static_file(name)
    headers = {
        "ETag": f'"{file.digest}"',
        # A script that another one imports comes without its digest.
        "Cache-Control": _FOR_EVER if v == file.digest else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if file.digest in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.compressed, media_type=file.media_type, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
