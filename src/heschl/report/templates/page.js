  // --- sounds ---

  class SoundTable {
    constructor(card) {
      this.id = card.dataset.table;
      this.table = byId(this.id);
      this.data = json(`${this.id}-data`);
      this.rows = [];
      for (const row of this.table.tBodies[0].rows) this.rows[Number(row.dataset.s)] = row;
      this.clips = null; // read when the first sound is played
      this.playable = Boolean(byId(`${this.id}-clips`));
      this.table.addEventListener("click", (event) => {
        const button = event.target.closest(".play");
        if (button) this.toggle(Number(button.closest("tr").dataset.s));
      });
      const select = document.querySelector(`[data-target="${this.id}"]`);
      if (select) {
        select.addEventListener("change", () => this.show(Number(select.value)));
        this.show(Number(select.value));
      }
      all(`[data-order="${this.id}"]`).forEach((button) => {
        button.addEventListener("click", () => {
          sortBy(this.table.querySelector('th[data-field="error"]'), button.dataset.direction);
          this.table.closest(".scroll").scrollTop = 0;
        });
      });
    }

    name(index) {
      return this.rows[index].querySelector("td[data-v]").textContent;
    }

    // Write the numbers of a target into the table, and keep its order.
    show(index) {
      const { digits, measured, predicted, detail } = this.data.targets[index];
      const { folds } = this.data.details[detail];
      const there = measured.concat(predicted).filter((value) => value !== null);
      const low = Math.min(...there);
      const range = Math.max(...there) - low || 1;
      const place = (value) => `${(100 * (value - low)) / range}%`;
      this.rows.forEach((row, i) => {
        const both = measured[i] !== null && predicted[i] !== null;
        const error = both ? Math.abs(predicted[i] - measured[i]) : null;
        this.write(row, "measured", measured[i], digits);
        this.write(row, "predicted", predicted[i], digits);
        this.write(row, "error", error, digits);
        row.querySelector('[data-field="fold"]').textContent = folds[i] || "–";
        const gap = row.querySelector(".gap");
        gap.replaceChildren(...(both ? [this.track(place(measured[i]), place(predicted[i]))] : []));
      });
      const sorted = this.table.querySelector("th[aria-sort]");
      if (sorted) sortBy(sorted, sorted.getAttribute("aria-sort"));
    }

    write(row, field, value, digits) {
      const cell = row.querySelector(`[data-field="${field}"]`);
      cell.textContent = value === null ? "–" : value.toFixed(digits).replace("-", "−");
      cell.dataset.v = value === null ? "" : String(value);
    }

    track(measured, predicted) {
      const track = document.createElement("span");
      const line = document.createElement("i");
      const from = document.createElement("b");
      const to = document.createElement("b");
      track.className = "track";
      line.style.left = `min(${measured}, ${predicted})`;
      line.style.right = `calc(100% - max(${measured}, ${predicted}))`;
      from.style.left = measured;
      to.style.left = predicted;
      track.append(line, from, to);
      return track;
    }

    toggle(index) {
      toggle(this.rows[index].querySelector(".play"), () => {
        this.clips ??= json(`${this.id}-clips`);
        const source = `data:audio/mpeg;base64,${this.clips[index]}`;
        return { source, name: this.name(index), points: this.pointsOf(index) };
      });
    }

    pointsOf(index) {
      return all(`figure[data-sounds="${this.id}"]`).flatMap((figure) => {
        const s = this.data.details[Number(figure.dataset.detail)].rows.indexOf(index);
        return all(`use[data-s="${s}"]`, figure);
      });
    }

    wire(figure) {
      const { rows } = this.data.details[Number(figure.dataset.detail)];
      nameOnHover(figure, (s) => this.name(rows[s]));
      if (this.playable) playOnClick(figure, (s) => this.toggle(rows[s]));
    }
  }

  const tables = new Map(all(".sounds").map((card) => [card.dataset.table, new SoundTable(card)]));
  all("figure[data-sounds]").forEach((figure) => tables.get(figure.dataset.sounds).wire(figure));
