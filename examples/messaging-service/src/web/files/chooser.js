// The list of conversations, where none is chosen yet.

import { element, initial } from "./content.js";

const LOOK_AGAIN = 2_000;

// Lists the customers that `path` has, each with a link to the conversation. `whose` says whose view it is.
export async function chooseCustomer(page, path, whose) {
  try {
    const customers = await (await fetch(path)).json();
    page.status.textContent = whose;
    page.empty.hidden = customers.length > 0;
    const links = customers.map(({ customer, last }) =>
      element("li", {}, element("a", { href: `/?customer=${encodeURIComponent(customer)}` },
        element("span", { class: "avatar", "aria-hidden": "true" }, initial(customer)),
        element("span", { class: "name", dir: "auto" }, customer),
        element("span", { class: "last", dir: "auto" }, last ?? ""))));
    // The list is replaced only if it changed, so that a focused link keeps the focus.
    if (links.map((item) => item.textContent).join("\n") !== [...page.customers.children].map((item) => item.textContent).join("\n")) {
      page.customers.replaceChildren(...links);
    }
  } catch {
    page.status.textContent = "The server of this page does not answer.";
  }
  setTimeout(chooseCustomer, LOOK_AGAIN, page, path, whose);
}
