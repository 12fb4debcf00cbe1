// Plots, drawn when they come into view. The library is read when the first of them does.

let library = null;

function plotly() {
  if (!library) {
    const script = document.createElement("script");
    script.textContent = document.getElementById("plotly").textContent;
    document.head.append(script);
    library = window.Plotly;
  }
  return library;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// The page's style sheet owns the colours.
function modelColour(model) {
  const swatch = document.createElement("span");
  swatch.className = `swatch m${model}`;
  document.body.append(swatch);
  const found = getComputedStyle(swatch).backgroundColor;
  swatch.remove();
  return found;
}

function draw(host, traces, layout, withBar = true) {
  const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--soft"), linecolor: colour("--line"), automargin: true };
  const { xaxis, yaxis, ...rest } = layout;
  const whole = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
    font: { color: colour("--ink"), family: "system-ui, sans-serif", size: 12 },
    margin: { l: 48, r: 12, t: 28, b: 44 }, ...rest,
    xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--soft"), activecolor: colour("--accent") },
    hoverlabel: { bgcolor: colour("--panel"), font: { color: colour("--ink") }, align: "left" },
  };
  plotly().react(host, traces, whole, { responsive: true, displaylogo: false, displayModeBar: withBar ? "hover" : false,
    modeBarButtons: [["toImage", "zoomIn2d", "zoomOut2d", "resetScale2d"]] });
}

function heading(text) {
  return { text: literal(text), font: { size: 13 }, x: 0.01, xanchor: "left" };
}

// plotly reads some HTML in what it is given: names are shown as they are.
function literal(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function points(videos, y, ink) {
  const hollow = videos.map((video) => video.said === null);
  return {
    type: "scatter", mode: "markers", y,
    text: videos.map((video) => `${literal(video.name)}<br>MOS ${plain(video.mos)}, predicted ${
      video.said === null ? "nothing" : plain(video.said)}, error ${plain(video.error)}`),
    hovertemplate: "%{text}<extra></extra>",
    marker: { size: videos.length > 400 ? 4 : 6, opacity: 0.65, color: ink,
      symbol: hollow.map((is) => is ? "circle-open" : "circle") },
  };
}

function drawScatter(host) {
  const run = chosenRun("scores", host.dataset.number);
  if (!run) return clear(host);
  const videos = videosOf(host.dataset.number, run);
  const trace = points(videos, videos.map((video) => video.mos), modelColour(run.model));
  trace.x = videos.map((video) => video.x);
  const [low, high] = [Math.min(...trace.x), Math.max(...trace.x)];
  const xs = Array.from({ length: 101 }, (_, step) => low + (high - low) * step / 100);
  const line = { type: "scatter", mode: "lines", x: xs, y: xs.map((x) => fitted(run.fit, x)), hoverinfo: "skip",
    line: { color: colour("--ink"), width: 2 } };
  draw(host, run.fit.kind === "none" ? [trace] : [trace, line],
    { title: heading(modelName(run.model)), xaxis: { title: { text: "predicted" } }, yaxis: { title: { text: "MOS" } } });
  host.setAttribute("aria-label", `${modelName(run.model)}: predictions of ${videos.length} videos against MOS, fit: ${
    run.fit.kind}. The table "Video by video" holds the same numbers.`);
}

function drawResiduals(host) {
  const run = chosenRun("scores", host.dataset.number);
  if (!run) return clear(host);
  const videos = videosOf(host.dataset.number, run);
  const trace = points(videos, videos.map((video) => video.error), modelColour(run.model));
  trace.x = videos.map((video) => video.mos);
  const mean = videos.reduce((sum, video) => sum + Math.abs(video.error), 0) / videos.length;
  draw(host, [trace], { title: heading(`mean absolute error ${plain(mean)}`),
    xaxis: { title: { text: "MOS" } }, yaxis: { title: { text: "MOS less fitted" }, zeroline: true } });
  host.setAttribute("aria-label", `${modelName(run.model)}: residuals of ${videos.length} videos against MOS, mean absolute error ${
    plain(mean)}. The table "Video by video" holds the same numbers.`);
}

function drawRatings(host) {
  const runs = part("scores-" + host.dataset.number).runs.filter((run) => run.ratings && isShown(run.model));
  const levels = part("page").levels;
  draw(host, runs.map((run) => {
    const total = run.ratings.reduce((sum, count) => sum + count, 0) || 1;
    return { type: "bar", name: literal(modelName(run.model)), x: levels, y: run.ratings.map((count) => count / total),
      marker: { color: modelColour(run.model) }, hovertemplate: "%{y:.1%} %{x}<extra>%{fullData.name}</extra>" };
  }), { barmode: "group", showlegend: runs.length > 1, legend: { orientation: "h", y: 1.15 },
    yaxis: { title: { text: "share of answers" }, tickformat: ".0%" } }, false);
  host.setAttribute("aria-label", `How often each of ${levels.join(", ")} was said by ${runs.length} models; the table below holds the numbers.`);
}

function drawFamily(host) {
  const run = chosenRun("ladders", host.dataset.number);
  const family = run && run.families[host.dataset.family];
  if (!family) return clear(host);
  const longest = family.climbs.reduce((most, climb) => climb.x.length > most.length ? climb.x : most, []);
  const ticks = ["clean", ...longest.map(String)];
  const traces = family.climbs.flatMap((climb, place) => {
    const ink = modelColour(place % 10);
    const steps = climb.y.map((_, step) => step);
    return [
      { type: "scatter", mode: "lines+markers", x: steps, y: climb.y, name: literal(climb.content), connectgaps: true,
        line: { color: ink, width: 1.5 }, marker: { size: 5, color: ink }, hovertemplate: "%{fullData.name}, %{y}<extra></extra>" },
      { type: "scatter", mode: "markers", x: climb.rises, y: climb.rises.map((step) => climb.y[step]), hoverinfo: "skip", showlegend: false,
        marker: { symbol: "x-thin-open", size: 11, line: { width: 2.5 }, color: colour("--bad") } },
    ];
  });
  const rises = family.climbs.reduce((sum, climb) => sum + climb.rises.length, 0);
  draw(host, traces, {
    title: heading(`${host.dataset.family}${rises ? `, ${rises} rise${rises > 1 ? "s" : ""}` : ""}`),
    margin: { l: 36, r: 8, t: 28, b: 40 }, showlegend: true,
    legend: { orientation: "h", yref: "container", y: 0, font: { size: 10 }, itemclick: false, itemdoubleclick: false },
    xaxis: { title: { text: literal(family.unit) }, tickvals: ticks.map((_, step) => step), ticktext: ticks, zeroline: false },
    yaxis: {} }, false);
  host.setAttribute("aria-label", `${modelName(run.model)}: quality against ${family.unit} of ${host.dataset.family} for ${
    family.climbs.map((climb) => climb.content).join(", ")}; ${rises} violations of monotonicity.`);
}

function clear(host) {
  if (library && host.classList.contains("js-plotly-plot")) library.purge(host);
  host.replaceChildren();
  host.setAttribute("aria-label", "Nothing to draw: no model is chosen.");
}

const DRAWERS = { scatter: drawScatter, residuals: drawResiduals, ratings: drawRatings, family: drawFamily };
const visible = new Set();
let watcher = null;

function redraw(hosts) {
  for (const host of hosts) if (visible.has(host) && !host.closest("[hidden]")) DRAWERS[host.dataset.plot](host);
}

function watch(host) {
  if (!watcher) {
    watcher = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting || visible.has(target)) continue;
        visible.add(target);
        redraw([target]);
      }
    }, { rootMargin: "300px" });
  }
  watcher.observe(host);
}
