"use strict";
// Puts a canvas in the place of the map's drawing. Without it the page tells the same.
(() => {
  const read = (id) => document.getElementById(id);
  const data = JSON.parse(read("data").textContent);
  const drawing = read("drawing");
  const tip = read("tip");
  const plane = drawing.parentElement;
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  if (!pen) return;

  const COLOURS = 30;
  const MAX_ZOOM = 60;
  const REACH = 14;
  // Where the plane's middle is looked at from: zoom, and the middle's place in the data.
  const view = { zoom: 1, x: data.width / 2, y: data.height / 2 };
  const outliers = data.clusters.map((cluster) => new Set(cluster.outliers));
  let width = 0, height = 0, scale = 1, raised = -1, pointed = null, asked = false, drag = null;
  let colours = [], text = "", panel = "";

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    const value = (name) => style.getPropertyValue(name).trim();
    colours = Array.from({ length: COLOURS }, (_, i) => value(`--c${i}`));
    text = value("--text");
    panel = value("--panel");
  }

  const across = (x) => (x - view.x) * scale * view.zoom + width / 2;
  const down = (y) => (y - view.y) * scale * view.zoom + height / 2;

  function draw() {
    asked = false;
    const pixels = window.devicePixelRatio || 1;
    pen.setTransform(pixels, 0, 0, pixels, 0, 0);
    pen.clearRect(0, 0, width, height);
    const many = data.clusters.reduce((sum, cluster) => sum + cluster.ids.length, 0) > 5000;
    const radius = Math.min((many ? 1.8 : 3.5) * Math.sqrt(view.zoom), 9) * (width < 500 ? 0.75 : 1);
    data.clusters.forEach((cluster, i) => drawDots(cluster, i, radius));
    data.clusters.forEach((cluster, i) => drawRings(cluster, i, radius));
    drawLabels();
    if (pointed) drawPointed(radius);
  }

  function drawDots({ points }, i, radius) {
    pen.fillStyle = colours[i % COLOURS];
    pen.globalAlpha = raised < 0 || raised === i ? 0.8 : 0.12;
    for (let at = 0; at < points.length; at += 2) {
      const x = across(points[at]), y = down(points[at + 1]);
      if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
      pen.beginPath();
      pen.arc(x, y, radius, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  function drawRings({ points }, i, radius) {
    pen.strokeStyle = text;
    pen.lineWidth = 1.3;
    pen.globalAlpha = raised < 0 || raised === i ? 1 : 0.2;
    for (const one of outliers[i]) {
      pen.beginPath();
      pen.arc(across(points[2 * one]), down(points[2 * one + 1]), radius + 2, 0, 7);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  function drawLabels() {
    pen.font = "700 17px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    data.centroids.forEach(([x, y], i) => {
      if (raised >= 0 && raised !== i) return;
      pen.strokeStyle = panel;
      pen.lineWidth = 4;
      pen.strokeText(String(i), across(x), down(y));
      pen.fillStyle = text;
      pen.fillText(String(i), across(x), down(y));
    });
  }

  function drawPointed(radius) {
    const { points } = data.clusters[pointed.cluster];
    pen.beginPath();
    pen.arc(across(points[2 * pointed.index]), down(points[2 * pointed.index + 1]), radius + 3, 0, 7);
    pen.strokeStyle = text;
    pen.lineWidth = 2.5;
    pen.stroke();
  }

  function redraw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(draw);
  }

  function fit() {
    const wide = plane.clientWidth;
    if (!wide || wide === width) return;
    width = wide;
    height = Math.round((wide * data.height) / data.width);
    scale = width / data.width;
    const pixels = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * pixels);
    canvas.height = Math.round(height * pixels);
    canvas.style.height = `${height}px`;
    draw();
  }

  function nearest(x, y) {
    let best = null, least = REACH * REACH;
    data.clusters.forEach(({ points }, cluster) => {
      for (let at = 0; at < points.length; at += 2) {
        const dx = across(points[at]) - x, dy = down(points[at + 1]) - y;
        const far = dx * dx + dy * dy;
        if (far < least) {
          least = far;
          best = { cluster, index: at / 2 };
        }
      }
    });
    return best;
  }

  function add(kind, content, name) {
    if (!content) return;
    const element = document.createElement(kind);
    element.textContent = content;
    element.dir = "auto";
    if (name) element.className = name;
    tip.append(element);
  }

  function point(x, y) {
    pointed = nearest(x, y);
    tip.hidden = !pointed;
    redraw();
    if (!pointed) return;
    const { cluster, index } = pointed;
    const of = data.clusters[cluster];
    tip.replaceChildren();
    add("strong", data.titles[cluster]);
    add("span", data.groups[of.leaves[index]]);
    add("span", of.openings[index], "quote");
    if (outliers[cluster].has(index)) add("span", "Outlier");
    add("code", of.ids[index]);
    const left = Math.min(x + 14, width - tip.offsetWidth - 4);
    const below = y + 18 + tip.offsetHeight < height;
    tip.style.left = `${Math.max(left, 4)}px`;
    tip.style.top = `${below ? y + 18 : Math.max(y - tip.offsetHeight - 14, 4)}px`;
  }

  function unpoint() {
    pointed = null;
    tip.hidden = true;
    redraw();
  }

  function zoomTo(zoom, x, y) {
    const next = Math.min(Math.max(zoom, 1), MAX_ZOOM);
    // What lies under the pointer stays there.
    const shift = 1 / (scale * view.zoom) - 1 / (scale * next);
    view.x += (x - width / 2) * shift;
    view.y += (y - height / 2) * shift;
    view.zoom = next;
    keepInside();
  }

  function keepInside() {
    const bound = (value, size) => Math.min(Math.max(value, 0), size);
    view.x = view.zoom === 1 ? data.width / 2 : bound(view.x, data.width);
    view.y = view.zoom === 1 ? data.height / 2 : bound(view.y, data.height);
    canvas.classList.toggle("zoomed", view.zoom > 1);
    unpoint();
  }

  canvas.addEventListener("wheel", (event) => {
    // The whole map is seen: let the page scroll on.
    if (event.deltaY > 0 && view.zoom === 1) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const by = Math.max(-200, Math.min(200, event.deltaY * lines));
    zoomTo(view.zoom * Math.exp(-by / 400), event.offsetX, event.offsetY);
  }, { passive: false });

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    drag = { x: event.offsetX, y: event.offsetY };
    canvas.setPointerCapture(event.pointerId);
    point(event.offsetX, event.offsetY);
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!drag || view.zoom === 1) {
      point(event.offsetX, event.offsetY);
      return;
    }
    canvas.classList.add("dragging");
    view.x -= (event.offsetX - drag.x) / (scale * view.zoom);
    view.y -= (event.offsetY - drag.y) / (scale * view.zoom);
    drag = { x: event.offsetX, y: event.offsetY };
    keepInside();
  });

  const drop = () => {
    drag = null;
    canvas.classList.remove("dragging");
  };
  canvas.addEventListener("pointerup", drop);
  canvas.addEventListener("pointercancel", drop);
  canvas.addEventListener("pointerleave", unpoint);

  const zoomBy = (factor) => () => zoomTo(view.zoom * factor, width / 2, height / 2);
  read("nearer").addEventListener("click", zoomBy(1.6));
  read("farther").addEventListener("click", zoomBy(1 / 1.6));
  read("whole").addEventListener("click", () => zoomTo(1, width / 2, height / 2));

  document.querySelectorAll("[data-layer]").forEach((item) => {
    const raise = (layer) => () => {
      raised = layer;
      redraw();
    };
    for (const event of ["pointerenter", "focusin"]) {
      item.addEventListener(event, raise(Number(item.dataset.layer)));
    }
    for (const event of ["pointerleave", "focusout"]) item.addEventListener(event, raise(-1));
  });

  const label = drawing.getAttribute("aria-label");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  drawing.replaceWith(canvas);
  document.querySelectorAll(".buttons, .scripted").forEach((element) => {
    element.hidden = false;
  });
  readColours();
  // Not at once: what it changes is looked at as well.
  new ResizeObserver(() => requestAnimationFrame(fit)).observe(plane);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    redraw();
  });
  fit();
})();
