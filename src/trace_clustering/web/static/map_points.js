// The points of a map, and which group each one is in.

export const OTHER = 30; // The colour of what is in no group, after those of the groups.

// From numbers, little endian: "TCM1", n, then x, y, leaf, cluster and flags of all.
export async function loadPoints(src) {
  const answer = await fetch(src);
  if (!answer.ok) throw new Error(`The map was answered with ${answer.status}.`);
  const bytes = await answer.arrayBuffer();
  const n = new DataView(bytes).getUint32(4, true);
  return {
    n,
    x: new Float32Array(bytes, 8, n),
    y: new Float32Array(bytes, 8 + 4 * n, n),
    leaf: new Uint32Array(bytes, 8 + 8 * n, n),
    cluster: new Uint16Array(bytes, 8 + 12 * n, n),
    outlier: new Uint8Array(bytes, 8 + 14 * n, n).map((flags) => flags & 1),
  };
}

// Gives each point its group, its colour, and whether it is in focus; returns the groups, the
// largest first, each with the numbers of its points.
export function groupPoints(points, { by, of, groups, focus }) {
  const ids = points[by], kept = focus && new Set(focus);
  const found = groups.map((group) => ({ ...group, numbers: [] })).sort((one, other) => other.size - one.size);
  const named = new Map(found.map((group) => [group.id, group]));
  const groupOf = new Map(Object.entries(of).map(([id, group]) => [Number(id), named.get(group)]));
  points.group = Array.from(ids, (id) => groupOf.get(id));
  points.colour = Uint8Array.from(points.group, (group) => group?.colour ?? OTHER);
  points.focused = Uint8Array.from(ids, (id) => !kept || kept.has(id));
  points.bright = points.focused.slice();
  points.group.forEach((group, i) => group?.numbers.push(i));
  return found;
}

// The middle and the size of what holds some of the points, without the share left out at each
// end. With a half left out, the middle is where most of them are around.
export function boxOf({ x, y }, numbers, left = 0) {
  const [west, east] = ends(x, numbers, left), [south, north] = ends(y, numbers, left);
  // Points in a line, or in one place, have a box with some room all the same.
  const least = (east - west + north - south) / 100 || 1;
  const wide = Math.max(east - west, least), tall = Math.max(north - south, least);
  return { x: (west + east) / 2, y: (south + north) / 2, wide, tall };
}

function ends(values, numbers, left) {
  if (!left) return extremes(values, numbers);
  const sorted = Float32Array.from(numbers, (i) => values[i]).sort();
  const at = Math.floor(sorted.length * left);
  return [sorted[at] ?? 0, sorted[sorted.length - 1 - at] ?? 0];
}

// Sorting all points of a large map would delay its first picture.
function extremes(values, numbers) {
  let least = Infinity, most = -Infinity;
  for (const i of numbers) {
    least = Math.min(least, values[i]);
    most = Math.max(most, values[i]);
  }
  return least <= most ? [least, most] : [0, 0];
}
