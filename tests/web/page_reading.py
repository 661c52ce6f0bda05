"""A page as a browser would read it, and texts that no page may take for anything but text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

EVIL = "x-evil"
MARKUP = (
    f"</script></pre></title><{EVIL} onclick=boom()>\"'><script>{EVIL}()</script>"
    f"<img src=x onerror={EVIL}()>]]>--><!-- {{{{ 7*7 }}}} javascript:{EVIL}()"
)
UNSEEN = "left\u202eright\u2066 \x1b[31mred\x1b[0m \x00\x07\u200b\ufeff"
HOSTILE = f"{MARKUP} {UNSEEN}"
LONG = "a" * 1_000_000
FAR = "遠い国の名前" * 85 + "遠い"
IDS = (
    "plain",
    "with/slashes/../and/dots",
    "..",
    "quotes\"'`<b>",
    "100%25 & ?run=x#y;z",
    "emoji 🦓 ﷽ 你",
    f"<{EVIL}>",
)

_VOID = frozenset({"meta", "br", "hr", "img", "input", "link", "wbr"})
_TAG_NAMES = (
    "html head meta title link script body a header nav svg circle rect path form label "
    "input g ellipse line polygon polyline span button ol ul li main h1 h2 h3 p dl div dt dd "
    "small section figure canvas figcaption kbd details summary table caption thead tbody tr th td "
    "bdi strong em time select option footer code pre mark fieldset legend"
)
_TAGS = frozenset(_TAG_NAMES.split())
_NO_CHARACTERS = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})


@dataclass
class PageRead(HTMLParser):
    """What a page is made of; reading it fails where a stranger's text came to be markup."""

    source: str
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()
        assert self.open == []
        self._check()

    @classmethod
    def of(cls, answer: httpx.Response, status: int = 200) -> PageRead:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith("text/html")
        return cls(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1:] == ["p"] and tag != "p":
            self.open.pop()
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["script"]:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:100]}")

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """Attributes of the elements of this name that have these attributes."""
        names = {name.rstrip("_"): value for name, value in wanted.items()}
        return [one for kind, one in self.tags if kind == tag and names.items() <= one.items()]

    def links(self, fits: Callable[[str], bool] = bool) -> list[str]:
        return [one["href"] for one in self.all("a") if "href" in one and fits(one["href"])]

    def has(self, tag: str, **wanted: str) -> bool:
        return bool(self.all(tag, **wanted))

    def _check(self) -> None:
        foreign = {tag for tag, _ in self.tags} - _TAGS
        assert not foreign, foreign
        for tag, attributes in self.tags:
            assert not any(name.startswith("on") or name == "style" for name in attributes), tag
            for name in ("href", "src", "action"):
                assert attributes.get(name, "/").startswith(("/", "#")), attributes
            if tag == "script":
                assert attributes.get("src", "/static/").startswith("/static/")
                assert "src" in attributes or attributes["type"] == "application/json"
        ids = [one["id"] for _, one in self.tags if "id" in one]
        assert len(ids) == len(set(ids))
        unseen = {c for c in self.source if unicodedata.category(c) in _NO_CHARACTERS}
        assert unseen <= {"\n"}, sorted(map(ascii, unseen))
