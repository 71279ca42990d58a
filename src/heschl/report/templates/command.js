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
