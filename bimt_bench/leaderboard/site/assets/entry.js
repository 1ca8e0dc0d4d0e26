// The page of an entry: pruned networks behind a slider, and the citation to copy.
(() => {
  "use strict";
  const slider = document.getElementById("share");
  if (slider) {
    const frames = JSON.parse(document.getElementById("frames").textContent);
    const told = document.getElementById("share-text");
    const figures = [...document.querySelectorAll("figure.network")].map((figure) => ({
      wires: figure.querySelectorAll(".wire"),
      live: figure.querySelectorAll(".live"),
      performance: figure.querySelector("[data-performance]"),
      words: figure.querySelector("[data-wires]"),
    }));
    const percent = (share) => `${Number((100 * share).toPrecision(3))} %`;

    const show = () => {
      const level = Number(slider.value);
      figures.forEach((figure, k) => {
        const frame = frames[k][level];
        figure.wires.forEach((path, n) => path.setAttribute("d", frame.wires[n]));
        figure.live.forEach((path, n) => path.setAttribute("d", frame.live[n]));
        figure.performance.textContent = frame.performance === null ? "undefined" : frame.performance.toPrecision(3);
        const hidden = frame.drawn < frame.flowing ? `; the ${frame.drawn.toLocaleString("en")} strongest are drawn` : "";
        figure.words.textContent =
          `${frame.flowing.toLocaleString("en")} of ${frame.kept.toLocaleString("en")} connections carry something${hidden}`;
      });
      told.textContent = percent(frames[0][level].share);
      slider.setAttribute("aria-valuetext", told.textContent);
    };
    document.getElementById("pruning").hidden = false;
    slider.addEventListener("input", show);
    show();
  }

  const button = document.getElementById("copy");
  const said = document.getElementById("copied");
  const citation = document.getElementById("bibtex");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(citation.textContent);
      said.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(citation);
      said.textContent = "Selected: copy it with the keyboard";
    }
  });
})();
