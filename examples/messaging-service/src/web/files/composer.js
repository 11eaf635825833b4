// The form in which somebody writes.

const TYPING_AGAIN = 4_000;

export class Composer {
  // `write` sends a text and resolves to whether that succeeded; `typing` reports that somebody is typing.
  constructor(form, text, { write, typing }) {
    this.form = form;
    this.text = text;
    this.write = write;
    this.typing = typing;
    this.saidTyping = -Infinity;
    form.addEventListener("submit", (event) => this.submit(event));
    text.addEventListener("keydown", (event) => this.enterSends(event));
    text.addEventListener("input", () => this.typed());
  }

  async submit(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (text === "" || this.text.disabled) return;
    this.text.value = "";
    this.grow();
    this.saidTyping = -Infinity;
    // What could not even be handed over goes back to where it was written.
    if (!(await this.write(text)) && this.text.value === "") this.text.value = text;
    this.grow();
  }

  enterSends(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  typed() {
    this.grow();
    if (this.text.value.trim() === "" || performance.now() - this.saidTyping < TYPING_AGAIN) return;
    this.saidTyping = performance.now();
    this.typing();
  }

  grow() {
    this.text.rows = Math.min(5, this.text.value.split("\n").length);
  }
}

// Posts JSON to the page's own server, and shows in `hint` why if that fails. Returns whether it was handed over.
export async function handOver(path, body, hint) {
  try {
    await post(path, body);
    hint.textContent = "";
    return true;
  } catch (error) {
    hint.textContent = `That did not get through: ${error.message}`;
    return false;
  }
}

// Throws with the reason if that fails.
async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
}
