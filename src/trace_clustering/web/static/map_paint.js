// Paints dots straight into the pixels of a picture, by far the fastest way where they are many.

import { OTHER } from "./map_points.js";

const FAINT = 0.1, LARGEST = 8;

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    // Opaque and without a graphics card's copy: its pixels are ours.
    this.pen = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  }

  resize(width, height) {
    this.pixels = Math.min(window.devicePixelRatio || 1, 3);
    this.wide = this.canvas.width = Math.round(width * this.pixels);
    this.tall = this.canvas.height = Math.round(height * this.pixels);
    // The picture goes on beyond what is seen, so that no dot has to be cut off.
    this.edge = Math.ceil((LARGEST + 3) * this.pixels);
    this.stride = this.wide + 4 * this.edge;
    this.picture = new ImageData(this.stride, this.tall + 4 * this.edge);
    this.raw = new Uint32Array(this.picture.data.buffer);
    this.readColours();
  }

  readColours() {
    const style = getComputedStyle(this.canvas);
    const packed = (name) => this.#packed(style.getPropertyValue(name));
    this.dots = Int32Array.from({ length: OTHER + 1 }, (_, i) => packed(i < OTHER ? `--c${i}` : "--faint"));
    this.panel = packed("--panel");
    this.text = packed("--text");
  }

  // Of `points` each has x, y, colour, outlier (1 for a ring) and bright (0 where it is dimmed).
  // Returns how many can be seen.
  paint(points, view) {
    // Small where there are many, growing with the zoom.
    const whole = Math.min(Math.max(13.5 / (points.n + 1) ** 0.22, 1.05), view.width < 500 ? 3.2 : 4);
    this.radius = Math.min(whole * view.zoom ** 0.42, LARGEST);
    this.raw.fill(this.panel);
    const middles = this.#middles(points, view);
    this.#dots(points, middles, 0, FAINT);
    // Where many lie over each other it is still to be seen where most are.
    this.#dots(points, middles, 1, points.n < 5000 ? 0.85 : 0.65);
    this.pen.putImageData(this.picture, -2 * this.edge, -2 * this.edge);
    return this.seen;
  }

  // Which share of a box in the page's pixels has dots in it, or what is left of dimmed ones.
  covered({ left, top, right, bottom }) {
    let hit = 0, all = 0;
    for (let y = top - 3; y < bottom + 3; y += 3) {
      for (let x = left - 3; x < right + 3; x += 3) {
        all += 1;
        if ((this.raw[this.#at(x * this.pixels, y * this.pixels)] | 0) !== this.panel) hit += 1;
      }
    }
    return hit / all;
  }

  // Which pixel of the picture a pixel of the canvas is.
  #at(across, down) {
    return (Math.floor(down) + 2 * this.edge) * this.stride + Math.floor(across) + 2 * this.edge;
  }

  // The pixels in which points lie; 0 for those of which nothing can be seen.
  #middles({ n, x, y }, view) {
    const { pixels, edge, wide, tall } = this;
    const scale = view.scale * pixels, [left, top] = view.pixelOf([0, 0]).map((one) => one * pixels);
    const middles = new Int32Array(n);
    this.seen = 0;
    for (let i = 0; i < n; i += 1) {
      const across = left + x[i] * scale, down = top - y[i] * scale;
      if (!(across > -edge && across < wide + edge && down > -edge && down < tall + edge)) continue;
      middles[i] = this.#at(across, down);
      this.seen += 1;
    }
    return middles;
  }

  #dots({ n, colour, bright, outlier }, middles, isBright, strength) {
    const { raw, pixels, dots, panel, text } = this, radius = this.radius * pixels;
    const dot = this.#stamp(-1, radius, strength);
    const ring = this.#stamp(radius + 1.3 * pixels, radius + 2.5 * pixels, strength);
    // Large ones have an edge, so that each can be told from those that it covers.
    const isEdged = isBright && this.radius > 2.2, edge = this.#stamp(radius - 1, radius + pixels, 0.7);
    for (let i = 0; i < n; i += 1) {
      if (bright[i] !== isBright || !middles[i]) continue;
      if (isEdged) blend(raw, middles[i], edge, panel);
      blend(raw, middles[i], dot, dots[colour[i]]);
      if (outlier[i]) blend(raw, middles[i], ring, text);
    }
  }

  // The pixels of a disc with a hole, each with how much of it is covered (256: all).
  #stamp(hole, radius, strength) {
    const reach = Math.ceil(radius), offsets = [], shares = [];
    for (let down = -reach; down <= reach; down += 1) {
      for (let across = -reach; across <= reach; across += 1) {
        const far = Math.hypot(across, down);
        const share = Math.min(radius - far + 0.5, far - hole + 0.5, 1) * strength;
        if (share <= 0) continue;
        offsets.push(down * this.stride + across);
        shares.push(Math.round(share * 256));
      }
    }
    return { offsets: Int32Array.from(offsets), shares: Int32Array.from(shares) };
  }

  #packed(colour) {
    this.pen.fillStyle = colour;
    this.pen.fillRect(0, 0, 1, 1);
    const [red, green, blue] = this.pen.getImageData(0, 0, 1, 1).data;
    return (0xff << 24) | (blue << 16) | (green << 8) | red;
  }
}

// Mixes a colour into what is there: red and blue at once, as there are eight bits between them.
function blend(raw, middle, { offsets, shares }, colour) {
  const outer = colour & 0xff00ff, inner = colour & 0xff00;
  for (let i = 0; i < offsets.length; i += 1) {
    const at = middle + offsets[i], share = shares[i], there = raw[at];
    const a = there & 0xff00ff, b = there & 0xff00;
    raw[at] =
      0xff000000 |
      ((a + (Math.imul(outer - a, share) >> 8)) & 0xff00ff) |
      ((b + (Math.imul(inner - b, share) >> 8)) & 0xff00);
  }
}
