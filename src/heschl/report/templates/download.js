  // --- the file with all values ---

  const download = byId("csv");
  if ("DecompressionStream" in window) {
    download.hidden = false;
    download.addEventListener("click", async () => {
      const packed = Uint8Array.from(atob(byId("csv-data").textContent), (c) => c.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
      const file = new Blob([await new Response(stream).arrayBuffer()], { type: "text/csv" });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = download.dataset.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }
