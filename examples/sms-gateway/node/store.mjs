// What a repeated request must find again, in SQLite. A commit is on disk when it returns.

import { DatabaseSync } from "node:sqlite";

export const KEPT_SECONDS = 35 * 24 * 3600; // no delivery is repeated later

const SCHEMA = `
-- A message is not sent twice, and the gateway's status becomes the receipt of the right one.
CREATE TABLE IF NOT EXISTS sms (
    key TEXT PRIMARY KEY,                 -- the gateway's reference
    receipt TEXT NOT NULL,                -- JSON: the message and the customer that the receipt names
    state TEXT NOT NULL DEFAULT 'taken',  -- then 'sent'; at last a final status
    taken_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS of_one_message ON sms (receipt);
CREATE INDEX IF NOT EXISTS age_of_sms ON sms (taken_at);
-- A reply that is repeated is the same choice, or the same text, and no second STOP or START.
CREATE TABLE IF NOT EXISTS replies (
    id TEXT PRIMARY KEY,
    body TEXT,                            -- JSON: a message or a choice; removed once Patchbay has it
    taken_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS age_of_replies ON replies (taken_at);
CREATE TABLE IF NOT EXISTS customers (
    number TEXT PRIMARY KEY,
    options TEXT NOT NULL DEFAULT '[]',   -- of the last message, until one is chosen
    offered_at REAL NOT NULL DEFAULT 0,
    opted_out INTEGER NOT NULL DEFAULT FALSE
);
`;

export const now = () => Date.now() / 1000;

export class Store {
  constructor(path) {
    this.db = new DatabaseSync(path);
    this.db.exec(SCHEMA);
  }

  transaction(work) {
    this.db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.db.exec("COMMIT");
      return result;
    } catch (error) {
      this.db.exec("ROLLBACK");
      throw error;
    }
  }

  /** Returns its state after an earlier attempt, or nothing at the first one. */
  addSms(key, receipt) {
    this.deleteOld("sms");
    const earlier = this.db.prepare("SELECT state FROM sms WHERE key = ?").get(key);
    this.db.prepare("INSERT OR IGNORE INTO sms (key, receipt, taken_at) VALUES (?, ?, ?)").run(key, receipt, now());
    return earlier?.state;
  }

  /** The first final state stays. */
  setState(key, state) {
    this.db.prepare("UPDATE sms SET state = ? WHERE key = ? AND state IN ('taken', 'sent')").run(state, key);
  }

  /** Returns the receipt that is due: after a failure, or once all SMS of a message are delivered; else nothing. */
  finish(key, status) {
    this.setState(key, status);
    const sms = this.db.prepare("SELECT receipt FROM sms WHERE key = ? AND state = ?").get(key, status);
    return sms && (status !== "delivered" || this.allDelivered(sms.receipt)) ? sms.receipt : undefined;
  }

  allDelivered(receipt) {
    return !this.db.prepare("SELECT 1 FROM sms WHERE receipt = ? AND state <> 'delivered'").get(receipt);
  }

  /** Returns false if there was a reply with this id. */
  addReply(id, body) {
    this.deleteOld("replies");
    return this.db.prepare("INSERT OR IGNORE INTO replies VALUES (?, ?, ?)").run(id, body, now()).changes === 1;
  }

  bodyOfReply(id) {
    return this.db.prepare("SELECT body FROM replies WHERE id = ?").get(id).body;
  }

  removeBody(id) {
    this.db.prepare("UPDATE replies SET body = NULL WHERE id = ?").run(id);
  }

  deleteOld(table) {
    this.db.prepare(`DELETE FROM ${table} WHERE taken_at < ?`).run(now() - KEPT_SECONDS);
  }

  customer(number) {
    const row = this.db.prepare("SELECT * FROM customers WHERE number = ?").get(number);
    return row ?? { options: "[]", offered_at: 0, opted_out: 0 };
  }

  remember(number, values) {
    this.db.prepare("INSERT OR IGNORE INTO customers (number) VALUES (?)").run(number);
    const names = Object.keys(values).map((name) => `${name} = ?`);
    this.db.prepare(`UPDATE customers SET ${names} WHERE number = ?`).run(...Object.values(values), number);
  }
}
