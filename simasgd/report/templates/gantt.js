/* Time lines. Zoom and pan change `from` and `to` (seconds) and repaint. Rows scroll natively, because the canvas sticks to the top
   of a box that is as high as all rows. */
const LANE = 7, MOST_LANES = 56, APART = 10, LEAST_TICKS = 8;
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

class Gantt {
  constructor(figure, content, columns) {
    this.figure = figure;
    this.pane = figure.querySelector(".pane");
    this.canvas = figure.querySelector("canvas");
    this.readout = figure.querySelector("output");
    this.whole = figure.querySelector(".lanes");
    this.box = figure.querySelector(".window");
    this.painter = new Painter(this.canvas, content.activities);
    this.activities = content.activities;
    this.until = content.until;
    this.length = content.length;
    this.rounds = content.rounds;
    this.marks = content.marks.map(([from, to, what, rows]) => ({ from, to, what, rows }));
    this.seams = content.seams;
    this.tick = content.tick;
    this.pointers = new Map();
    this.hovered = null;
    this.unpack(content, columns);
    this.show(0, this.until);
    this.say();
    figure.classList.add("on");
    this.box.hidden = false;
    this.listen();
  }

  unpack({ tracks, tick }, columns) {
    const count = tracks.reduce((sum, [, , rows]) => sum + rows, 0);
    const [gaps, lengths, learners] = [0, 1, 2].map((i) => new Int32Array(columns, 4 * i * count, count));
    this.learners = learners;
    this.activity = new Uint8Array(columns, 12 * count, count);
    [this.start, this.end] = [new Float64Array(count), new Float64Array(count)];
    this.rows = [];
    const single = Math.max(13, Math.min(18, Math.floor((parseFloat(getComputedStyle(this.pane).maxHeight) - AXIS) / (tracks.length + 2))));
    let next = 0, y = 0, before = null, owner = "";
    for (const [name, group, many] of tracks) {
      let ticks = 0;
      const first = next;
      for (; next < first + many; next++) {
        this.start[next] = (ticks += gaps[next]) * tick;
        this.end[next] = (ticks += lengths[next]) * tick;
      }
      const lanes = this.lanes(first, next);
      const height = lanes.length > 1 ? Math.min(LANE * lanes.length, MOST_LANES) + BETWEEN : single;
      if (before !== null && group !== before) y += APART;
      before = group;
      const own = name.startsWith(`${owner} `) && group === "learners";
      if (!own) owner = name;
      this.rows.push({ name, label: own ? name.slice(owner.length + 1) : name, group, y, height, lanes });
      y += height;
    }
    this.pane.style.setProperty("--rows", `${AXIS + y + 4}px`);
  }

  /* Put each slice into the first free lane, so that the slices of a lane do not overlap. */
  lanes(first, last) {
    const lanes = [], ends = [];
    for (let i = first; i < last; i++) {
      let free = ends.findIndex((end) => end <= this.start[i]);
      if (free < 0) free = lanes.push([]) - 1;
      lanes[free].push(i);
      ends[free] = this.end[i];
    }
    return lanes;
  }

