"use strict";
function copy(button) {
  const source = document.getElementById(button.dataset.copies);
  const range = document.createRange();
  range.selectNodeContents(source);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}
function key(row, column) {
  const cell = row.cells[column];
  const value = cell.dataset.value;
  return value === undefined ? cell.textContent : value === "" ? Infinity : Number(value);
}
function sort(button) {
  const head = button.closest("th"), body = button.closest("table").tBodies[0];
  const down = head.getAttribute("aria-sort") === "ascending";
  const rows = [...body.rows].map((row) => [key(row, head.cellIndex), row]);
  rows.sort(([a], [b]) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b))) || 0);
  if (down) rows.reverse();
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows.map(([, row]) => row));
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button === null) return;
  if (button.dataset.copies) copy(button);
  else if (button.closest("thead")) sort(button);
});
for (const button of document.querySelectorAll("button[hidden]")) button.hidden = false;
const opened = [];
addEventListener("beforeprint", () => {
  for (const box of document.querySelectorAll("details.paper:not([open])")) { box.open = true; opened.push(box); }
});
addEventListener("afterprint", () => { for (const box of opened.splice(0)) box.open = false; });
