// Swaps parts of a page for those of the same page at another URL, instead of loading all of it.
// A part has data-part="name". A link or a GET form with data-swap leads to another state of the
// page, and so does the event "visit" that other scripts send. Where anything is not as it should
// be, the browser goes there plainly. After a swap "parts-swapped" is sent to the document, and
// what the parts say of themselves in data-told is put into data-parts-told, which is in no part.

let asking = null;
let shown = location.search;

const parts = (root) => [...root.querySelectorAll("[data-part]")];

async function visit(url, isNew = true) {
  asking?.abort();
  const mine = (asking = new AbortController());
  for (const part of parts(document)) part.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { signal: mine.signal, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = new Map(parts(page).map((part) => [part.dataset.part, part]));
    const fits = parts(document).every((part) => found.has(part.dataset.part));
    if (!answer.ok || new URL(answer.url).pathname !== url.pathname || !fits) throw new Error();
    if (isNew) history.pushState(null, "", url);
    shown = location.search;
    document.title = page.title;
    for (const part of parts(document)) swap(part, found.get(part.dataset.part));
    tell(parts(document).map((part) => part.dataset.told ?? "").join(" "));
    document.dispatchEvent(new CustomEvent("parts-swapped"));
  } catch {
    // A later visit has begun: this one is of no interest any more.
    if (asking !== mine) return;
    if (isNew) location.assign(url);
    else location.reload();
  }
}

// To those who do not see what has changed.
function tell(text) {
  const told = document.querySelector("[data-parts-told]");
  if (told) told.textContent = text;
}

// The focus stays on what has the same name or id, or else on what is in the same position.
function swap(part, other) {
  const inside = (root) => [...root.querySelectorAll("a, button, input, select")];
  const focused = document.activeElement, position = inside(part).indexOf(focused);
  const isSame = ({ id, name }) => (id && id === focused.id) || (name && name === focused.name);
  part.replaceWith(other);
  if (position < 0) return;
  const again = inside(other).find(isSame) ?? inside(other).at(position) ?? inside(other)[0];
  again?.focus({ preventScroll: true });
  if (again?.type === "search") again.setSelectionRange(focused.selectionStart, focused.selectionEnd);
}

// Only another state of the same page is ours to follow. What the map shows stays.
function follow(event, address) {
  const url = new URL(address, location.href);
  // The same path can be quoted in several ways.
  const isHere = decodeURIComponent(url.pathname) === decodeURIComponent(location.pathname);
  if (url.origin !== location.origin || !isHere) return;
  event.preventDefault();
  const map = new URLSearchParams(location.search).get("map");
  if (map && !url.searchParams.has("map")) url.searchParams.set("map", map);
  visit(url);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-swap]");
  const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (link && !isElsewhere && !event.defaultPrevented) follow(event, link.href);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-swap]") || form.method !== "get") return;
  const given = [...new FormData(form, event.submitter)].filter(([, value]) => value !== "");
  const url = new URL(form.getAttribute("action") || location.pathname, location.href);
  url.search = new URLSearchParams(given).toString();
  follow(event, url);
});

document.addEventListener("visit", ({ detail }) => visit(new URL(detail)));

// Not for a mere jump within the page.
addEventListener("popstate", () => location.search === shown || visit(new URL(location.href), false));
