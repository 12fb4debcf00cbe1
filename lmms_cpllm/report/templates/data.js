"use strict";
// What stands in the page as JSON, read when it is first asked for. Text from models and files only ever becomes text:
// every element is made by `make`, which sets textContent.

const parts = new Map();

function part(name) {
  if (!parts.has(name)) {
    const element = document.getElementById("data-" + name);
    parts.set(name, element ? JSON.parse(element.textContent) : null);
  }
  return parts.get(name);
}

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined) element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

function fixed(number, digits = 3) {
  return typeof number === "number" && Number.isFinite(number) ? number.toFixed(digits) : "–";
}

// As many digits as a value of this size needs.
function plain(number) {
  if (typeof number !== "number" || !Number.isFinite(number)) return "–";
  const size = Math.abs(number);
  return number.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

const modelName = (model) => part("page").models[model];

// The logistic with four parameters as lmms_cpllm.metrics.correlation fits it, or the line that stands in for it.
function fitted(fit, x) {
  const p = fit.p;
  if (fit.kind === "line") return p[0] * x + p[1];
  if (fit.kind !== "logistic") return NaN;
  return p[1] + (p[0] - p[1]) / (1 + Math.exp(-(x - p[2]) / Math.abs(p[3])));
}

// A run of a scoring task by video: what was said, what counts, what the fit makes of it, and the error.
const seenRuns = new Map();

function videosOf(number, run) {
  const key = number + " " + run.model;
  if (!seenRuns.has(key)) {
    const task = part("scores-" + number);
    seenRuns.set(key, task.names.map((name, place) => {
      const said = run.q[place];
      const x = said === null ? run.fill : said;
      const predicted = fitted(run.fit, x);
      return { place, name, mos: task.mos[place], said, x, predicted, error: task.mos[place] - predicted };
    }));
  }
  return seenRuns.get(key);
}
