  // --- all layers at one step ---

  const SVG = "http://www.w3.org/2000/svg";
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const RUN = 6000; // milliseconds from the first to the last step, about
  const LEAST = 0.05; // an axis of values spans at least so much: noise must not look like a change

  function svg(name, attributes = {}, ...children) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  const written = (value, digits = 3) => value.toFixed(digits).replace("-", "−");

  // Round numbers, about `count` of them, that cover a range.
  function roundNumbers(low, high, count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5].find((s) => s * power >= rough) ?? 10);
    const found = [];
    for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i += 1) found.push(i * step);
    return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  }

  class Profile {
    constructor() {
      this.views = json("profile-data").views;
      this.canvas = byId("profile-canvas");
      this.slider = byId("profile-step");
      this.button = byId("profile-play");
      this.timer = null;
      byId("profile-still").hidden = true;
      ["profile-tools", "profile-canvas", "profile-hint"].forEach((id) => { byId(id).hidden = false; });
      const choice = byId("profile-choice");
      choice?.addEventListener("change", () => this.choose(Number(choice.value)));
      this.slider.addEventListener("input", () => { this.stop(); this.draw(); });
      this.button.addEventListener("click", () => (this.timer ? this.stop() : this.play()));
      still.addEventListener("change", () => this.offer());
      this.offer();
      this.choose(Number(choice?.value ?? 0)); // a browser may have kept what was chosen before
      new ResizeObserver(() => {
        if (this.canvas.clientWidth !== this.width) this.draw();
      }).observe(this.canvas);
    }

    // Nothing moves by itself for those who asked for that; the slider does the same.
    offer() {
      this.button.hidden = still.matches;
      if (still.matches) this.stop();
    }

    choose(index) {
      this.stop();
      this.view = this.views[index];
      const { label, steps, values } = this.view;
      const known = values.flat().filter((value) => value !== null);
      this.low = Math.min(...known);
      this.high = Math.max(...known);
      const lack = Math.max(LEAST - (this.high - this.low), 0);
      const room = 0.08 * (this.high - this.low + lack) + lack / 2;
      this.low -= room;
      this.high += room;
      this.slider.max = String(steps.length - 1);
      this.slider.value = this.slider.max;
      const [first, last] = [steps[0], steps.at(-1)].map((step) => step.toLocaleString("en"));
      byId("profile-caption").textContent =
        `${label}. Dashed: step ${first}; faint: step ${last}. The axis is the same at all steps.`;
      this.draw();
    }

    play() {
      const last = Number(this.slider.max);
      if (Number(this.slider.value) === last) this.slider.value = "0";
      this.button.textContent = "Pause";
      this.timer = setInterval(() => {
        this.slider.value = String(Number(this.slider.value) + 1);
        this.draw();
        if (Number(this.slider.value) >= last) this.stop();
      }, Math.min(Math.max(RUN / last, 60), 500));
      this.draw();
    }

    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.button.textContent = "Play";
    }

    // Say which step is shown, and which layer is the best one there.
    tell(values) {
      const step = `Step ${this.view.steps[Number(this.slider.value)].toLocaleString("en")}`;
      const known = values.filter((value) => value !== null);
      const top = values.indexOf(Math.max(...known));
      const words = known.length
        ? `${step}: largest in layer ${this.view.layers[top]}, ${written(values[top])}`
        : `${step}: not measured`;
      byId("profile-now").textContent = words;
      this.slider.setAttribute("aria-valuetext", words);
      return words;
    }

    draw() {
      const { layers, depths, values } = this.view;
      const shown = values[Number(this.slider.value)];
      const words = this.tell(shown);
      this.width = this.canvas.clientWidth;
      if (this.width < 120) return; // not laid out yet: it is drawn when it has a size
      const named = this.width >= 560 && layers.length <= 14
        && layers.some((layer, i) => layer !== String(i));
      const height = Math.round(Math.min(Math.max(this.width * 0.42, 260), 380));
      const edge = { left: 52, right: 14, top: 22, bottom: named ? 74 : 44 };
      const x = (i) => edge.left + ((i + 0.5) * (this.width - edge.left - edge.right)) / layers.length;
      const y = (value) => edge.top
        + ((this.high - value) / (this.high - this.low)) * (height - edge.top - edge.bottom);
      const line = (row) => row
        .map((value, i) => (value === null ? "" : `${i && row[i - 1] !== null ? "L" : "M"}${x(i)} ${y(value)}`))
        .join("");
      const root = svg("svg", { viewBox: `0 0 ${this.width} ${height}`, width: this.width, height, role: "img" });
      root.setAttribute("aria-label", `${this.view.label}. ${words}.`);
      root.append(
        this.axes(x, y, height, edge, named),
        svg("path", { class: "first", d: line(values[0]) }),
        svg("path", { class: "last", d: line(values.at(-1)) }),
        svg("path", { class: "shown", d: line(shown) }),
      );
      shown.forEach((value, i) => {
        if (value === null) return;
        const title = svg("title");
        title.textContent = `${layers[i]}: ${written(value)}`;
        const place = { cx: x(i), cy: y(value), r: 5, "data-v": value };
        root.append(svg("circle", { ...place, style: `fill:var(--depth${depths[i]})` }, title));
      });
      this.canvas.replaceChildren(root);
    }

    axes(x, y, height, edge, named) {
      const { layers, symbol } = this.view;
      const group = svg("g", { "aria-hidden": "true" });
      const write = (text, attributes) => {
        const element = svg("text", attributes);
        element.textContent = text;
        group.append(element);
      };
      const { found, digits } = roundNumbers(this.low, this.high, 5);
      for (const value of found) {
        group.append(svg("line", { class: "rule", x1: edge.left, x2: this.width - edge.right, y1: y(value), y2: y(value) }));
        write(written(value, digits), { x: edge.left - 8, y: y(value) + 4, "text-anchor": "end" });
      }
      write(symbol, { x: 0, y: 12 });
      const bottom = height - edge.bottom + 18;
      const every = Math.ceil((layers.length * 24) / this.width);
      layers.forEach((layer, i) => {
        if (named) {
          const short = layer.length > 15 ? `${layer.slice(0, 7)}…${layer.slice(-7)}` : layer;
          write(short, { x: x(i) + 4, y: bottom - 4, "text-anchor": "end", transform: `rotate(-38 ${x(i) + 4} ${bottom - 4})` });
        } else if (i % every === 0) {
          write(String(i), { x: x(i), y: bottom, "text-anchor": "middle" });
        }
      });
      if (!named) write("layer, from 0", { x: x((layers.length - 1) / 2), y: height - 6, "text-anchor": "middle" });
      return group;
    }
  }

  if (byId("profile-data")) new Profile();
