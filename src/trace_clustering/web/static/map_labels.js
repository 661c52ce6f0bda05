// The names of groups, over the dots: links to their pages.

import { bounded } from "./map_view.js";

// Where a name can stand, in pixels below its group's place; nearer is better.
const DOWNS = [0, -14, 14, -24, 24, -36, 36, -50, 50, -68, 68];
const LONGEST = 40;

export const counted = (count) => (count === 1 ? "1 trace" : `${count.toLocaleString("en")} traces`);

export function addLabels(canvas, groups) {
  for (const group of groups) {
    const { title, url, size, colour } = group;
    group.label = Object.assign(document.createElement("a"), {
      textContent: title.length > LONGEST ? `${title.slice(0, LONGEST).replace(/\s+\S*$/, "")}…` : title,
      title: `${title}: ${counted(size)}`,
      href: url,
      className: `map-label c${colour}`,
      dir: "auto",
      draggable: false,
      tabIndex: -1, // The page has these links beside the map as well, for the keyboard.
    });
    canvas.after(group.label);
  }
}

// Their sizes change with the width of the page, not with what is seen.
export function measureLabels(groups) {
  for (const group of groups) [group.wide, group.tall] = [group.label.offsetWidth, group.label.offsetHeight];
}

// Puts the first one first, each where it covers no other name and few dots.
export function placeLabels(groups, painter, view) {
  const taken = [{ left: view.width - 54, right: view.width, top: 0, bottom: 215 }]; // by buttons
  for (const group of groups) {
    const box = group.bright > 0.05 * group.size ? placed(group, painter, view, taken) : null;
    group.label.style.visibility = box ? "visible" : "hidden";
    if (!box) continue;
    group.label.style.translate = `${Math.round(box.left)}px ${Math.round(box.top)}px`;
    taken.push(box);
  }
}

function placed({ place, wide, tall }, painter, view, taken) {
  const [across, down] = view.pixelOf([place.x, place.y]);
  if (across < 0 || down < 0 || across > view.width || down > view.height) return null;
  let best = null, least = Infinity;
  for (const below of DOWNS) {
    const left = bounded(across - wide / 2, 6, view.width - wide - 6);
    const top = bounded(down + below - tall / 2, 6, view.height - tall - 6);
    const box = { left, top, right: left + wide, bottom: top + tall };
    if (taken.some((other) => overlap(box, other))) continue;
    const cost = 40 * painter.covered(box) + Math.abs(below) / 100;
    if (cost < least) [best, least] = [box, cost];
  }
  return best;
}

function overlap(one, other) {
  const beside = one.right < other.left || other.right < one.left;
  return !beside && one.bottom > other.top && other.bottom > one.top;
}
