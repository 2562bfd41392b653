"use strict";
// The tables are whole without this script. It draws the first rows of those that are looked for, which takes 10,000 rows to search.
const SHOWN = 50;
const box = document.getElementById("find");
const lists = [...document.querySelectorAll("table.list")].map((table) => {
  const rows = [...table.tBodies[0].rows];
  const [one, many] = table.dataset.noun.split(" ");
  const more = table.closest("section").querySelector(".more");
  return { body: table.tBodies[0], rows, found: rows, whole: false, texts: new Map(), one, many, more, count: document.getElementById(table.dataset.count) };
});
function draw(list) {
  const shown = list.whole ? list.found : list.found.slice(0, SHOWN);
  list.body.replaceChildren(...shown);
  const number = list.found.length.toLocaleString("en-GB"), all = list.rows.length.toLocaleString("en-GB");
  const noun = list.rows.length === 1 ? list.one : list.many;
  const what = list.found.length < list.rows.length ? `${number} of ${all} ${noun}` : `${all} ${noun}`;
  list.count.textContent = shown.length < list.found.length ? `${what}; the first ${SHOWN} are shown.` : `${what}.`;
  list.more.hidden = shown.length === list.found.length;
}
function text(list, row) {
  let known = list.texts.get(row);
  if (known === undefined) list.texts.set(row, known = row.textContent.toLowerCase());
  return known;
}
function find(list) {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  list.whole = false;
  list.found = words.length === 0 ? list.rows : list.rows.filter((row) => words.every((word) => text(list, row).includes(word)));
  draw(list);
}
function key(row, column, numeric) {
  const cell = row.cells[column], value = cell.dataset.value ?? cell.textContent;
  if (!numeric) return value;
  return value === "" ? Infinity : Number(value.replaceAll(",", ""));
}
function sort(list, head) {
  const down = head.getAttribute("aria-sort") === "ascending", numeric = head.classList.contains("n");
  const keyed = list.rows.map((row) => [key(row, head.cellIndex, numeric), row]);
  const order = new Intl.Collator("en-GB", { numeric: true }).compare;
  keyed.sort(numeric ? ([a], [b]) => (a === b ? 0 : a - b) : ([a], [b]) => order(a, b));
  if (down) keyed.reverse();
  list.rows = keyed.map(([, row]) => row);
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  find(list);
}
for (const list of lists) {
  for (const head of list.body.parentNode.tHead.rows[0].cells) {
    if (head.classList.contains("still")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(list, head));
    head.append(button);
  }
  list.more.firstElementChild.addEventListener("click", () => { list.whole = true; draw(list); });
  list.count.hidden = false;
  draw(list);
}
document.querySelector(".find").hidden = false;
box.addEventListener("input", () => { for (const list of lists) find(list); });
if (box.value) for (const list of lists) find(list);
addEventListener("load", () => setTimeout(() => { for (const list of lists) for (const row of list.rows) text(list, row); }));
