/* Draws a time line's rows (see gantt.js) on a canvas, in device pixels. Where slices are narrower than a pixel, a column of pixels
   shows the activities' shares of its time. */
const AXIS = 26, BETWEEN = 5, MORE = 16, UNITS = [[7200, 3600, "h"], [120, 60, "min"], [1, 1, "s"], [1e-3, 1e-3, "ms"], [0, 1e-6, "µs"]];
const unitOf = (seconds) => UNITS.find(([least]) => seconds >= least);
function lasting(seconds) {
  const [, size, unit] = unitOf(seconds);
  return `${Number((seconds / size).toPrecision(3)).toLocaleString("en-GB")}\u00a0${unit}`;
}
/* Format a moment with enough digits to distinguish it from another one `step` away. */
function moment(seconds, step, until) {
  const [, size, unit] = unitOf(until);
  const digits = Math.ceil(-Math.log10(step / size) - 1e-9);
  return `${(seconds / size).toFixed(Math.min(12, Math.max(0, digits)))}\u00a0${unit}`;
}

/* A column of pixels with slices that are too narrow for a column of their own, stacked by their shares of its time. The ends of
   wide slices count in a column that no wide slice covers. */
class Narrow {
  constructor(painter, y, high) {
    Object.assign(this, { painter, y, high, column: -1 });
    this.inner = new Float64Array(painter.tones.length);
    this.edges = new Float64Array(painter.tones.length);
  }

  /* Add a slice; `last` is the end of the wide slices so far. */
  add(a, from, to, last, inner) {
    for (let at = Math.floor(from); at < to; at++) {
      if (at !== this.column) this.flush();
      [this.column, this.covered] = [at, this.covered || at < last];
      (inner ? this.inner : this.edges)[a] += Math.min(to, at + 1) - Math.max(from, at);
    }
  }

  flush() {
    const { painter, inner, edges, y, high } = this;
    let bottom = y + high;
    for (let a = 0, some = inner.some(Boolean); some && a < inner.length; a++) {
      const part = Math.min(bottom - y, (inner[a] + (this.covered ? 0 : edges[a])) * high);
      if (part > 0) painter.fill(a, this.column, bottom -= part, 1, part);
    }
    inner.fill(0);
    edges.fill(0);
    this.covered = false;
  }
}

