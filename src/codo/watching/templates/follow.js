"use strict";
// Keeps a followed page up to date: replaces its content when the server has another version. What the reader has
// done stays: the place in the page, opened details, the selected text's place in the window.
{
  const bar = document.createElement("p");
  bar.className = "following";
  bar.setAttribute("role", "status");
  document.body.prepend(bar);
  let version = null;

  const say = (state, words) => {
    const text = `${words[0].toUpperCase()}${words.slice(1)}`;
    bar.dataset.state = state;
    if (bar.textContent !== text) bar.textContent = text; // only changes are read out
  };
  const replace = async () => {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const name = (details) => details.querySelector("summary").textContent.replace(/\d[\d,.]*/g, "#");
    const opened = new Set([...document.querySelectorAll("details[open]")].map(name));
    for (const details of next.querySelectorAll("details")) details.open = opened.has(name(details));
    for (const part of ["header", "main", "footer"]) {
      const [old, fresh] = [document, next].map((page) => page.querySelector(part));
      if (old && fresh) old.replaceWith(fresh);
    }
    document.title = next.title;
  };
  const look = async () => {
    try {
      const answer = await fetch(`${location.pathname}state`, { cache: "no-store" });
      const now = await answer.json();
      if (version !== null && now.version !== version) await replace();
      version = now.version;
      say(now.state, now.words);
    } catch {
      say("away", "codo view has ended: the page is not refreshed any more");
    }
  };
  look();
  setInterval(look, 2000);
}
