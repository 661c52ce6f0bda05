// What people do to the map: with the mouse, with fingers, and on the keyboard.

const STILL = 5; // Pixels that a hand may move and still click.
const STEP = 60, NEARER = 1.5; // Of the keys and buttons.
const PASSING = 400; // Milliseconds after a scroll in which the wheel still scrolls the page.

export function listen(map) {
  const field = map.canvas.parentElement;
  listenToHands(map, field);
  listenToWheel(map, field);
  listenToKeys(map);
  listenToPage(map);
}

function pixelOf(event, field) {
  const { x, y } = field.getBoundingClientRect();
  return [event.clientX - x, event.clientY - y];
}

function listenToHands(map, field) {
  const hands = new Map(); // Where each finger or pressed button is.
  let isMoving = false;

  field.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const at = pixelOf(event, field);
    hands.set(event.pointerId, at);
    isMoving = hands.size > 1;
    if (map.isSelecting) map.drawing = isMoving ? null : [map.view.placeAt(at)];
  });

  field.addEventListener("pointermove", (event) => {
    const to = pixelOf(event, field), from = hands.get(event.pointerId);
    if (!from) return map.isSelecting || map.point(event.target.matches(".map-label") ? null : to);
    const isStill = Math.hypot(to[0] - from[0], to[1] - from[1]) <= STILL;
    if (isStill && (!isMoving || map.drawing)) return;
    isMoving = true;
    // From now on no link under the hand is followed.
    field.setPointerCapture(event.pointerId);
    hands.set(event.pointerId, to);
    if (map.drawing) map.drawTo(to);
    else map.look((view) => drag(view, from, to, [...hands].find(([id]) => id !== event.pointerId)?.[1]));
  });

  for (const name of ["pointerup", "pointercancel"]) {
    addEventListener(name, (event) => {
      if (!hands.delete(event.pointerId)) return;
      if (map.drawing) map.selectWithin(map.drawing);
      // A finger points with a tap, and follows the link then with the next.
      else if (!isMoving && event.target === map.canvas) map.point(pixelOf(event, field));
    });
  }

  // Of the mouse only: what a finger pointed at stays when it is lifted.
  field.addEventListener("mouseleave", () => map.point(null));
  field.addEventListener("dblclick", (event) => map.look((view) => view.zoomBy(2, pixelOf(event, field))));
}

// With one hand, or with two: then the zoom follows how far they are apart.
function drag(view, [fromX, fromY], [x, y], other) {
  if (!other) return view.move(x - fromX, y - fromY);
  const apart = (toX, toY) => Math.max(Math.hypot(toX - other[0], toY - other[1]), 1);
  view.zoomBy(apart(x, y) / apart(fromX, fromY), [(x + other[0]) / 2, (y + other[1]) / 2]);
  view.move((x - fromX) / 2, (y - fromY) / 2);
}

function listenToWheel(map, field) {
  let scrolled = -Infinity;
  addEventListener("scroll", () => { scrolled = performance.now(); }, { passive: true });
  field.addEventListener("wheel", (event) => {
    // There is nothing farther, or the page only passes by: let it scroll on.
    if (map.view.zoom === 1 && event.deltaY > 0) return;
    if (performance.now() - scrolled < PASSING) return;
    event.preventDefault();
    const step = event.ctrlKey ? 100 : 400; // Ctrl: a pinched touchpad
    const by = Math.max(-200, Math.min(200, event.deltaY));
    map.look((view) => view.zoomBy(Math.exp(-by / step), pixelOf(event, field)));
  }, { passive: false });
}

function listenToKeys(map) {
  const { view } = map;
  const looking = {
    "+": () => view.zoomBy(NEARER),
    "-": () => view.zoomBy(1 / NEARER),
    0: () => view.whole(),
    ArrowLeft: () => view.move(STEP, 0),
    ArrowRight: () => view.move(-STEP, 0),
    ArrowUp: () => view.move(0, STEP),
    ArrowDown: () => view.move(0, -STEP),
  };
  const selecting = {
    l: () => map.setSelecting(!map.isSelecting),
    Enter: () => map.isSelecting && map.selectWithin(view.corners),
    Escape: () => (map.lasso ? map.select(null) : map.setSelecting(false)),
  };
  const act = (key) => (key in looking ? map.look(looking[key]) : selecting[key]());

  for (const button of map.figure.querySelectorAll("[data-map-key]")) {
    button.addEventListener("click", () => act(button.dataset.mapKey));
  }
  map.canvas.addEventListener("keydown", (event) => {
    // Letters as the page names them, L, and as they are without Shift.
    const key = event.key.length > 1 ? event.key : event.key.toLowerCase();
    const isOurs = key in looking || key in selecting;
    if (!isOurs || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(key);
  });
}

function listenToPage(map) {
  // Whatever names a group outside the map raises it while it is pointed at or has the focus.
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, ({ target }) => {
      map.raise(Number(target.closest("[data-map-group]")?.dataset.mapGroup ?? NaN));
    });
  }
  const recolour = () => {
    map.painter.readColours();
    map.redraw();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  addEventListener("popstate", () => map.readPage());
  document.addEventListener("parts-swapped", () => map.readLasso());
  // It is told of the first size once the page has its styles.
  new ResizeObserver(() => map.fit()).observe(map.canvas);
}
