// A selection drawn by hand: a polygon of [x, y] corners in the map's coordinates.

import { short } from "./map_view.js";

const MOST_CORNERS = 60;

// With few corners: again and again the one goes that changes the least. Null where none is left.
export function simplified(corners) {
  const kept = corners.map((corner) => corner.map(short));
  const weight = (corner, i) => area([kept.at(i - 1), corner, kept[(i + 1) % kept.length]]);
  const unseen = area(kept) / 1000;
  while (kept.length > 3) {
    const weights = kept.map(weight), least = Math.min(...weights);
    if (kept.length <= MOST_CORNERS && least > unseen) break;
    kept.splice(weights.indexOf(least), 1);
  }
  return area(kept) > 0 ? kept : null;
}

function area(corners) {
  const twice = corners.reduce((sum, [x, y], i) => {
    const [beforeX, beforeY] = corners.at(i - 1);
    return sum + beforeX * y - x * beforeY;
  }, 0);
  return Math.abs(twice) / 2;
}

// The corners as they stand in a page's URL, "x,y,x,y,…"; null where there are none.
export function lassoIn(text) {
  const values = text.split(",").map(Number);
  if (values.length < 6 || values.length % 2 || !values.every(Number.isFinite)) return null;
  return Array.from({ length: values.length / 2 }, (_, i) => values.slice(2 * i, 2 * i + 2));
}

// 1 for each point inside, by the even-odd rule.
export function inside({ n, x, y }, corners) {
  const found = new Uint8Array(n);
  corners.forEach(([toX, toY], corner) => {
    const [fromX, fromY] = corners.at(corner - 1);
    for (let i = 0; i < n; i += 1) {
      const crosses = fromY > y[i] !== toY > y[i];
      if (crosses && x[i] < ((toX - fromX) * (y[i] - fromY)) / (toY - fromY) + fromX) found[i] ^= 1;
    }
  });
  return found;
}
