// A line plot of the last seconds, in SVG: sharp at every size, its colours those of the style sheet.

import { element } from "./page.js";

const MOST_POINTS = 2000;
const FONT_PIXELS = 12;
const MARK_PIXELS = 4;
const MARKS_APART_PIXELS = 14;
const DRAW_MILLISECONDS = 200;
const DRAW_CALMLY_MILLISECONDS = 1000;

// Series differ in line and mark, not only in colour: for eyes that tell colours badly, and for print.
const LOOKS = [
  { dash: "", mark: (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z` },
  { dash: "7 4", mark: (x, y, r) => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z` },
  { dash: "2 4", mark: (x, y, r) => `M${x} ${y - r}l${r} ${2 * r}h${-2 * r}z` },
  { dash: "10 3 2 3", mark: (x, y, r) => `M${x} ${y - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z` },
];
const cross = (x, y, r) => `M${x - r} ${y - r}l${2 * r} ${2 * r}m${-2 * r} 0l${2 * r} ${-2 * r}`;

const SHEET = new CSSStyleSheet();
SHEET.replaceSync(`
  .plot { min-width: 0; }
  .plot svg.figure { display: block; width: 100%; height: clamp(13rem, 34vw, 19rem); overflow: visible; }
  .plot text { fill: var(--soft); font: ${FONT_PIXELS}px var(--sans); font-variant-numeric: tabular-nums; }
  .plot .grid { stroke: var(--line); shape-rendering: crispedges; }
  .plot .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: butt; }
  .plot .mark { stroke: var(--surface); stroke-width: 1; }
  .plot .missed { fill: none; stroke-width: 2; }
  .plot .legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin-bottom: .6rem; font-size: .86rem; }
  .plot .legend li { display: inline-flex; align-items: center; gap: .45rem; }
  .plot .legend svg { flex: none; width: 2.4rem; height: .9rem; }
`);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, SHEET];

/** "0.42 ms", "12 ms", "1.3 s": milliseconds as short as they can be read. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  if (milliseconds >= 999.5) return `${round(milliseconds / 1000)} s`;
  return `${round(milliseconds)} ms`;
}

// The tenth of a large number says nothing, the hundredth of a small one does.
const round = (value) => Number(value.toFixed(value < 1 ? 2 : value < 10 ? 1 : 0));

/**
 * Durations over time, one line for each series, drawn into an empty element.
 *
 * `series` is a list of `{ name, label, colour }`, the colour a variable of the style sheet. On a
 * logarithmic scale a microsecond and ten seconds stand side by side. Holds 2000 points of a series
 * at most, and none for much longer than it shows.
 */
