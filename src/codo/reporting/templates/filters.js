"use strict";
// The controls of a gallery. Without JavaScript every card and shape is simply shown.
for (const gallery of document.querySelectorAll(".gallery")) {
  const form = gallery.querySelector(".controls");
  if (!form) continue;
  const grid = gallery.querySelector(".cards");
  const cards = [...grid.children];
  const all = (name) => [...form.querySelectorAll(`[data-${name}]`)];
  const value = (card, key) => card.getAttribute(`data-${key}`) ?? "";

  const fits = (card) =>
    all("search").every((c) => value(card, c.dataset.search).toLowerCase().includes(c.value.toLowerCase())) &&
    all("least").every((c) => Number(value(card, c.dataset.least)) >= Number(c.value)) &&
    all("choice").every((c) => !c.value || value(card, c.dataset.choice).split("\n").includes(c.value));

  const visible = (shape) =>
    all("toggle").every((c) => c.checked || !shape.classList.contains(c.dataset.toggle)) &&
    all("score").every((c) => !shape.hasAttribute("data-score") || Number(shape.dataset.score) >= Number(c.value));

  const update = () => {
    for (const sort of all("sort")) {
      const sign = sort.value.startsWith("-") ? -1 : 1;
      const key = sort.value.replace(/^-/, "");
      const rank = (card) => sign * Number(value(card, key));
      grid.append(...[...cards].sort((a, b) => rank(a) - rank(b)));
    }
    for (const card of cards) card.hidden = !fits(card);
    for (const shape of grid.querySelectorAll(".shape")) shape.classList.toggle("off", !visible(shape));
    for (const input of form.querySelectorAll("input[type=range]")) input.nextElementSibling.value = input.value;
    form.querySelector(".shown").value = `${cards.filter((card) => !card.hidden).length} of ${cards.length} shown`;
  };

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  update();
}
