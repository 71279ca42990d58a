  // --- one sound at a time ---

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

  // Play the sound of a button, or stop it; `find` gives its source, its name and its points.
  function toggle(button, find) {
    const again = playing && playing.button === button;
    stop();
    if (!again) play(button, find());
  }

  async function play(button, { source, name, points }) {
    const audio = new Audio(source);
    (button.parentElement ?? document.body).append(audio);
    const mine = { audio, button, points };
    playing = mine;
    button.setAttribute("aria-pressed", "true");
    mine.points.forEach((point) => point.classList.add("playing"));
    now.textContent = `Playing ${name}`;
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

  // Let the points of a figure be named when they are pointed at.
  function nameOnHover(figure, nameOf) {
    figure.addEventListener("pointerover", (event) => {
      const point = event.target.closest("use[data-s]");
      if (!point || point.firstChild) return;
      const title = document.createElementNS(point.namespaceURI, "title");
      title.textContent = nameOf(Number(point.dataset.s));
      point.append(title);
    });
  }

  // Let the points of a figure be heard.
  function playOnClick(figure, playPoint) {
    figure.classList.add("playable");
    figure.querySelector(".hint").hidden = false;
    figure.addEventListener("click", (event) => {
      const point = event.target.closest("use[data-s]");
      if (point) playPoint(Number(point.dataset.s));
    });
  }
