// The list of conversations.

import { element, initial } from "./content.js";

const LOOK_AGAIN = 2_000;

// Lists the customers that `path` has, each with a link to the conversation. `whose` says whose view it is; `chosen` is the
// customer whose conversation is shown.
export async function chooseCustomer(page, path, { whose, chosen }) {
  try {
    const customers = await (await fetch(path)).json();
    if (whose) page.status.textContent = whose;
    page.empty.hidden = customers.length > 0;
    const links = customers.map(({ customer, name, of, last }) =>
      element("li", {}, element("a", { href: `/?customer=${encodeURIComponent(customer)}`, "aria-current": customer === chosen && "page" },
        element("span", { class: "avatar", "aria-hidden": "true" }, initial(name ?? customer)),
        element("span", { class: "name", dir: "auto" }, name ?? customer),
        of && element("span", { class: "of" }, of),
        element("span", { class: "last", dir: "auto" }, last ?? ""))));
    // The list is replaced only if it changed, so that a focused link keeps the focus.
    if (links.map((item) => item.textContent).join("\n") !== [...page.customers.children].map((item) => item.textContent).join("\n")) {
      page.customers.replaceChildren(...links);
      // Where they are in a row, the chosen one is in sight.
      const current = page.customers.querySelector("[aria-current]");
      page.chooser.scrollLeft += (current?.getBoundingClientRect().right ?? 0) - page.chooser.getBoundingClientRect().right + 16;
    }
  } catch {
    if (whose) page.status.textContent = "The server of this page does not answer.";
  }
  setTimeout(chooseCustomer, LOOK_AGAIN, page, path, { whose, chosen });
}
