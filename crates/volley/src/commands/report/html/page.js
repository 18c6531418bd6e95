"use strict";
// Narrows a table down to the rows with all words that are searched for, and says how many there are.
for (const input of document.querySelectorAll("input[data-search]")) {
  const place = input.closest(".search");
  const rows = [...place.nextElementSibling.querySelectorAll("tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const told = place.querySelector("output");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, at) => {
      row.hidden = !words.every((word) => texts[at].includes(word));
      shown += row.hidden ? 0 : 1;
    });
    told.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
}
