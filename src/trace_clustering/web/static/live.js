// Keeps #live as it stands while it has data-live: seconds from one look to the next. What has
// changed is told by data-told. The page never leaves by itself: what it shows may be being read,
// and so what is as it was stays untouched.

const MOST = 30; // Seconds between looks where the service does not answer.
const told = document.querySelector("[data-live-told]");
let failed = 0;

const part = () => document.querySelector("#live[data-live]");

function later() {
  const seconds = Number(part()?.dataset.live) || 1;
  if (part()) setTimeout(look, Math.min(seconds * 2 ** failed, MOST) * 1000);
}

async function look() {
  // Nobody sees a page that is hidden; it looks again as soon as it is shown.
  if (document.hidden) {
    document.addEventListener("visibilitychange", look, { once: true });
    return;
  }
  try {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(MOST * 1000),
    });
    // It leads elsewhere: whoever looks has to sign in again.
    if (answer.redirected) return location.reload();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const other = page.querySelector("#live");
    if (!answer.ok || !other) throw new Error(`${answer.status}`);
    failed = 0;
    swap(document.querySelector("#live"), other);
    document.title = page.title;
  } catch {
    failed += 1;
    part()?.setAttribute("aria-busy", "true");
    told.textContent = "The service does not answer. It is asked again in a moment.";
  }
  told.classList.toggle("unseen", !failed);
  later();
}

function swap(part, other) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const said = part.dataset.told;
  const now = other.dataset.told;
  mend(part, other);
  // What had the focus may be gone, such as the button to cancel what has ended.
  if (focused && !focused.isConnected) {
    const again = focused.id && document.getElementById(focused.id);
    (again || document.querySelector("#live").querySelector("a, button"))?.focus({ preventScroll: true });
  }
  if (now !== said || !told.classList.contains("unseen")) told.textContent = now ?? "";
  document.dispatchEvent(new CustomEvent("parts-swapped"));
}

// Makes a node like another one, by as few changes as it takes where both are built alike.
function mend(node, other) {
  const isTold = node.nodeName === "TIME" && node.dateTime === other.dateTime; // In the reader's zone.
  if (isTold || node.isEqualNode(other)) return;
  const nodes = [...node.childNodes], others = [...other.childNodes];
  if (node.nodeName !== other.nodeName || nodes.length !== others.length) return node.replaceWith(other);
  if (node.nodeType === Node.TEXT_NODE) node.data = other.data;
  else takeAttributes(node, other);
  nodes.forEach((one, position) => mend(one, others[position]));
}

function takeAttributes(node, other) {
  for (const { name } of [...node.attributes]) if (!other.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of other.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
}

later();
