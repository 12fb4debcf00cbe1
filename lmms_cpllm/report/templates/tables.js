// Long tables: searched, sorted and shown in pages, so that only a few rows are ever in the document.

const ROWS = 25;
const kind = (column) => column.number ? null : column.long ? "words" : "name";

function finder(host, columns, rowsOf) {
  const id = `finder-${host.dataset.finder}-${host.dataset.number}`;
  const state = { page: 0, column: -1, down: false };
  const input = make("input", { type: "search", id, autocomplete: "off", placeholder: "words, all of which must occur" });
  const status = make("span", { class: "small", role: "status", "aria-live": "polite" });
  const back = make("button", { type: "button" }, "Previous");
  const next = make("button", { type: "button" }, "Next");
  const body = make("tbody");
  const heads = columns.map((column, place) => {
    const button = make("button", { type: "button" }, column.title);
    button.addEventListener("click", () => {
      state.down = state.column === place ? !state.down : Boolean(column.number);
      state.column = place;
      state.page = 0;
      draw();
    });
    return make("th", { scope: "col", class: kind(column) }, button);
  });
  const table = make("table", {}, make("caption", {}, make("span", {}, `${host.dataset.label}. A heading sorts.`)),
    make("thead", {}, make("tr", {}, ...heads)), body);
  host.replaceChildren(
    make("div", { class: "controls" }, make("label", { for: id }, "Search"), input, back, next, status),
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": host.dataset.label }, table));

  function found() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = rowsOf().filter((row) => words.every((word) => row.text.includes(word)));
    if (state.column < 0) return rows;
    const value = columns[state.column].value;
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      const missing = (z) => z === null || z === undefined || Number.isNaN(z);
      if (missing(x) || missing(y)) return missing(x) - missing(y);
      const less = x < y ? -1 : x > y ? 1 : 0;
      return state.down ? -less : less;
    };
    return [...rows].sort(order);
  }

  function draw() {
    const rows = found();
    const pages = Math.max(1, Math.ceil(rows.length / ROWS));
    state.page = Math.min(state.page, pages - 1);
    const first = state.page * ROWS;
    body.replaceChildren(...rows.slice(first, first + ROWS).map((row) => make("tr", {},
      ...columns.map((column, place) => make(place ? "td" : "th",
        { scope: place ? null : "row", class: kind(column) }, column.show(row))))));
    heads.forEach((head, place) => {
      const sorted = place === state.column ? (state.down ? "descending" : "ascending") : null;
      if (sorted) head.setAttribute("aria-sort", sorted); else head.removeAttribute("aria-sort");
    });
    back.disabled = state.page === 0;
    next.disabled = state.page >= pages - 1;
    status.textContent = rows.length
      ? `${first + 1} to ${Math.min(first + ROWS, rows.length)} of ${rows.length}` : "nothing found";
  }

  input.addEventListener("input", () => { state.page = 0; draw(); });
  back.addEventListener("click", () => { state.page -= 1; draw(); });
  next.addEventListener("click", () => { state.page += 1; draw(); });
  return draw;
}

function videoFinder(host) {
  const number = host.dataset.number;
  const columns = [
    { title: "Video", value: (row) => row.name, show: (row) => row.name },
    { title: "MOS", number: true, value: (row) => row.mos, show: (row) => plain(row.mos) },
    { title: "Predicted", number: true, value: (row) => row.said,
      show: (row) => row.said === null ? "unanswered" : plain(row.said) },
    { title: "After the fit", number: true, value: (row) => row.predicted, show: (row) => plain(row.predicted) },
    { title: "Error", number: true, value: (row) => Math.abs(row.error), show: (row) => plain(row.error) },
  ];
  return finder(host, columns, () => {
    const run = chosenRun("scores", number);
    const rows = run ? videosOf(number, run) : [];
    for (const row of rows) row.text ??= (row.name + (row.said === null ? " unanswered" : "")).toLowerCase();
    return rows;
  });
}

function wordFinder(host) {
  const data = part("words-" + host.dataset.number);
  const rows = data.rows.map(([video, model, text, quality, level, mos, known, named]) => {
    const row = { video: data.videos[video], model, words: data.texts[text], quality, level, mos, known, named };
    row.text = [row.video, modelName(model), row.words, level, known, named].join(" ").toLowerCase();
    return row;
  });
  const columns = [
    { title: "Video", value: (row) => row.video, show: (row) => row.video },
    { title: "Model", value: (row) => modelName(row.model), show: (row) => modelName(row.model) },
    { title: "MOS", number: true, value: (row) => row.mos, show: (row) => plain(row.mos) },
    { title: "Score", number: true, value: (row) => row.quality, show: (row) => plain(row.quality) },
    { title: "Level", value: (row) => row.level, show: (row) => row.level || "–" },
    { title: "Known", value: (row) => row.known, show: (row) => row.known || "–" },
    { title: "Named", value: (row) => row.named, show: (row) => row.named || "–" },
    { title: "Description", long: true, value: (row) => row.words, show: (row) => row.words },
  ];
  return finder(host, columns, () => rows.filter((row) => isShown(row.model)));
}
