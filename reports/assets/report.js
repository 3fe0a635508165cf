"use strict";
(() => {
  const form = document.querySelector("form.filters");
  const cards = [...document.querySelectorAll("details.card")];
  if (form) {
    form.hidden = false;
    const apply = () => {
      const wanted = [...form.querySelectorAll("select")].filter((s) => s.value);
      let shown = 0;
      for (const card of cards) {
        card.hidden = !wanted.every((s) => card.dataset[s.dataset.filter] === s.value);
        shown += card.hidden ? 0 : 1;
      }
      form.querySelector("output").textContent = wanted.length ? `${shown} of ${cards.length} shown` : "";
    };
    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
  }
  for (const block of document.querySelectorAll("pre.command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(block.querySelector("code").textContent);
        button.textContent = "Copied";
      } catch {
        const range = document.createRange();
        range.selectNodeContents(block.querySelector("code"));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    block.append(button);
  }
})();