export class Plot {
  constructor(place, { title, series, seconds = 60, isLogarithmic = false }) {
    Object.assign(this, { title, seconds, isLogarithmic });
    this.figure = svg("svg", { class: "figure", role: "img" });
    this.grid = this.figure.appendChild(svg("g"));
    this.series = series.map((one, number) => this.#prepare(one, LOOKS[number % LOOKS.length]));
    this.byName = new Map(this.series.map((one) => [one.name, one]));
    place.classList.add("plot");
    place.replaceChildren(this.#legend(), this.figure);
    this.#draw();
    new ResizeObserver(() => this.#draw()).observe(this.figure);
    this.#drawAgain();
    setInterval(() => this.#describe(), 5000);
  }

  /** Add a duration in milliseconds; `null` for one that never came, which leaves a gap and a cross. */
  add(name, milliseconds, at = performance.now()) {
    const { points } = this.byName.get(name);
    points.push({ at, value: Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : null });
    if (points.length > MOST_POINTS) points.shift();
  }

  /** The last, median and worst duration in sight, and how many never came. */
  statistics(name) {
    const seen = this.#inSight(this.byName.get(name)).map((point) => point.value);
    const values = seen.filter((value) => value !== null);
    const sorted = [...values].sort((a, b) => a - b);
    return {
      last: values.at(-1) ?? null,
      median: sorted[Math.floor(sorted.length / 2)] ?? null,
      worst: sorted.at(-1) ?? null,
      missed: seen.length - values.length,
    };
  }

  clear() {
    for (const one of this.series) one.points.length = 0;
    this.#draw();
    this.#describe();
  }

  #prepare({ name, label, colour }, look) {
    const paint = `var(${colour})`;
    const line = svg("path", { class: "line", "stroke-dasharray": look.dash }, { stroke: paint });
    const marks = svg("path", { class: "mark" }, { fill: paint });
    const missed = svg("path", { class: "missed" }, { stroke: paint });
    this.figure.append(line, marks, missed);
    return { name, label, paint, look, line, marks, missed, points: [] };
  }

  #legend() {
    const list = element("ul", "", "legend");
    for (const { label, paint, look } of this.series) {
      const sample = svg("svg", { viewBox: "0 0 38 14", "aria-hidden": "true" });
      sample.append(
        svg("path", { class: "line", d: "M1 7h36", "stroke-dasharray": look.dash }, { stroke: paint }),
        svg("path", { class: "mark", d: look.mark(19, 7, 5) }, { fill: paint }),
      );
      const item = list.appendChild(element("li", ""));
      item.append(sample, label);
    }
    return list;
  }

  // A page that is not looked at draws nothing; who wants less motion gets a picture a second.
  #drawAgain() {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    setTimeout(() => requestAnimationFrame(() => {
      this.#draw();
      this.#drawAgain();
    }), isCalm ? DRAW_CALMLY_MILLISECONDS : DRAW_MILLISECONDS);
  }

  #inSight({ points }, now = performance.now()) {
    return points.filter((point) => point.at >= now - this.seconds * 1000);
  }

  #draw() {
    const { width, height } = this.figure.getBoundingClientRect();
    if (!width) return;
    const now = performance.now();
    for (const { points } of this.series) {
      // One point that is out of sight stays, so that the line goes on to the edge.
      while (points.length > 1 && points[1].at < now - this.seconds * 1000) points.shift();
    }
    const values = this.series.flatMap((one) => this.#inSight(one, now)).map((point) => point.value);
    const ticks = this.#ticks(values.filter((value) => value !== null));
    const labels = ticks.map((tick) => duration(tick));
    const left = 10 + Math.max(...labels.map((label) => label.length)) * FONT_PIXELS * 0.56;
    const area = { left, right: width - 6, top: 12, bottom: height - 22, now };
    this.#scale(area, ticks);
    this.figure.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#drawGrid(area, ticks, labels);
    for (const one of this.series) this.#drawSeries(one, area);
    if (!this.figure.hasAttribute("aria-label")) this.#describe();
  }

  #ticks(values) {
    const most = Math.max(...values, this.isLogarithmic ? 10 : 1);
    if (this.isLogarithmic) {
      const least = Math.min(...values.filter((value) => value > 0), most / 10);
      const [low, high] = [Math.max(-2, Math.floor(Math.log10(least))), Math.ceil(Math.log10(most))];
      return Array.from({ length: high - low + 1 }, (_, place) => 10 ** (low + place));
    }
    const step = [1, 2, 5, 10].map((part) => part * 10 ** Math.floor(Math.log10(most / 3))).find((one) => most / one <= 5);
    return Array.from({ length: Math.ceil(most / step) + 1 }, (_, place) => place * step);
  }

  #scale(area, ticks) {
    const scaled = this.isLogarithmic ? (value) => Math.log10(Math.max(value, ticks[0])) : (value) => value;
    const [low, high] = [scaled(ticks[0]), scaled(ticks.at(-1))];
    area.x = (at) => fixed(area.right - ((area.now - at) / 1000 / this.seconds) * (area.right - area.left));
    area.y = (value) => fixed(area.bottom - ((scaled(value) - low) / (high - low)) * (area.bottom - area.top));
  }

  #drawGrid({ left, right, bottom, y }, ticks, labels) {
    const parts = ticks.flatMap((tick, place) => [
      svg("path", { class: "grid", d: `M${left} ${y(tick)}H${right}` }),
      text(labels[place], { x: left - 6, y: y(tick) + FONT_PIXELS / 3, "text-anchor": "end" }),
    ]);
    const count = (right - left > 420 ? [4, 3, 2] : [2]).find((one) => this.seconds % one === 0) ?? 1;
    for (let place = 0; place <= count; place += 1) {
      const x = left + ((right - left) * place) / count;
      const ago = Math.round(this.seconds * (1 - place / count));
      const anchor = place === 0 ? "start" : place === count ? "end" : "middle";
      parts.push(text(ago ? `${ago} s ago` : "now", { x, y: bottom + 17, "text-anchor": anchor }));
    }
    this.grid.replaceChildren(...parts);
  }

  #drawSeries({ points, line, marks, missed, look }, { left, top, x, y }) {
    let [path, signs, crosses, isOpen, lastSign] = ["", "", "", false, -Infinity];
    points.forEach(({ at, value }, place) => {
      const across = Math.max(x(at), left);
      if (value === null) {
        if (x(at) >= left) crosses += cross(across, top, MARK_PIXELS);
      } else {
        path += `${isOpen ? "L" : "M"}${across} ${y(value)}`;
        const isAlone = !isOpen && (points[place + 1]?.value ?? null) === null;
        if (x(at) >= left && (isAlone || across - lastSign >= MARKS_APART_PIXELS)) {
          signs += look.mark(across, y(value), MARK_PIXELS);
          lastSign = across;
        }
      }
      isOpen = value !== null;
    });
    line.setAttribute("d", path);
    marks.setAttribute("d", signs);
    missed.setAttribute("d", crosses);
  }

  // What the picture shows, in words, for those who cannot see it.
  #describe() {
    const parts = this.series.map(({ name, label }) => {
      const { last, median, worst, missed } = this.statistics(name);
      const lost = missed ? `, ${missed} missed` : "";
      return last === null && !missed ? `${label}: nothing yet` : `${label}: last ${duration(last)}, median ${duration(median)}, worst ${duration(worst)}${lost}`;
    });
    this.figure.setAttribute("aria-label", `${this.title}, the last ${this.seconds} seconds. ${parts.join(". ")}.`);
  }
}

const fixed = (value) => Math.round(value * 10) / 10;

function svg(tag, attributes = {}, style = {}) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== "") made.setAttribute(name, value);
  Object.assign(made.style, style);
  return made;
}

function text(content, attributes) {
  const made = svg("text", attributes);
  made.textContent = content;
  return made;
}
