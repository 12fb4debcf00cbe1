// Puts the parts together: what is drawn or filled again when a filter or a menu changes.

function showCards(number) {
  const host = document.querySelector(`[data-cards="${number}"]`);
  const run = chosenRun("scores", number);
  if (!run) return host.replaceChildren();
  const { pictures } = part("scores-" + number);
  const sorted = videosOf(number, run).filter((video) => !Number.isNaN(video.error))
    .sort((a, b) => Math.abs(b.error) - Math.abs(a.error));
  const most = Math.min(part("page").extremes, Math.ceil(sorted.length / 2));
  const card = (video) => make("div", { class: "card" },
    pictures[video.place]
      ? make("img", { src: pictures[video.place], alt: "", loading: "lazy" })
      : make("span", { class: "no-picture" }, "no picture"),
    make("p", {}, make("strong", {}, video.name)),
    make("p", {}, `MOS ${plain(video.mos)}, fitted ${plain(video.predicted)}, error ${plain(video.error)}${
      video.said === null ? " (unanswered)" : ""}`));
  host.replaceChildren(
    make("h4", {}, "Worst"), ...sorted.slice(0, most).map(card),
    make("h4", {}, "Best"), ...sorted.slice(sorted.length - most).reverse().map(card));
}

function startLadders() {
  for (const host of document.querySelectorAll("[data-ladders]")) {
    const number = host.dataset.ladders;
    for (const family of part("ladders-" + number).families) {
      const plot = make("div", { class: "plot", role: "img", "data-plot": "family", "data-number": number,
        "data-family": family, "aria-label": `Ladders of ${family}` });
      host.append(plot);
      watch(plot);
    }
  }
}

// Cards and tables of a task are made when its section comes near, the ones of all tasks would delay the page.
function startSections() {
  const starters = new Map();
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || !starters.has(target)) continue;
      const start = starters.get(target);
      starters.delete(target);
      start();
    }
  }, { rootMargin: "600px" });
  const later = (element, start) => { starters.set(element, start); near.observe(element); };
  const updates = new Map();
  const add = (number, update) => updates.set(number, [...(updates.get(number) || []), update]);
  for (const host of document.querySelectorAll("[data-cards]")) {
    later(host, () => { const show = () => showCards(host.dataset.cards); add(host.dataset.cards, show); show(); });
  }
  for (const host of document.querySelectorAll("[data-finder]")) {
    later(host, () => {
      const show = host.dataset.finder === "words" ? wordFinder(host) : videoFinder(host);
      add(host.dataset.number, show);
      show();
    });
  }
  addEventListener("beforeprint", () => {
    for (const start of starters.values()) start();
    starters.clear();
  });
  return (number) => { for (const update of updates.get(number) || []) update(); };
}

// One section after the other, so that the page answers in between.
function layOut(sections) {
  const [first, ...others] = sections;
  if (!first) return;
  first.style.contentVisibility = "visible";
  setTimeout(() => layOut(others), 50);
}

function start() {
  startFilters();
  startLadders();
  for (const host of document.querySelectorAll(".plot[data-plot]")) watch(host);
  const update = startSections();
  const plotsOf = (number) => document.querySelectorAll(`.plot[data-number="${number}"]`);
  startChoosers((select) => { redraw(plotsOf(select.dataset.number)); update(select.dataset.number); });
  const everything = () => redraw(document.querySelectorAll(".plot[data-plot]"));
  document.addEventListener("filtered", () => {
    everything();
    for (const host of document.querySelectorAll('[data-finder="words"]')) update(host.dataset.number);
  });
  addEventListener("beforeprint", () => {
    for (const host of document.querySelectorAll(".plot[data-plot]")) visible.add(host);
    everything();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", everything);
  layOut([...document.querySelectorAll(".task")]);
  document.documentElement.dataset.ready = "1";
}

start();
