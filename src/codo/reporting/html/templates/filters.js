"use strict";
// The controls of a gallery. Without JavaScript every card is shown, with the shapes that Python chose.
for (const gallery of document.querySelectorAll(".gallery")) {
  const form = gallery.querySelector(".controls");
  if (!form) continue;
  const grid = gallery.querySelector(".cards");
  const cards = [...grid.children];
  const shapes = new Map(cards.map((card) => [card, [...card.querySelectorAll(".shape")]]));
  const all = (name) => [...form.querySelectorAll(`[data-${name}]`)];
  const value = (card, key) => card.getAttribute(`data-${key}`) ?? "";
  const has = (shape, name) => shape.classList.contains(name);

  // Outcomes of detections (codo.evaluation.error_types) are fixed; those of objects hang on the confidence.
  const OUTCOMES = ["correct", "localization", "classification", "both", "duplicate", "background", "missed", "ignored"];
  const outcome = (shape) => OUTCOMES.find((name) => has(shape, name)) ?? "";
  const judge = (shape, least) => {
    const states = shape.dataset.states ? shape.dataset.states.split(",").map((state) => state.split(" ")) : [];
    const [, now] = states.find(([score]) => Number(score) >= least) ?? [0, "missed"];
    for (const name of OUTCOMES) shape.classList.toggle(name, name === now);
  };
  // How an image went: the same line and the same order as detection_gallery.py's.
  const weigh = (card) => {
    const kinds = (side) => shapes.get(card).filter((s) => has(s, side) && !has(s, "off")).map(outcome);
    const objects = kinds("truth-side").filter((kind) => kind !== "ignored");
    const found = objects.filter((kind) => kind === "correct").length;
    const wrong = kinds("found-side").filter((kind) => kind !== "correct" && kind !== "ignored").length;
    const lost = objects.length - found;
    const score = found + lost + wrong ? found / (found + lost + wrong) : 1;
    const points = 100 * score;
    const percent = points >= 10 || points === 0 ? points.toFixed(0) : points.toFixed(1);
    const counts = `${found} found, ${lost} not found, ${wrong} wrong`;
    const note = card.querySelector("p span");
    if (!note.textContent.endsWith(` ${counts}`)) note.textContent = `score ${percent}% · ${counts}`;
    return { card, score, mistakes: lost + wrong };
  };
  const byName = (a, b) => (value(a, "key") < value(b, "key") ? -1 : 1);
  const worse = (a, b) => a.score - b.score || b.mistakes - a.mistakes || byName(a.card, b.card);

  const fits = (card) =>
    all("search").every((c) => value(card, c.dataset.search).toLowerCase().includes(c.value.toLowerCase())) &&
    all("least").every((c) => Number(value(card, c.dataset.least)) >= Number(c.value)) &&
    all("choice").every((c) => !c.value || value(card, c.dataset.choice).split("\n").includes(c.value));
  const visible = (shape) =>
    all("toggle").every((c) => c.checked || !has(shape, c.dataset.toggle)) &&
    all("score").every((c) => !shape.hasAttribute("data-score") || Number(shape.dataset.score) >= Number(c.value));
  const meant = (shape, chosen) =>
    chosen.every((c) => (c.dataset.shape === "kind" ? outcome(shape) : value(shape, c.dataset.shape)) === c.value);

  const sort = () => {
    for (const control of all("sort")) {
      const sign = control.value.startsWith("-") ? -1 : 1;
      const key = control.value.replace(/^-/, "");
      const compare = key === "key" ? byName : (a, b) => Number(value(a, key)) - Number(value(b, key));
      const ordered = [...cards].sort((a, b) => sign * compare(a, b));
      if (ordered.some((card, place) => grid.children[place] !== card)) grid.append(...ordered);
    }
  };
  const update = () => {
    const chosen = all("shape").filter((c) => c.value);
    const [least] = all("score").map((c) => Number(c.value));
    for (const card of cards) {
      for (const shape of shapes.get(card)) {
        shape.classList.toggle("off", !visible(shape));
        if (shape.hasAttribute("data-states")) judge(shape, least);
        shape.classList.toggle("dim", !meant(shape, chosen));
      }
      card.hidden = !fits(card) || (chosen.length > 0 && !shapes.get(card).some((s) => !has(s, "off") && !has(s, "dim")));
    }
    if (grid.querySelector("[data-states], .found-side"))
      cards.map(weigh).sort(worse).forEach(({ card }, place) => card.setAttribute("data-rank", place));
    for (const input of all("size")) grid.style.setProperty("--span", `${input.value}rem`);
    for (const output of form.querySelectorAll("label output")) output.value = output.previousElementSibling.value;
    form.querySelector(".shown").value = `${cards.filter((card) => !card.hidden).length} of ${cards.length} shown`;
  };

  form.addEventListener("input", update);
  form.addEventListener("change", sort); // not while a slider moves: cards would run away from the reader
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  update();
  sort();
}
