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
