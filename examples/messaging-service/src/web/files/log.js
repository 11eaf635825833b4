// The entries of a conversation, in order. Where the end is in sight, it stays in sight.

const NEAR_THE_END = 160;
// What a timer takes at most.
const LONGEST_TIMER = 2 ** 31 - 1;

export class Log {
  // `log` scrolls, and its list `entries` has the entries.
  constructor(log, entries) {
    this.log = log;
    this.entries = entries;
    this.shown = new Map(); // each entry's key: its element and its position
  }

  // Shows an entry in place of its earlier state, or where its position wants it. `toTheEnd` also scrolls there.
  place(key, position, item, { toTheEnd = false } = {}) {
    const keepTheEnd = this.keepTheEnd();
    for (const picture of item.querySelectorAll("img")) picture.addEventListener("load", this.keepTheEnd());
    const before = this.shown.get(key)?.item;
    const hadFocus = before?.contains(document.activeElement);
    if (before) {
      before.replaceWith(item);
    } else {
      const later = [...this.shown.values()].filter((one) => one.position > position).sort((a, b) => a.position - b.position);
      this.entries.insertBefore(item, later[0]?.item ?? null);
    }
    this.shown.set(key, { item, position });
    if (toTheEnd) this.toTheEnd();
    else keepTheEnd();
    return hadFocus;
  }

  get items() {
    return [...this.shown.values()].map(({ item }) => item);
  }

  toTheEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  // What to call after a change of the log.
  keepTheEnd() {
    const atTheEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_THE_END;
    return () => atTheEnd && this.toTheEnd();
  }
}

// Who is typing, below the entries of a log.
export class Typing {
  // The page's element `typing` contains `typist`.
  constructor({ typing, typist }, log) {
    Object.assign(this, { typing, typist, log });
  }

  // Shows it for so long. Without a time it is over.
  show(name, milliseconds = 0) {
    const keepTheEnd = this.log.keepTheEnd();
    clearTimeout(this.timer);
    this.typing.hidden = milliseconds <= 0;
    this.typist.textContent = milliseconds <= 0 ? "" : `${name} is typing`;
    if (milliseconds > 0) {
      this.timer = setTimeout(() => this.show(name), Math.min(milliseconds, LONGEST_TIMER));
      keepTheEnd();
    }
  }
}
