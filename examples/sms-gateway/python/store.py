"""What a repeated request must find again, in SQLite. A commit is on disk when it returns."""

import sqlite3
import threading
import time
from contextlib import contextmanager

KEPT_SECONDS = 35 * 24 * 3600  # no delivery is repeated later

SCHEMA = """
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
"""


class Store:
    def __init__(self, path):
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.executescript(SCHEMA)

    @contextmanager
    def transaction(self):
        with self.lock, self.db:
            yield

    def add_sms(self, key, receipt):
        """Returns its state after an earlier attempt, or None at the first one."""
        self.delete_old("sms")
        earlier = self.db.execute("SELECT state FROM sms WHERE key = ?", [key]).fetchone()
        self.db.execute("INSERT OR IGNORE INTO sms (key, receipt, taken_at) VALUES (?, ?, ?)", [key, receipt, time.time()])
        return earlier and earlier["state"]

    def set_state(self, key, state):
        """The first final state stays."""
        self.db.execute("UPDATE sms SET state = ? WHERE key = ? AND state IN ('taken', 'sent')", [state, key])

    def finish(self, key, status):
        """Returns the receipt that is due: after a failure, or once all SMS of a message are delivered; else None."""
        self.set_state(key, status)
        sms = self.db.execute("SELECT receipt FROM sms WHERE key = ? AND state = ?", [key, status]).fetchone()
        if sms and (status != "delivered" or self.all_delivered(sms["receipt"])):
            return sms["receipt"]
        return None

    def all_delivered(self, receipt):
        return not self.db.execute("SELECT 1 FROM sms WHERE receipt = ? AND state <> 'delivered'", [receipt]).fetchone()

    def add_reply(self, id, body):
        """Returns False if there was a reply with this id."""
        self.delete_old("replies")
        return self.db.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?)", [id, body, time.time()]).rowcount == 1

    def body_of_reply(self, id):
        return self.db.execute("SELECT body FROM replies WHERE id = ?", [id]).fetchone()["body"]

    def remove_body(self, id):
        self.db.execute("UPDATE replies SET body = NULL WHERE id = ?", [id])

    def delete_old(self, table):
        self.db.execute(f"DELETE FROM {table} WHERE taken_at < ?", [time.time() - KEPT_SECONDS])

    def customer(self, number):
        row = self.db.execute("SELECT * FROM customers WHERE number = ?", [number]).fetchone()
        return row or {"options": "[]", "offered_at": 0, "opted_out": False}

    def remember(self, number, **values):
        self.db.execute("INSERT OR IGNORE INTO customers (number) VALUES (?)", [number])
        names = ", ".join(f"{name} = ?" for name in values)
        self.db.execute(f"UPDATE customers SET {names} WHERE number = ?", [*values.values(), number])
