// Draws charts when they come near the view, and again when the colour scheme changes.
// templates/pages/charts.html.j2 tells what they are given, pages/figures.py how colours are named.

const CONFIG = { displayModeBar: false, displaylogo: false, responsive: true, showTips: false };
const NEAR = "400px";
const COLOUR = /^(on )?(--[\w-]+)(?:([/~])([\d.]+))?$/;

const drawn = new Set();
let loading = null;

// plotly is large: no page waits for it before it is needed.
function plotly(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("the charts could not be loaded"));
    document.head.append(script);
  });
  return loading;
}

function numbersOf(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// Black or white, whichever has more contrast to a colour, as WCAG 2 measures it.
function readableOn(numbers) {
  const linear = (one) => (one <= 10 ? one / 3295 : ((one / 255 + 0.055) / 1.055) ** 2.4);
  const [red, green, blue] = numbers.map(linear);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

// "--c3", "--c3/0.5" over the panel, "--c3~0.5" transparent, "on --c3": as the styles have it now.
function colour(name, style) {
  const [, on, property, how, amount = 1] = COLOUR.exec(name) ?? [];
  if (!property) return name;
  const own = numbersOf(style.getPropertyValue(property).trim());
  if (how === "~") return `rgba(${own.join(",")},${amount})`;
  const under = numbersOf(style.getPropertyValue("--panel").trim());
  const mixed = own.map((one, i) => Math.round(one * amount + under[i] * (1 - amount)));
  return on ? readableOn(mixed) : `rgb(${mixed.join(",")})`;
}

function coloured(value, key, style) {
  if (typeof value === "string") return /colors?$/.test(key) ? colour(value, style) : value;
  if (Array.isArray(value)) return value.map((one) => coloured(one, key, style));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, coloured(one, name, style)]),
  );
}

// Names on both sides of a sankey have half of its width each.
function fitted(trace, width) {
  if (trace.type !== "sankey") return;
  const most = Math.floor(width / 16);
  trace.node.label = trace.node.label.map((name) => {
    const characters = name.match(/&\w+;|./gu) ?? [];
    return characters.length > most ? `${characters.slice(0, most - 1).join("").trimEnd()}…` : name;
  });
}

async function draw(chart) {
  const plot = chart.querySelector(".chart-plot");
  try {
    const Plotly = await plotly(chart.dataset.chart);
    const style = getComputedStyle(document.documentElement);
    const given = JSON.parse(chart.querySelector("script").textContent);
    const figure = coloured(given, "", style);
    figure.layout.font.family = getComputedStyle(document.body).fontFamily;
    for (const trace of figure.data) fitted(trace, plot.clientWidth);
    await Plotly.react(plot, figure.data, figure.layout, CONFIG);
    if (!drawn.has(chart)) plot.on("plotly_treemapclick", open);
    drawn.add(chart);
    chart.dataset.drawn = "";
  } catch (reason) {
    chart.classList.add("undrawn");
    chart.querySelector("details").open = true;
    throw reason;
  }
}

// A part has the address of its page, which lists the parts below: plotly's own zoom would have none.
function open({ points: [point] }) {
  if (!point?.customdata) return true;
  location.assign(point.customdata);
  return false;
}

const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    draw(target);
  }
}, { rootMargin: NEAR });

function watch() {
  for (const chart of document.querySelectorAll("[data-chart]:not([data-watched])")) {
    chart.dataset.watched = "";
    chart.querySelector("details").open = false;
    watcher.observe(chart);
  }
}

function redraw() {
  for (const chart of drawn) {
    if (chart.isConnected) draw(chart);
    else drawn.delete(chart);
  }
}

watch();
document.addEventListener("parts-swapped", watch);
document.addEventListener("theme-changed", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
