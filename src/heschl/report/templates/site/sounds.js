  // --- the sounds of a model's page ---

  all(".play[data-src]").forEach((button) => {
    button.addEventListener("click", () => {
      const name = button.getAttribute("aria-label").replace(/^Play /, "");
      toggle(button, () => ({ source: button.dataset.src, name, points: [] }));
    });
  });

  // Points of predicted against measured responses: each is a sound.
  all("figure[data-sounds]").forEach((figure) => {
    const holder = byId(figure.dataset.sounds);
    const { details, sources } = JSON.parse(holder.textContent);
    const names = details[Number(figure.dataset.detail)];
    nameOnHover(figure, (s) => names[s]);
    if (!sources) return;
    const buttons = names.map(() => document.createElement("button")); // who plays, never seen
    playOnClick(figure, (s) => {
      toggle(buttons[s], () => ({
        source: holder.dataset.root + sources[names[s]],
        name: names[s],
        points: all(`use[data-s="${s}"]`, figure),
      }));
    });
  });
