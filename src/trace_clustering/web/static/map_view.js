// Which part of the map is seen. A view is a zoom and the place in the middle of the plane; at
// zoom 1 all of the map is seen. Places are in the map's coordinates, where y grows upwards.

const MOST = 100, MARGIN = 30;

export const bounded = (value, least, most) => Math.min(Math.max(value, least), most);

// With as many digits as tell places apart that are a pixel apart.
export const short = (value) => Number(value.toPrecision(5));

const textOf = ([zoom, x, y]) => [zoom.toFixed(2), short(x), short(y)].join();

export class View {
  width = 1;
  height = 1;

  // It starts with the whole box, or with a part of it, or with the part around a mark.
  constructor(box, part, mark) {
    this.box = box;
    this.whole();
    if (part) this.#show(part, ...(mark ?? [part.x, part.y]));
    this.start = [this.zoom, this.x, this.y];
  }

  // Pixels for each unit.
  get scale() {
    const { wide, tall } = this.box;
    const fit = Math.min((this.width - 2 * MARGIN) / wide, (this.height - 2 * MARGIN) / tall);
    return Math.max(fit, 1e-9) * this.zoom;
  }

  pixelOf([x, y]) {
    return [(x - this.x) * this.scale + this.width / 2, (this.y - y) * this.scale + this.height / 2];
  }

  placeAt([across, down]) {
    return [this.x + (across - this.width / 2) / this.scale, this.y - (down - this.height / 2) / this.scale];
  }

  get corners() {
    const { width, height } = this;
    return [[0, 0], [width, 0], [width, height], [0, height]].map((at) => this.placeAt(at));
  }

  whole() {
    this.#look(1, this.box.x, this.box.y);
  }

  move(across, down) {
    this.#look(this.zoom, this.x - across / this.scale, this.y + down / this.scale);
  }

  // What lies at the given pixel stays there.
  zoomBy(factor, at = [this.width / 2, this.height / 2]) {
    const [x, y] = this.placeAt(at);
    const zoom = bounded(this.zoom * factor, 1, MOST), shrunk = this.zoom / zoom;
    this.#look(zoom, x + (this.x - x) * shrunk, y + (this.y - y) * shrunk);
  }

  // "zoom,x,y" as it stands in the page's URL; nothing for what it starts with.
  get text() {
    const text = textOf([this.zoom, this.x, this.y]);
    return text === textOf(this.start) ? "" : text;
  }

  read(text) {
    const given = text.split(",").map(Number);
    this.#look(...(given.length === 3 && given.every(Number.isFinite) ? given : this.start));
  }

  // With some space around it.
  #show({ wide, tall }, x, y) {
    const room = Math.min(this.box.wide / wide, this.box.tall / tall) / 1.3;
    this.#look(bounded(room, 1, 4), x, y);
  }

  #look(zoom, atX, atY) {
    const { x, y, wide, tall } = this.box;
    this.zoom = bounded(zoom, 1, MOST);
    const away = this.zoom > 1 ? 0.5 : 0;
    this.x = bounded(atX, x - wide * away, x + wide * away);
    this.y = bounded(atY, y - tall * away, y + tall * away);
  }
}
