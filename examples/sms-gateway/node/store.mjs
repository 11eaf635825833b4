// What was taken and what is to be done, in SQLite. A commit is on disk when it returns.

import { EventEmitter, once } from "node:events";
import { DatabaseSync } from "node:sqlite";

export const KEPT_SECONDS = 35 * 24 * 3600; // no delivery is repeated later

const SCHEMA = `
CREATE TABLE IF NOT EXISTS tasks (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,               -- the same for each repeat
    route TEXT NOT NULL,                    -- 'sms', or a route of Patchbay
    customer TEXT NOT NULL,                 -- whose tasks are in order: the number, or the message of a receipt
    body TEXT,                              -- JSON: text and options, or for Patchbay; removed once it was accepted
    receipt TEXT,                           -- of an SMS: the message and the customer that its receipt names
    state TEXT NOT NULL DEFAULT 'waiting',  -- then 'sent', or 'unknown'; at last 'delivered' or 'failed'
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    taken_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS waiting ON tasks (customer, seq) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS of_one_message ON tasks (receipt) WHERE receipt IS NOT NULL;
CREATE INDEX IF NOT EXISTS age ON tasks (taken_at);
CREATE TABLE IF NOT EXISTS customers (
    number TEXT PRIMARY KEY,
    options TEXT NOT NULL DEFAULT '[]',     -- of the last message, until one is chosen
    offered_at REAL NOT NULL DEFAULT 0,
    opted_out INTEGER NOT NULL DEFAULT FALSE
);
`;

export const now = () => Date.now() / 1000;

export class Store {
  constructor(path) {
    this.changed = new EventEmitter();
    this.db = new DatabaseSync(path);
    this.db.exec(SCHEMA);
  }

  transaction(change) {
    this.db.exec("BEGIN IMMEDIATE");
    try {
      change();
      this.db.exec("COMMIT");
    } catch (error) {
      this.db.exec("ROLLBACK");
      throw error;
    }
    this.changed.emit("change");
  }

  /** Returns false if there was a task with this key. */
  add(key, route, customer, body, receipt = null) {
    this.db.prepare("DELETE FROM tasks WHERE taken_at < ? AND state <> 'waiting'").run(now() - KEPT_SECONDS);
    const columns = "key, route, customer, body, receipt, due, taken_at";
    const insert = this.db.prepare(`INSERT OR IGNORE INTO tasks (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    return insert.run(key, route, customer, body, receipt, now(), now()).changes === 1;
  }

  /** Waits until a task is due. A customer's next one is due when the one before it is done. */
  async next(routes) {
    const firstOfEach = "SELECT *, min(seq) FROM tasks WHERE state = 'waiting' AND route LIKE ? GROUP BY customer";
    for (;;) {
      const task = this.db.prepare(`${firstOfEach} HAVING due <= ? ORDER BY seq`).get(routes, now());
      if (task) return task;
      await once(this.changed, "change", { signal: AbortSignal.timeout(1000) }).catch(() => {});
    }
  }

  /** Changes a task that nothing else has finished. */
  update(task, values) {
    const names = Object.keys(values).map((name) => `${name} = ?`);
    const update = `UPDATE tasks SET ${names} WHERE key = ? AND state = 'waiting'`;
    this.transaction(() => this.db.prepare(update).run(...Object.values(values), task.key));
  }

  /** Records the outcome of an SMS. Returns the SMS, or nothing if it is unknown or has an outcome. */
  finish(key, state) {
    const finish = "UPDATE tasks SET state = ?, body = NULL WHERE key = ? AND state IN ('waiting', 'sent') RETURNING *";
    return this.db.prepare(finish).get(state, key);
  }

  allDelivered(receipt) {
    return !this.db.prepare("SELECT 1 FROM tasks WHERE receipt = ? AND state <> 'delivered'").get(receipt);
  }

  customer(number) {
    const row = this.db.prepare("SELECT * FROM customers WHERE number = ?").get(number);
    return row ?? { options: "[]", offered_at: 0, opted_out: 0 };
  }

  remember(number, name, value) {
    const insert = `INSERT INTO customers (number, ${name}) VALUES (?, ?)`;
    this.db.prepare(`${insert} ON CONFLICT DO UPDATE SET ${name} = excluded.${name}`).run(number, value);
  }
}
