// Filters below the titles of a sortable table: one for each column of words that has several values, but few.
function addFilters(table) {
  const body = table.tBodies[0], filters = [], row = document.createElement("tr");
  const told = document.createElement("p");
  told.className = "told";
  told.setAttribute("role", "status");
  const apply = () => {
    const chosen = filters.filter(([, select]) => select.selectedIndex > 0);
    let shown = 0;
    for (const one of body.rows) {
      one.hidden = !chosen.every(([column, select]) => one.cells[column].textContent === select.value);
      shown += !one.hidden;
    }
    told.textContent = chosen.length ? `${shown.toLocaleString("en-GB")} of ${body.rows.length.toLocaleString("en-GB")} rows` : "";
  };
  row.className = "filters";
  for (const head of table.tHead.rows[0].cells) {
    const cell = row.appendChild(document.createElement("td"));
    if (head.classList.contains("n")) continue;
    const values = new Set();
    for (const one of body.rows) values.add(one.cells[head.cellIndex].textContent);
    if (values.size < 2 || values.size > 40 || values.size === body.rows.length) continue;
    const select = cell.appendChild(document.createElement("select"));
    select.setAttribute("aria-label", `Show only this value: ${head.textContent}`);
    select.append(new Option("all"), ...[...values].map((value) => new Option(value)));
    select.addEventListener("change", apply);
    filters.push([head.cellIndex, select]);
  }
  if (filters.length === 0) return;
  table.tHead.append(row);
  table.closest(".scroll").before(told);
}
for (const head of document.querySelectorAll("thead:has(button)")) addFilters(head.closest("table"));