class Painter {
  constructor(canvas, activities) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.activities = activities;
  }

  /* Paint the visible rows of `gantt` from `from` to `to` (seconds), beside a margin for their names. */
  paint(gantt) {
    const { pen, canvas } = this, sharp = devicePixelRatio, style = getComputedStyle(canvas), box = canvas.getBoundingClientRect();
    const colour = (name) => style.getPropertyValue(`--${name}`);
    const between = (near, far) => Math.round(far * sharp) - Math.round(near * sharp);  // browsers snap a box to pixels in this way
    const [wide, high] = [between(box.left, box.right), between(box.top, box.bottom)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    this.left = Math.round(gantt.left * sharp);
    this.wide = wide - this.left;
    [this.from, this.to, this.sharp] = [gantt.from, gantt.to, sharp];
    this.scale = this.wide / (gantt.to - gantt.from);
    this.tones = this.activities.map(colour);
    this.ink = colour("ink");
    this.muted = colour("muted");
    this.fault = colour("fault");
    pen.clearRect(0, 0, wide, high);
    pen.font = `${11.5 * sharp}px ${style.fontFamily}`;
    pen.textBaseline = "middle";
    this.axis(colour("grid"), high);
    pen.save();
    pen.beginPath();
    pen.rect(0, AXIS * sharp, wide, high);
    pen.clip();
    const bottom = gantt.scrolled + box.height - AXIS, last = gantt.rows.at(-1), more = last !== undefined && last.y + last.height > bottom + 1;
    this.lowest = more ? high - MORE * sharp : high;  // above the note on further rows
    const inSight = gantt.rows.filter((row) => row.y + row.height > gantt.scrolled && row.y < bottom);
    for (const row of inSight) this.row(gantt, row, AXIS - gantt.scrolled + row.y);
    for (const mark of gantt.marks) this.band(gantt, mark, inSight);
    for (const seam of gantt.seams) this.seam(seam, high);
    pen.restore();
    for (const mark of gantt.marks) this.flag(mark);
    if (more) this.more(gantt.rows.filter((row) => !this.isNamed(AXIS - gantt.scrolled + row.y, row)).length, high);
  }

  /* Whether there is room for a row's name above the note on further rows; a row that scrolled out above has had it. */
  isNamed(top, row) {
    return (top + row.height / 2 + 6) * this.sharp <= this.lowest;
  }

  row(gantt, row, top) {
    const { sharp } = this;
    if (this.isNamed(top, row)) this.text(row.label, this.left - 10 * sharp, (top + row.height / 2) * sharp, row.label === row.name ? this.ink : this.muted);
    const pitch = (row.height - BETWEEN) / row.lanes.length;
    const thick = Math.max(1, Math.round((row.lanes.length > 1 && pitch > 4 ? pitch - 1 : pitch) * sharp));
    row.lanes.forEach((lane, k) => {
      const y = Math.round((top + BETWEEN / 2 + k * pitch) * sharp);
      this.bars(gantt, lane, y, thick);
      if (gantt.hovered?.lane === lane) this.frame(gantt, y, thick);
    });
  }

  text(name, right, y, ink) {
    const { pen } = this;
    let shown = name;
    for (let k = name.length - 5; k > 1 && pen.measureText(shown).width > right - 2; k--) shown = `${name.slice(0, k)}…${name.slice(-4)}`;
    pen.fillStyle = ink;
    pen.textAlign = "right";
    pen.fillText(shown, right, y);
  }

  bars(gantt, lane, y, high) {
    const { from, to, scale, wide } = this, narrow = new Narrow(this, y, high);
    let last = 0, kind = -1;
    for (let k = gantt.first(lane, from); k < lane.length && gantt.start[lane[k]] < to; k++) {
      const i = lane[k], a = gantt.activity[i];
      const x = Math.max(0, (gantt.start[i] - from) * scale), end = Math.min(wide, (gantt.end[i] - from) * scale);
      const near = Math.round(x), far = Math.round(end);
      if (far === near) {
        narrow.add(a, x, end, last, true);
        kind = -1;
        continue;
      }
      if (near > x) narrow.add(a, x, near, last, false);
      narrow.covered ||= near <= narrow.column && narrow.column < far;
      const apart = near === last && a === kind && far - near > 3 ? 1 : 0;  // keep adjacent slices of one kind apart
      this.fill(a, near + apart, y, far - near - apart, high);
      if (end > far) narrow.add(a, far, end, far, false);
      [last, kind] = [far, a];
    }
    narrow.flush();
  }

  /* Frame a fault's time on the rows that it concerns. */
  band(gantt, mark, inSight) {
    const { pen, sharp, left, wide } = this;
    const [x, end] = [mark.from, mark.to].map((at) => Math.max(-2 * sharp, Math.min(wide + 2 * sharp, (at - this.from) * this.scale)));
    if (mark.to < this.from || mark.from > this.to) return;
    pen.strokeStyle = this.fault;
    pen.lineWidth = 1.5 * sharp;
    for (const number of mark.rows) {
      const row = gantt.rows[number];
      if (!inSight.includes(row)) continue;
      const top = (AXIS - gantt.scrolled + row.y + 1) * sharp;
      pen.strokeRect(left + x, top, Math.max(2 * sharp, end - x), (row.height - 2) * sharp);
    }
  }

  /* Draw a dotted line where the run was continued. */
  seam(at, high) {
    if (at < this.from || at > this.to) return;
    const { pen, sharp } = this, x = this.left + Math.round((at - this.from) * this.scale);
    pen.strokeStyle = this.ink;
    pen.lineWidth = 1.5 * sharp;
    pen.setLineDash([2 * sharp, 3 * sharp]);
    pen.beginPath();
    pen.moveTo(x, AXIS * sharp);
    pen.lineTo(x, high);
    pen.stroke();
    pen.setLineDash([]);
  }

  /* Point at a fault's begin from the axis. */
  flag(mark) {
    if (mark.from < this.from || mark.from > this.to) return;
    const { pen, sharp } = this, x = this.left + (mark.from - this.from) * this.scale, size = 5 * sharp;
    pen.fillStyle = this.fault;
    pen.beginPath();
    pen.moveTo(x - size, 16 * sharp);
    pen.lineTo(x + size, 16 * sharp);
    pen.lineTo(x, AXIS * sharp);
    pen.fill();
  }

  fill(a, x, y, wide, high) {
    this.pen.fillStyle = this.tones[a];
    this.pen.fillRect(this.left + x, y, wide, high);
  }

  frame(gantt, y, high) {
    const { pen, sharp } = this;
    const [x, end] = [gantt.start, gantt.end].map((times) => (times[gantt.hovered.i] - this.from) * this.scale);
    const [near, far] = [Math.max(x, -sharp), Math.min(end, this.wide + sharp)];
    pen.strokeStyle = this.ink;
    pen.lineWidth = 1.5 * sharp;
    pen.strokeRect(this.left + near, y - sharp, Math.max(2 * sharp, far - near), high + 2 * sharp);
  }

  more(below, high) {
    this.text(`${below} more ↓`, this.left - 10 * this.sharp, high - MORE / 2 * this.sharp, this.muted);
  }

  axis(line, high) {
    const { pen, sharp, left, wide, from, to } = this, [, size] = unitOf(to);
    const least = (to - from) / size / Math.max(2, wide / sharp / 110), power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((some) => some * power).find((some) => some >= least) * size;
    pen.textAlign = "center";
    for (let k = Math.ceil(from / step); k * step <= to; k++) {
      const x = left + Math.round((k * step - from) * this.scale), text = moment(k * step, step, to);
      pen.fillStyle = line;
      pen.fillRect(x, 20 * sharp, Math.max(1, Math.round(sharp)), high);
      pen.fillStyle = this.muted;
      const half = pen.measureText(text).width / 2;
      pen.fillText(text, Math.max(half, Math.min(x, left + wide - half - 2)), 10 * sharp);
    }
  }
}
