// The trade-off of a task: means with intervals, single seeds faint; a click leads to the entry.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("tradeoff-data").textContent);
  const place = document.getElementById("tradeoff");
  const onLight = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b87a00", "#3a9bd9", "#8a6d3b", "#7a5195",
    "#8f1d2c", "#556b2f", "#20308f", "#00929f"];
  const onDark = ["#5ab4f0", "#f0894d", "#3fcf9f", "#e79bc4", "#f2c14e", "#a8dcfa", "#c7a66f", "#b89be0",
    "#ff8a8f", "#b5c97a", "#93a2ff", "#4fd9e6"];
  // 12 colours and 7 symbols, both of which change from one entry to the next: 84 differ.
  const symbols = ["circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon"];
  const seeds = document.getElementById("show-seeds");
  const controls = document.getElementById("show-controls");
  // Titles are text: plotly would read tags in them.
  const text = (value) => String(value).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function errors(points, axis) {
    const known = points.every((point) => point[axis].low !== null);
    return {
      type: "data", visible: known, symmetric: false, thickness: 1, width: 3,
      array: points.map((point) => point[axis].high - point[axis].mean),
      arrayminus: points.map((point) => point[axis].mean - point[axis].low),
    };
  }

  function traces() {
    const found = [];
    const colours = style("color-scheme") === "dark" ? onDark : onLight;
    data.entries.filter((entry) => controls.checked || !entry.control).forEach((entry, k) => {
      const colour = entry.control ? style("--muted") : colours[k % colours.length];
      const symbol = symbols[k % symbols.length];
      if (seeds.checked) {
        found.push({
          x: entry.seeds.x, y: entry.seeds.y, mode: "markers", legendgroup: entry.name, showlegend: false,
          hoverinfo: "skip", marker: { color: colour, size: 4, opacity: 0.28, symbol },
        });
      }
      found.push({
        x: entry.points.map((point) => point.x.mean), y: entry.points.map((point) => point.y.mean),
        error_x: errors(entry.points, "x"), error_y: errors(entry.points, "y"),
        mode: "lines+markers", name: text(entry.ranked ? entry.title : `${entry.title} (weights alone)`), legendgroup: entry.name, meta: entry.name,
        line: { color: colour, width: entry.control ? 1 : 2, dash: entry.control ? "dot" : entry.ranked ? "solid" : "dash" },
        marker: { color: colour, size: entry.points.map((point) => (point.front ? 11 : 8)), symbol,
          line: { color: style("--paper"), width: 1 } },
        text: entry.points.map((point) => [
          `<b>${text(entry.title)}</b>`, point.dial === null ? "" : text(point.dial),
          `${point.seeds} seeds${point.lost ? `, ${point.lost} lost` : ""}${point.front ? ", on the front" : ""}`,
        ].filter(Boolean).join("<br>")),
        hovertemplate: "%{text}<br>%{x:.3g}, %{y:.3g}<extra></extra>",
      });
      if (entry.fresh.x.length) {
        found.push({
          x: entry.fresh.x, y: entry.fresh.y, mode: "markers", legendgroup: entry.name, showlegend: false,
          hovertemplate: `fresh seed of ${text(entry.title)}<br>%{x:.3g}, %{y:.3g}<extra></extra>`,
          marker: { color: colour, size: 8, symbol: "x-thin", line: { color: colour, width: 1.5 } },
        });
      }
    });
    return found;
  }

  function axis(one, wide) {
    return {
      title: { text: `${text(one.title)} ${one.rising ? "→" : "←"} better`, font: { size: wide ? 14 : 11 } }, gridcolor: style("--line"),
      zerolinecolor: style("--line"), linecolor: style("--line"), automargin: true,
    };
  }

  function draw() {
    const wide = innerWidth > 720;
    Plotly.react(place, traces(), {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: style("--ink"), family: style("--font"), size: 13 },
      hoverlabel: { bgcolor: style("--paper"), bordercolor: style("--line"), font: { color: style("--ink") } },
      xaxis: axis(data.x, wide), yaxis: axis(data.y, wide), hovermode: "closest", height: wide ? 520 : 420,
      margin: { l: 60, r: 16, t: 16, b: 56 },
      legend: wide ? { x: 1.01, y: 1 } : { orientation: "h", y: -0.25 },
    }, { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] });
  }

  draw();
  place.on("plotly_click", (event) => {
    const name = event.points[0].data.meta;
    const found = data.entries.find((entry) => entry.name === name);
    if (found && found.page) location.href = found.page;
    else if (found) location.hash = encodeURIComponent(name);
  });
  seeds.addEventListener("change", draw);
  controls.addEventListener("change", draw);
  addEventListener("themechange", draw);
})();
