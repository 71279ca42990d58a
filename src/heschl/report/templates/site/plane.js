  // --- models in the plane of two measures ---

  const SVG = "http://www.w3.org/2000/svg";

  function svg(name, attributes = {}, ...children) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  const shapes = {
    circle: (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
    square: (r) => `M${-0.9 * r} ${-0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z`,
    triangle: (r) => `M0 ${-1.15 * r}L${1.1 * r} ${0.85 * r}L${-1.1 * r} ${0.85 * r}z`,
    diamond: (r) => `M0 ${-1.25 * r}L${1.25 * r} 0L0 ${1.25 * r}L${-1.25 * r} 0z`,
  };

  // Round numbers, about `count` of them, that cover a range.
  function ticks(low, high, count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5].find((s) => s * power >= rough) ?? 10);
    const found = [];
    for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i += 1) found.push(i * step);
    return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  }

  const written = (value, digits) => value.toFixed(digits).replace("-", "−");

  class Plane {
    constructor(figure) {
      this.canvas = byId("plane-canvas");
      this.figure = figure;
      this.data = json("plane-data");
      this.selects = [byId("plane-task"), byId("plane-brain")];
      this.selects.forEach((select) => select.addEventListener("change", () => this.choose()));
      byId("plane-hint").hidden = false;
      this.width = 0;
      new ResizeObserver(() => {
        if (this.canvas.clientWidth !== this.width) this.draw();
      }).observe(this.canvas);
      this.choose();
    }

    choose() {
      const [i, j] = this.selects.map((select) => Number(select.value));
      this.task = this.data.tasks[i];
      this.brain = this.data.brains[j];
      this.pair = this.data.pairs[`${i},${j}`];
      byId("plane-words").textContent = this.pair.words;
      this.offer(this.data.files[`${i},${j}`]);
      this.tabulate();
      this.draw();
    }

    // Files there are of the first task score only.
    offer(files) {
      const place = byId("plane-files");
      place.hidden = !files;
      if (files) all("a", place).forEach((link) => { link.href = files[Number(link.dataset.kind)]; });
    }

    tabulate() {
      const table = byId("plane-table");
      const measures = [this.task, this.brain];
      all("[data-head]", table).forEach((head, k) => { head.textContent = measures[k].label; });
      for (const row of table.tBodies[0].rows) {
        measures.forEach((measure, k) => {
          const value = measure.values[Number(row.dataset.model)];
          const cell = row.cells[k + 1];
          cell.textContent = value === null ? "–" : written(value, 3);
          cell.dataset.v = value === null ? "" : String(value);
        });
      }
      all("th", table).forEach((head) => head.removeAttribute("aria-sort"));
    }

    draw() {
      this.width = this.canvas.clientWidth;
      if (this.width < 120) return; // not laid out yet, or put away: it is drawn when it has a size
      const { task, brain, width } = this;
      const models = this.data.models
        .map((model, i) => ({ ...model, x: task.values[i], y: brain.values[i], i }))
        .filter(({ x, y, control }) => x !== null && y !== null && !control);
      const narrow = width < 560;
      const height = Math.round(Math.min(Math.max(width * 0.62, 320), 560));
      const edge = { left: narrow ? 54 : 60, right: 14, top: 14, bottom: 46 };
      const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group" });
      root.setAttribute("aria-label", `${brain.label} against ${task.label}, ${models.length} models`);
      this.canvas.replaceChildren(root);
      if (!models.length) {
        const words = svg("text", { x: width / 2, y: height / 2, class: "empty" });
        words.textContent = "No model has both numbers.";
        root.append(words);
        return;
      }
      const at = this.scales(models, width, height, edge);
      root.append(this.axes(at, width, height, edge, narrow));
      const line = this.line(at);
      if (line) root.append(line);
      const labels = svg("g", { class: "labels", "aria-hidden": "true" });
      root.append(labels);
      const points = models.map((model) => this.point(model, at));
      root.append(...points);
      this.label(models, at, labels, { width, height, edge, narrow });
      this.tip = document.createElement("p");
      this.tip.className = "tip";
      this.tip.hidden = true;
      this.canvas.append(this.tip);
    }

    // From numbers to pixels, with a margin on each side of the points.
    scales(models, width, height, edge) {
      const range = (values) => {
        const low = Math.min(...values);
        const high = Math.max(...values);
        const margin = (high - low || Math.abs(high) || 1) * 0.07;
        return [low - margin, high + margin];
      };
      const [x0, x1] = range(models.map(({ x }) => x));
      const [y0, y1] = range(models.map(({ y }) => y));
      return {
        x: (v) => edge.left + ((v - x0) / (x1 - x0)) * (width - edge.left - edge.right),
        y: (v) => height - edge.bottom - ((v - y0) / (y1 - y0)) * (height - edge.top - edge.bottom),
        ends: [x0, x1, y0, y1],
      };
    }

    axes(at, width, height, edge, narrow) {
      const group = svg("g", { class: "axes", "aria-hidden": "true" });
      const [x0, x1, y0, y1] = at.ends;
      const text = (x, y, words, extra) => {
        const element = svg("text", { x, y, ...extra });
        element.textContent = words;
        return element;
      };
      const across = ticks(x0, x1, narrow ? 4 : 8);
      for (const value of across.found) {
        const x = at.x(value);
        group.append(svg("line", { x1: x, x2: x, y1: edge.top, y2: height - edge.bottom }));
        const words = written(value, across.digits);
        group.append(text(x, height - edge.bottom + 17, words, { "text-anchor": "middle" }));
      }
      const up = ticks(y0, y1, narrow ? 5 : 7);
      for (const value of up.found) {
        const y = at.y(value);
        group.append(svg("line", { x1: edge.left, x2: width - edge.right, y1: y, y2: y }));
        const words = written(value, up.digits);
        group.append(text(edge.left - 7, y + 4, words, { "text-anchor": "end" }));
      }
      const middle = (edge.left + width - edge.right) / 2;
      const title = { "text-anchor": "middle", class: "title" };
      group.append(text(middle, height - 8, this.task.label, title));
      const center = (edge.top + height - edge.bottom) / 2;
      const turned = { ...title, transform: `rotate(-90 12 ${center})` };
      group.append(text(12, center, this.brain.label, turned));
      return group;
    }

    // The line of least squares and its band.
    line(at) {
      if (!this.pair.line.length) return null;
      const [slope, height, center, spread, reach, start, end] = this.pair.line;
      const steps = Array.from({ length: 41 }, (_, i) => start + ((end - start) * i) / 40);
      const line = (x) => height + slope * (x - center);
      const band = (x) => reach * Math.sqrt(1 / this.pair.n + (x - center) ** 2 / spread);
      const path = (points) => `M${points.map(([x, y]) => `${at.x(x).toFixed(2)} ${at.y(y).toFixed(2)}`).join("L")}`;
      const above = steps.map((x) => [x, line(x) + band(x)]);
      const below = steps.map((x) => [x, line(x) - band(x)]).reverse();
      const [left, right] = [at.x(at.ends[0]), at.x(at.ends[1])];
      const [bottom, top] = [at.y(at.ends[2]), at.y(at.ends[3])];
      const frame = svg("rect", { x: left, y: top, width: right - left, height: bottom - top });
      return svg(
        "g",
        { class: "fit", "aria-hidden": "true" },
        svg("clipPath", { id: "plane-clip" }, frame),
        svg("path", { d: `${path([...above, ...below])}z`, class: "band", "clip-path": "url(#plane-clip)" }),
        svg("path", { d: path([[start, line(start)], [end, line(end)]]), class: "line", "clip-path": "url(#plane-clip)" }),
      );
    }

    point(model, at) {
      const look = this.data.looks[model.look];
      const link = svg("a", { href: model.href, class: "point", "data-model": model.i });
      link.setAttribute("transform", `translate(${at.x(model.x).toFixed(2)} ${at.y(model.y).toFixed(2)})`);
      const said = `${model.name}: ${this.task.label} ${written(model.x, 2)}, ${this.brain.label} ${written(model.y, 3)}`;
      link.setAttribute("aria-label", said);
      link.append(
        svg("circle", { r: 13, class: "reach" }), // easy to hit
        svg("path", { d: shapes[look.shape](6.2), fill: `var(--${look.color})` }),
      );
      const show = () => this.tell(model, link);
      link.addEventListener("pointerenter", show);
      link.addEventListener("focus", show);
      link.addEventListener("pointerleave", () => this.hush());
      link.addEventListener("blur", () => this.hush());
      // A finger cannot hover: its first touch names the model, the second opens its page.
      link.addEventListener("pointerdown", (event) => {
        this.touched = event.pointerType === "touch" && this.told !== model.i ? link : null;
      });
      link.addEventListener("click", (event) => {
        if (this.touched !== link) return;
        event.preventDefault();
        this.touched = null;
        this.tell(model, link);
        this.told = model.i;
      });
      return link;
    }

    tell(model, link) {
      const line = (words, name) => {
        const element = document.createElement("span");
        element.textContent = words;
        if (name) element.className = name;
        return element;
      };
      const number = (measure, digits) => {
        const [value, low, high] = [measure.values, measure.low, measure.high].map((v) => v[model.i]);
        const ends = low === null || high === null ? "" : ` (${written(low, digits)} to ${written(high, digits)})`;
        return `${measure.label}: ${written(value, digits)}${ends}`;
      };
      const kin = [model.family, model.training].filter(Boolean).join(", ");
      this.tip.replaceChildren(
        line(model.name, "tip-name"), line(kin), line(number(this.task, 2)), line(number(this.brain, 3)),
      );
      this.tip.hidden = false;
      const [, x, y] = /translate\(([\d.]+) ([\d.]+)\)/.exec(link.getAttribute("transform")).map(Number);
      const box = this.tip.getBoundingClientRect();
      const left = Math.min(Math.max(x - box.width / 2, 4), this.width - box.width - 4);
      this.tip.style.left = `${left}px`;
      this.tip.style.top = `${y - box.height - 14 < 0 ? y + 16 : y - box.height - 14}px`;
      const family = this.data.models[model.i].family;
      this.canvas.classList.toggle("dim", Boolean(family));
      for (const other of all(".point", this.canvas)) {
        const mine = this.data.models[Number(other.dataset.model)];
        other.classList.toggle("kin", Boolean(family) && mine.family === family);
        other.classList.toggle("told", other === link);
      }
    }

    hush() {
      this.tip.hidden = true;
      this.told = null;
      this.canvas.classList.remove("dim");
    }

    // Write the names of as many models as there is room for, without covering a point or a name.
    label(models, at, group, { width, height, edge, narrow }) {
      const taken = models.map(({ x, y }) => {
        const [px, py] = [at.x(x), at.y(y)];
        return [px - 7, py - 7, px + 7, py + 7];
      });
      const free = (box) => box[0] >= edge.left && box[2] <= width - 2 && box[1] >= 2
        && box[3] <= height - edge.bottom
        && taken.every((b) => box[2] <= b[0] || box[0] >= b[2] || box[3] <= b[1] || box[1] >= b[3]);
      // The extremes are of most interest.
      const middle = [0, 1].map((k) => models.reduce((sum, m) => sum + (k ? at.y(m.y) : at.x(m.x)), 0) / models.length);
      const far = (m) => Math.hypot(at.x(m.x) - middle[0], at.y(m.y) - middle[1]);
      const order = [...models].sort((a, b) => far(b) - far(a));
      for (const model of order) {
        const words = model.name.length > 26 ? `${model.name.slice(0, 24)}…` : model.name;
        const text = svg("text", { class: "name" });
        text.textContent = words;
        group.append(text);
        const [w, h] = [text.getComputedTextLength(), narrow ? 12 : 13];
        const [px, py] = [at.x(model.x), at.y(model.y)];
        const places = [
          [px + 9, py - h / 2], [px - 9 - w, py - h / 2], [px - w / 2, py - 9 - h], [px - w / 2, py + 9],
          [px + 6, py - 6 - h], [px - 6 - w, py - 6 - h], [px + 6, py + 6], [px - 6 - w, py + 6],
        ];
        const place = places.find(([left, top]) => free([left, top, left + w, top + h]));
        if (!place) {
          text.remove();
          continue;
        }
        taken.push([place[0], place[1], place[0] + w, place[1] + h]);
        text.setAttribute("x", place[0].toFixed(1));
        text.setAttribute("y", (place[1] + h - 3).toFixed(1));
      }
    }
  }

  const figure = byId("plane");
  if (figure) new Plane(figure);
