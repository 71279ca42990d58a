  // --- the table of models: which rows and columns are shown ---

  all("[data-board]").forEach((tools) => {
    const table = byId(tools.dataset.board);
    const rows = Array.from(table.tBodies[0].rows);
    const [text, family, training, controls] = ["text", "family", "training", "controls"].map(
      (name) => tools.querySelector(`[data-${name}]`),
    );
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const chosen = (select, value) => !select || !select.value || select.value === value;

    function show() {
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const fits = words.every((word) => texts.get(row).includes(word))
          && chosen(family, row.dataset.family)
          && chosen(training, row.dataset.training)
          && (controls?.checked || !row.classList.contains("control"));
        row.hidden = !fits;
        shown += fits;
      }
      const total = rows.filter((row) => controls?.checked || !row.classList.contains("control"));
      tools.querySelector(".count").textContent =
        shown === total.length ? `${shown} models` : `${shown} of ${total.length} models`;
    }

    [text, family, training, controls].forEach((input) => input?.addEventListener("input", show));
    show(); // a browser may have kept what was typed before
  });

  all("[data-columns]").forEach((chooser) => {
    const table = byId(chooser.dataset.columns);
    const before = Array.from(table.tHead.rows[0].cells).findIndex((th) => th.dataset.numeric === "");
    chooser.addEventListener("input", (event) => {
      const place = before + Number(event.target.value);
      for (const row of table.rows) row.cells[place].hidden = !event.target.checked;
    });
  });