  listen() {
    const { pane, canvas, whole } = this;
    for (const kind of ["pointerdown", "pointermove"]) whole.addEventListener(kind, (event) => { if (event.buttons) this.visit(event); });
    new ResizeObserver(() => this.schedule()).observe(pane);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.schedule());
    pane.addEventListener("scroll", () => this.schedule());
    pane.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    pane.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && this.act(event.key)) event.preventDefault();
    });
    this.figure.querySelector(".tools").addEventListener("click", (event) => this.act(event.target.closest("button")?.value));
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, [event.offsetX, event.clientY]);
      this.hover(event);
    });
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const over of ["pointerup", "pointercancel"]) canvas.addEventListener(over, (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") this.point(null); });
  }

  act(key) {
    const middle = (this.from + this.to) / 2, step = (this.to - this.from) / 8;
    switch (key) {
      case "+": case "=": this.zoom(middle, 0.5); break;
      case "-": case "_": this.zoom(middle, 2); break;
      case "ArrowLeft": this.show(this.from - step, this.to - step); break;
      case "ArrowRight": this.show(this.from + step, this.to + step); break;
      case "0": this.show(0, this.until); break;
      case "rounds": this.show(...this.rounds); break;
      default: return false;
    }
    this.say();
    return true;
  }

  /* The wheel scrolls the page, unless the time line has the focus or Ctrl is held (a pinch on a touchpad counts as Ctrl). */
  wheel(event) {
    const pixels = event.deltaMode === 0 ? 1 : 16, sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (event.ctrlKey || (document.activeElement === this.pane && !sideways && !event.shiftKey)) {
      this.zoom(this.time(event.offsetX), Math.exp(event.deltaY * pixels * (event.ctrlKey ? 0.01 : 0.002)));
    } else if (sideways || event.shiftKey) {
      this.pan((event.deltaX || event.deltaY) * pixels);
    } else return;
    event.preventDefault();
    this.say();
  }

  move(event) {
    const before = this.pointers.get(event.pointerId), now = [event.offsetX, event.clientY];
    if (before === undefined) { this.hover(event); return; }
    this.pointers.set(event.pointerId, now);
    if (this.pointers.size === 1) {
      this.pan(before[0] - now[0]);
      if (event.pointerType === "mouse") this.pane.scrollTop += before[1] - now[1];
    } else {
      const [other] = [...this.pointers.keys()].filter((id) => id !== event.pointerId).map((id) => this.pointers.get(id)[0]);
      const [was, is] = [before, now].map(([x]) => Math.max(10, Math.abs(x - other)));
      this.zoom(this.time(other), was / is);
    }
    this.say();
  }

  get width() { return this.pane.clientWidth; }
  get left() { return this.width < 560 ? 94 : 132; }
  get scrolled() { return this.pane.scrollTop; }
  time(x) { return this.from + (x - this.left) / (this.width - this.left) * (this.to - this.from); }
  /* Show the time under the pointer in the overview, in the middle of a window of the same width. */
  visit(event) {
    const { left, width } = this.whole.getBoundingClientRect(), at = (event.clientX - left) / width * this.length;
    const half = (this.to - this.from) / 2;
    this.show(at - half, at + half);
    this.say();
  }
  pan(pixels) {
    const seconds = pixels / (this.width - this.left) * (this.to - this.from);
    this.show(this.from + seconds, this.to + seconds);
  }
  zoom(about, factor) {
    const wide = Math.min(this.until, Math.max(LEAST_TICKS * this.tick, (this.to - this.from) * factor));
    const ratio = (about - this.from) / (this.to - this.from);
    this.show(about - ratio * wide, about + (1 - ratio) * wide);
  }
  show(from, to) {
    const wide = Math.min(this.until, to - from);
    this.from = Math.min(Math.max(0, from), this.until - wide);
    this.to = this.from + wide;
    this.hovered = null;  // something else may be under the pointer now
    this.box.style.left = `${100 * this.from / this.length}%`;
    this.box.style.width = `${100 * wide / this.length}%`;
    this.schedule();
  }
  schedule() {
    this.due ??= requestAnimationFrame(() => {
      this.due = undefined;
      if (this.width === 0) return;  // on paper, where the still image takes its place
      this.painter.paint(this);
      [this.figure.dataset.from, this.figure.dataset.to] = [this.from, this.to];
    });
  }

  hover(event) {
    const y = event.offsetY - AXIS + this.scrolled, at = this.time(event.offsetX);
    const row = event.offsetX < this.left || event.offsetY < AXIS ? undefined : this.rows.find((one) => y >= one.y && y < one.y + one.height);
    if (row === undefined) { this.point(null); return; }
    const inside = Math.max(0, Math.min(0.999, (y - row.y - BETWEEN / 2) / (row.height - BETWEEN)));
    const lane = row.lanes[Math.floor(inside * row.lanes.length)], i = lane[this.first(lane, at)];
    this.point(i === undefined || this.start[i] > at ? null : { i, lane, row });
  }

  /* Find the first slice of a lane that ends after a time. */
  first(lane, at) {
    let low = 0, high = lane.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.end[lane[middle]] > at) high = middle; else low = middle + 1;
    }
    return low;
  }

  point(found) {
    if (this.hovered?.i === found?.i) return;
    this.hovered = found;
    this.schedule();
    this.say();
  }

  /* Describe the slice under the pointer, or else the visible window. */
  say() {
    if (this.hovered === null) {
      const [from, to] = [this.from, this.to].map((at) => moment(at, (this.to - this.from) / 100, this.to));
      this.readout.textContent = `${from} to ${to}, of ${lasting(this.length)}`;
      return;
    }
    const { i, row } = this.hovered, length = this.end[i] - this.start[i], whose = this.learners[i];
    const [from, to] = [this.start[i], this.end[i]].map((at) => moment(at, Math.max(length / 10, this.tick), this.to));
    const concerning = row.group !== "learners" && whose >= 0 ? ` for learner ${whose}` : "";
    const number = this.rows.indexOf(row), middle = (this.start[i] + this.end[i]) / 2;
    const faults = this.marks.filter((mark) => mark.rows.includes(number) && mark.from <= middle && middle <= mark.to);
    const said = faults.map((mark) => `, ${mark.what}`).join("");
    this.readout.textContent = `${row.name}: ${this.activities[this.activity[i]]}${concerning}, ${lasting(length)} (${from} to ${to})${said}`;
  }
}

for (const figure of typeof DecompressionStream === "undefined" ? [] : document.querySelectorAll("figure.gantt")) {
  const content = JSON.parse(figure.querySelector("script").textContent);
  unpacked(content.columns).then((columns) => new Gantt(figure, content, columns));
}
