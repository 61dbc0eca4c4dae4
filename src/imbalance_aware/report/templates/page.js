// Tables that sort, search and copy; pictures that enlarge; the place of the reader in the navigation.

const encoded = document.getElementById("tables-library").textContent;
const source = Uint8Array.from(atob(encoded), (sign) => sign.charCodeAt(0));
const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
const { default: DataTable } = await import(address);
URL.revokeObjectURL(address);

const SEARCH_FROM = 6;

// What is copied or saved is the rows that the search shows, without a title.
function saved(table) {
  const filename = table.closest("[id]").id;
  return ["copyHtml5", "csvHtml5"].map((extend) => ({ extend, filename, title: null, messageTop: null }));
}

function improve(table) {
  const rows = table.tBodies[0].rows.length;
  if (rows < 2 || DataTable.isDataTable(table)) return;
  new DataTable(table, {
    paging: false,
    info: false,
    order: [],
    autoWidth: false,
    layout: {
      topStart: rows >= SEARCH_FROM ? { buttons: saved(table) } : null,
      topEnd: rows >= SEARCH_FROM ? { search: { text: "", placeholder: "Search" } } : null,
      bottomStart: null,
      bottomEnd: null,
    },
  });
}

// A table is made when it comes near, so that a page with many opens at once.
const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      improve(entry.target);
    }
  },
  { rootMargin: "600px" },
);
for (const table of document.querySelectorAll("table.data")) near.observe(table);

const dialog = document.getElementById("enlarged");
const enlarged = dialog.querySelector("img");
function enlarge(picture) {
  enlarged.src = picture.dataset.large || picture.src;
  enlarged.alt = picture.alt;
  dialog.showModal();
}
document.addEventListener("click", (event) => {
  if (event.target.matches?.("img.enlarges")) enlarge(event.target);
  else if (event.target === dialog || event.target === enlarged) dialog.close();
});
document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("img.enlarges") || !["Enter", " "].includes(event.key)) return;
  event.preventDefault();
  enlarge(event.target);
});

const entries = new Map([...document.querySelectorAll("nav a:not(.home)")].map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver(
  (found) => {
    for (const { target, isIntersecting } of found) entries.get(target.id)?.classList.toggle("here", isIntersecting);
  },
  { rootMargin: "-10% 0px -80% 0px" },
);
for (const section of document.querySelectorAll("main > section")) seen.observe(section);

// Paper has no folds: what is folded is printed.
const folded = [];
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    folded.push(details);
    details.open = true;
  }
  for (const picture of document.querySelectorAll("img[loading=lazy]")) picture.loading = "eager";
});
window.addEventListener("afterprint", () => {
  for (const details of folded.splice(0)) details.open = false;
});

document.documentElement.dataset.ready = "yes";
