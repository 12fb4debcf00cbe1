// Which models and tasks are shown. Everything that belongs to one of them says so in data-model or data-task.

const shown = { model: new Set(), task: new Set() };

function boxes(kind) {
  return [...document.querySelectorAll(`#filters input[name="${kind}"]`)];
}

function isShown(model) {
  return shown.model.has(Number(model));
}

function applyFilters() {
  for (const kind of ["model", "task"]) {
    shown[kind] = new Set(boxes(kind).filter((box) => box.checked).map((box) => Number(box.value)));
  }
  for (const element of document.querySelectorAll("main [data-model], main [data-task], nav [data-task]")) {
    const { model, task } = element.dataset;
    element.hidden =
      (model !== undefined && !shown.model.has(Number(model))) || (task !== undefined && !shown.task.has(Number(task)));
  }
  const count = (kind) => `${shown[kind].size} of ${boxes(kind).length} ${kind}s`;
  document.getElementById("filter-status").textContent = `(${count("model")}, ${count("task")} shown)`;
  document.dispatchEvent(new Event("filtered"));
}

function startFilters() {
  const form = document.getElementById("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", applyFilters);
  for (const button of form.querySelectorAll("button[data-all]")) {
    button.addEventListener("click", () => {
      for (const box of boxes(button.dataset.all)) box.checked = "on" in button.dataset;
      applyFilters();
    });
  }
  applyFilters();
}

// The menus that choose the one model of which videos or ladders are shown.
function startChoosers(onChange) {
  for (const select of document.querySelectorAll("select[data-choose]")) {
    const fill = () => {
      const before = select.value;
      const runs = part(select.dataset.choose + "-" + select.dataset.number).runs.filter((run) => isShown(run.model));
      select.replaceChildren(...runs.map((run) => make("option", { value: run.model }, modelName(run.model))));
      if (runs.some((run) => String(run.model) === before)) select.value = before;
      select.disabled = !runs.length;
    };
    fill();
    document.addEventListener("filtered", () => { fill(); onChange(select); });
    select.addEventListener("change", () => onChange(select));
  }
}

function chosenRun(kind, number) {
  const select = document.getElementById(`${kind}-model-${number}`);
  return part(`${kind}-${number}`).runs.find((run) => String(run.model) === select.value);
}
