"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);
  const json = (id) => JSON.parse(byId(id).textContent);
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // --- tables: sort and filter ---

  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v ?? cell.textContent;
  };

  function sortBy(header, direction) {
    const table = header.closest("table");
    const body = table.tBodies[0];
    const column = header.cellIndex;
    const numeric = header.hasAttribute("data-numeric");
    const sign = direction === "ascending" ? 1 : -1;
    const rows = Array.from(body.rows).map((row) => {
      const text = key(row, column);
      const value = numeric ? Number.parseFloat(text) : text;
      return { row, value, missing: text === "" || (numeric && Number.isNaN(value)) };
    });
    rows.sort((a, b) => {
      if (a.missing || b.missing) return a.missing - b.missing; // what is missing comes last
      return sign * (numeric ? a.value - b.value : collator.compare(a.value, b.value));
    });
    body.append(...rows.map(({ row }) => row));
    all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", direction);
    showOrder(table, header, direction);
  }

  function showOrder(table, header, direction) {
    all(`[data-order="${table.id}"]`).forEach((button) => {
      const on = header.dataset.field === "error" && button.dataset.direction === direction;
      button.setAttribute("aria-pressed", String(on));
    });
  }

  all("table.sortable th button").forEach((button) => {
    button.addEventListener("click", () => {
      const header = button.closest("th");
      const first = header.hasAttribute("data-numeric") ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      sortBy(header, header.getAttribute("aria-sort") === first ? other : first);
    });
  });

  all("[data-filter]").forEach((input) => {
    const table = byId(input.dataset.filter);
    const count = document.querySelector(`[data-count="${table.id}"]`);
    const rows = Array.from(table.tBodies[0].rows);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = Array.from(row.cells, (cell) => cell.textContent).join(" ").toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : `${rows.length} rows`;
    });
  });

  // --- the file with all scores ---

  const download = byId("csv");
  if ("DecompressionStream" in window) {
    download.hidden = false;
    download.addEventListener("click", async () => {
      const packed = Uint8Array.from(atob(byId("csv-data").textContent), (c) => c.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
      const file = new Blob([await new Response(stream).arrayBuffer()], { type: "text/csv" });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = "scores.csv";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }

  // --- sounds ---

  const now = byId("now");
  let playing = null; // { audio, button, points }

  function stop() {
    if (!playing) return;
    const { audio, button, points } = playing;
    playing = null;
    audio.pause();
    audio.remove();
    button.setAttribute("aria-pressed", "false");
    button.style.removeProperty("--done");
    points.forEach((point) => point.classList.remove("playing"));
    now.textContent = "";
  }

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
      const button = this.rows[index].querySelector(".play");
      const again = playing && playing.button === button;
      stop();
      if (!again) this.play(index, button);
    }

    async play(index, button) {
      this.clips ??= json(`${this.id}-clips`);
      const audio = new Audio(`data:audio/mpeg;base64,${this.clips[index]}`);
      button.parentElement.append(audio);
      const mine = { audio, button, points: this.pointsOf(index) };
      playing = mine;
      button.setAttribute("aria-pressed", "true");
      mine.points.forEach((point) => point.classList.add("playing"));
      now.textContent = `Playing ${this.name(index)}`;
      audio.addEventListener("timeupdate", () => {
        button.style.setProperty("--done", String(audio.currentTime / audio.duration || 0));
      });
      audio.addEventListener("ended", () => playing === mine && stop());
      try {
        await audio.play();
      } catch (error) {
        if (playing !== mine) return; // stopped before it began
        stop();
        button.classList.add("failed");
        button.title = `This browser cannot play it: ${error.message}`;
        now.textContent = button.title;
      }
    }

    pointsOf(index) {
      return all(`figure[data-sounds="${this.id}"]`).flatMap((figure) => {
        const s = this.data.details[Number(figure.dataset.detail)].rows.indexOf(index);
        return all(`use[data-s="${s}"]`, figure);
      });
    }

    // Let the points of a figure name themselves and, where there are sounds, be heard.
    wire(figure) {
      const { rows } = this.data.details[Number(figure.dataset.detail)];
      const find = (event) => {
        const point = event.target.closest("use[data-s]");
        return point && { point, index: rows[Number(point.dataset.s)] };
      };
      figure.addEventListener("pointerover", (event) => {
        const found = find(event);
        if (!found || found.point.firstChild) return;
        const title = document.createElementNS(found.point.namespaceURI, "title");
        title.textContent = this.name(found.index);
        found.point.append(title);
      });
      if (!this.playable) return;
      figure.classList.add("playable");
      figure.querySelector(".hint").hidden = false;
      figure.addEventListener("click", (event) => {
        const found = find(event);
        if (found) this.toggle(found.index);
      });
    }
  }

  const tables = new Map(all(".sounds").map((card) => [card.dataset.table, new SoundTable(card)]));
  all("figure[data-sounds]").forEach((figure) => tables.get(figure.dataset.sounds).wire(figure));

  // --- the command ---

  const copy = byId("copy");
  if (copy) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const command = byId("command");
      let said = "Copied";
      try {
        await navigator.clipboard.writeText(command.textContent);
      } catch {
        // Not every browser lets a file on disk write to the clipboard.
        getSelection().selectAllChildren(command);
        said = "Selected: press Ctrl+C";
      }
      copy.textContent = said;
      byId("copied").textContent = said;
      setTimeout(() => { copy.textContent = "Copy"; }, 2500);
    });
  }
})();
