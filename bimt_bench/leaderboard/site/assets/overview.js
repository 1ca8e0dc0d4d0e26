// Sorts and filters the table of entries; what is chosen stands in the address.
(() => {
  "use strict";
  const form = document.getElementById("filters");
  const table = document.getElementById("board");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const state = new URLSearchParams(location.hash.slice(1));
  const fields = ["family", "recipe", "badge", "text"];

  for (const name of fields) form.elements[name].value = state.get(name) || "";
  form.elements.controls.checked = state.get("controls") === "1";
  form.hidden = false;

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = head.textContent;
    head.textContent = "";
    head.append(button);
    button.addEventListener("click", () => {
      const first = "falling" in head.dataset ? "falling" : "rising";
      const now = state.get("sort") === head.dataset.key ? state.get("way") : null;
      const other = first === "rising" ? "falling" : "rising";
      state.set("sort", head.dataset.key);
      state.set("way", now === first ? other : first);
      update();
    });
  });

  const cell = (row, column) => row.cells[column].dataset.value || "";
  function compared(one, other) {
    if (one === "" || other === "") return (one === "") - (other === "");
    const numbers = [Number(one), Number(other)];
    return numbers.some(Number.isNaN) ? one.localeCompare(other) : numbers[0] - numbers[1];
  }

  function sort() {
    const column = heads.findIndex((head) => head.dataset.key === state.get("sort"));
    const sign = state.get("way") === "falling" ? -1 : 1;
    heads.forEach((head, k) => {
      if (k === column) head.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const order = rows.slice();
    if (column >= 0) {
      order.sort((a, b) => {
        const [one, other] = [cell(a, column), cell(b, column)];
        return one === "" || other === "" ? compared(one, other) : sign * compared(one, other);
      });
    }
    body.append(...order);
  }

  function filter() {
    const wanted = Object.fromEntries(fields.map((name) => [name, state.get(name) || ""]));
    const words = wanted.text.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const isControl = row.dataset.control === "1";
      row.hidden = !(
        (!isControl || state.get("controls") === "1" || wanted.badge === "control") &&
        (!wanted.family || row.dataset.family === wanted.family) &&
        (!wanted.recipe || cell(row, 3) === wanted.recipe) &&
        (!wanted.badge || row.dataset.level === wanted.badge) &&
        (!words || row.textContent.toLowerCase().includes(words))
      );
      shown += !row.hidden;
    }
    document.getElementById("count").textContent = `${shown} of ${rows.length}`;
  }

  function update() {
    for (const name of [...state.keys()]) if (!state.get(name)) state.delete(name);
    const hash = state.toString();
    if (location.hash.slice(1) !== hash) location.replace(`#${hash}`);
    sort();
    filter();
  }

  form.addEventListener("input", () => {
    for (const name of fields) state.set(name, form.elements[name].value);
    state.set("controls", form.elements.controls.checked ? "1" : "");
    update();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  update();
})();
