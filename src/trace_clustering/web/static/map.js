// The map of a run: a dot for each trace. templates/pages/map.html.j2 tells what it is given.

import { listen } from "./map_hands.js";
import { addLabels, counted, measureLabels, placeLabels } from "./map_labels.js";
import { inside, lassoIn, simplified } from "./map_lasso.js";
import { Painter } from "./map_paint.js";
import { boxOf, groupPoints, loadPoints } from "./map_points.js";
import { Tip } from "./map_tip.js";
import { View } from "./map_view.js";

const REACH = 12; // Pixels from a dot that still count as pointing at it.

export class RunMap {
  isWaiting = true; // To be drawn; at first for its size.
  isSelecting = false;
  pointed = -1; // The number of a point.
  lasso = null; // The corners of what is selected, and of what is just being drawn.
  drawing = null;
  raised = null;

  constructor(figure, points) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const part = (name) => figure.querySelector(name);
    Object.assign(this, { figure, points, mark: data.mark, canvas: part("canvas"), status: part("[role=status]") });
    Object.assign(this, { polygon: part("polygon"), markRing: part(".map-mark"), dotRing: part(".map-dot") });
    this.lassoButton = part("[data-map-key=l]");
    this.groups = groupPoints(points, data);
    for (const group of this.groups) group.place = boxOf(points, group.numbers, 0.5);
    const all = points.x.map((_, i) => i), focus = data.focus && all.filter((i) => points.focused[i]);
    this.view = new View(boxOf(points, all), focus && boxOf(points, focus, 0.05), data.mark);
    this.painter = new Painter(this.canvas);
    this.tip = new Tip(part(".map-tip"), this.dotRing, figure.dataset);
    addLabels(this.canvas, this.groups);
    this.readPage();
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    Object.assign(this.view, { width, height });
    this.painter.resize(width, height);
    measureLabels(this.groups);
    this.draw();
    performance.mark("map-painted");
  }

  redraw() {
    if (!this.isWaiting) requestAnimationFrame(() => this.draw());
    this.isWaiting = true;
  }

  draw() {
    const { painter, points, view } = this;
    this.isWaiting = false;
    this.canvas.dataset.points = painter.paint(points, view);
    this.figure.style.setProperty("--dot", `${painter.radius}px`);
    if (this.mark) this.#put(this.markRing, this.mark);
    if (this.pointed >= 0) this.#put(this.dotRing, [points.x[this.pointed], points.y[this.pointed]]);
    const corners = this.drawing ?? this.lasso ?? [];
    this.polygon.setAttribute("points", corners.map((corner) => view.pixelOf(corner)).join(" "));
    placeLabels(this.groups, painter, view);
    this.figure.classList.toggle("zoomed", view.zoom > 1);
  }

  #put(ring, place) {
    const [across, down] = this.view.pixelOf(place);
    ring.hidden = false;
    ring.style.translate = `${across}px ${down}px`;
  }

  // Dims what is out of focus, or not selected, or in another group than the one that is raised.
  brighten() {
    const { n, group, focused, bright } = this.points, { raised } = this;
    const selected = this.lasso && inside(this.points, this.lasso);
    for (const one of this.groups) one.bright = 0;
    for (let i = 0; i < n; i += 1) {
      bright[i] = focused[i] && (!selected || selected[i]) && (!raised || group[i] === raised);
      if (bright[i] && group[i]) group[i].bright += 1;
    }
    this.redraw();
  }

  raise(id) {
    const raised = this.groups.find((one) => one.id === id) ?? null;
    if (raised === this.raised) return;
    this.raised = raised;
    this.brighten();
  }

  readPage() {
    this.view.read(new URL(location.href).searchParams.get("map") ?? "");
    this.readLasso();
  }

  readLasso() {
    const text = new URL(location.href).searchParams.get("lasso") ?? "";
    this.lasso = this.lassoButton && lassoIn(text);
    this.figure.classList.toggle("selected", Boolean(this.lasso));
    this.brighten();
  }

  // Changes what is seen; soon after, the page's URL follows.
  look(change) {
    change(this.view);
    this.point(null);
    this.redraw();
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => {
      history.replaceState(history.state, "", urlWith({ map: this.view.text }));
      // Once it is drawn: on a busy machine its frame may still be to come.
      requestAnimationFrame(() => {
        const seen = counted(Number(this.canvas.dataset.points));
        this.tell(`Zoom ${this.view.zoom.toFixed(1)}, ${seen} in view.`);
      });
    }, 250);
  }

  // To those who do not see it.
  tell(text) {
    this.status.textContent = text;
  }

  setSelecting(isOn) {
    if (!this.lassoButton) return;
    this.isSelecting = isOn;
    this.drawing = null;
    this.lassoButton.setAttribute("aria-pressed", isOn);
    this.figure.classList.toggle("selecting", isOn);
    this.point(null);
    this.redraw();
    if (!isOn) return;
    // Where Enter and Escape are listened for: the button that was pressed would take them for itself.
    this.canvas.focus({ preventScroll: true });
    this.tell("Draw around the dots, or press Enter to select all that is in view.");
  }

  drawTo(at) {
    this.drawing.push(this.view.placeAt(at));
    this.redraw();
  }

  selectWithin(places) {
    const corners = simplified(places);
    if (corners) this.select(corners);
    else this.setSelecting(false);
  }

  // Null selects all. What the page tells of the selection follows its URL.
  select(corners) {
    this.setSelecting(false);
    // The button that clears the selection goes with it.
    if (!corners) this.canvas.focus({ preventScroll: true });
    this.lasso = corners;
    this.brighten();
    const selected = this.points.bright.reduce((sum, one) => sum + one, 0);
    this.tell(corners ? `${counted(selected)} selected.` : "The selection is cleared.");
    const url = urlWith({ map: this.view.text, lasso: corners?.flat().join(), page: "" });
    document.dispatchEvent(new CustomEvent("visit", { detail: url }));
  }

  // At the dot nearest to a pixel, or at none.
  point(at) {
    const number = at ? this.#nearest(at) : -1;
    if (number === this.pointed) return;
    this.pointed = number;
    if (number < 0) this.tip.hide();
    else this.tip.show(number, this.points.group[number]?.title, at);
    this.redraw();
  }

  #nearest(at) {
    const { n, x, y, bright } = this.points, [atX, atY] = this.view.placeAt(at);
    let best = -1, least = (REACH / this.view.scale) ** 2;
    for (let i = 0; i < n; i += 1) {
      const far = (x[i] - atX) ** 2 + (y[i] - atY) ** 2;
      if (far < least && bright[i]) [best, least] = [i, far];
    }
    return best;
  }
}

// The page's own, with some parameters changed, or gone where they are empty.
function urlWith(changes) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  return url.href;
}

async function start(figure) {
  const state = figure.querySelector(".map-state");
  const points = await loadPoints(figure.dataset.src).catch(() => null);
  state.textContent = "The map could not be loaded. Reload the page to try again.";
  if (!points) return;
  state.remove();
  listen(new RunMap(figure, points));
}

const figure = document.querySelector("[data-map]");
if (figure) start(figure);
