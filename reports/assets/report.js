"use strict";
(() => {
  const cards = [...document.querySelectorAll("details.card")];
  const groups = [...document.querySelectorAll("section.group")];
  const form = document.querySelector("form.choose");

  const matches = (card, selects, words) =>
    selects.every((s) => (card.dataset[s.dataset.filter] || "").split(" ").includes(s.value)) &&
    words.every((word) => card.textContent.toLowerCase().includes(word));

  const apply = () => {
    const selects = [...form.querySelectorAll("select")].filter((s) => s.value);
    const words = form.querySelector("[data-find]").value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = cards.filter((card) => !(card.hidden = !matches(card, selects, words)));
    for (const group of groups) group.hidden = !group.querySelector("details.card:not([hidden]), .brief");
    form.querySelector("output").textContent =
      selects.length || words.length ? `${shown.length} of ${cards.length} shown` : "";
  };

  if (form) {
    form.hidden = false;
    // Some helpers that fill in forms tell of a choice by the second only.
    for (const told of ["input", "change"]) form.addEventListener(told, apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    const unfold = form.querySelector("[data-unfold]");
    unfold.addEventListener("click", () => {
      const open = unfold.textContent === "Open all";
      for (const card of cards) card.open = open;
      unfold.textContent = open ? "Close all" : "Open all";
    });
    apply();
  }

  // A link to a card opens it, also when filters hide it.
  const reveal = () => {
    const card = location.hash && document.getElementById(location.hash.slice(1));
    if (!card || !card.matches("details.card")) return;
    card.hidden = card.closest(".group").hidden = false;
    card.open = true;
    card.scrollIntoView();
    card.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);
  reveal();

  const copy = async (button, code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // Without permission (a file opened from disk, some browsers): select, so that one key press copies.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  for (const block of document.querySelectorAll(".runbook pre.command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", () => copy(button, block.querySelector("code")));
    block.append(button);
  }

  // pytest-html's table is made by its own script, in pytest's words; these are the ones of this report.
  const words = { failed: "failed", error: "could not look", xfailed: "advisory", passed: "passed", skipped: "not applicable" };
  const rename = () => {
    for (const cell of document.querySelectorAll("#results-table td.col-result")) {
      const word = words[cell.closest("tbody").classList[1]];
      if (word) cell.textContent = word;
    }
  };
  addEventListener("load", () => {
    for (const box of document.querySelectorAll("input.filter")) {
      const word = words[box.dataset.testResult];
      const label = box.nextElementSibling;
      box.hidden = label.hidden = !word;
      box.setAttribute("aria-label", `show ${word}`);
      if (word) label.textContent = `${parseInt(label.textContent, 10)} ${word}`;
    }
    // It makes a new table for each click on a filter or column.
    const table = document.getElementById("results-table");
    if (table) new MutationObserver(rename).observe(table.parentNode, { childList: true });
    rename();
  });
})();
