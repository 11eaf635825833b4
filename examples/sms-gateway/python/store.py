"""What was taken and what is to be done, in SQLite. A commit is on disk when it returns."""

import sqlite3
import threading
import time
from contextlib import contextmanager

KEPT_SECONDS = 35 * 24 * 3600  # no delivery is repeated later

SCHEMA = """
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
"""


class Store:
    def __init__(self, path):
        self.changed = threading.Condition()
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.executescript(SCHEMA)

    @contextmanager
    def transaction(self):
        with self.changed, self.db:
            yield
            self.changed.notify_all()

    def add(self, key, route, customer, body, receipt=None):
        """Returns False if there was a task with this key."""
        now = time.time()
        self.db.execute("DELETE FROM tasks WHERE taken_at < ? AND state <> 'waiting'", [now - KEPT_SECONDS])
        columns = "key, route, customer, body, receipt, due, taken_at"
        values = [key, route, customer, body, receipt, now, now]
        return self.db.execute(f"INSERT OR IGNORE INTO tasks ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values).rowcount == 1

    def next(self, routes):
        """Waits until a task is due. A customer's next one is due when the one before it is done."""
        first_of_each = "SELECT *, min(seq) FROM tasks WHERE state = 'waiting' AND route LIKE ? GROUP BY customer"
        while True:
            with self.changed:
                task = self.db.execute(f"{first_of_each} HAVING due <= ? ORDER BY seq", [routes, time.time()]).fetchone()
                if task:
                    return task
                self.changed.wait(timeout=1)

    def update(self, task, **values):
        """Changes a task that nothing else has finished."""
        names = ", ".join(f"{name} = ?" for name in values)
        with self.transaction():
            self.db.execute(f"UPDATE tasks SET {names} WHERE key = ? AND state = 'waiting'", [*values.values(), task["key"]])

    def finish(self, key, state):
        """Records the outcome of an SMS. Returns the SMS, or None if it is unknown or has an outcome."""
        finish = "UPDATE tasks SET state = ?, body = NULL WHERE key = ? AND state IN ('waiting', 'sent') RETURNING *"
        return self.db.execute(finish, [state, key]).fetchone()

    def all_delivered(self, receipt):
        return not self.db.execute("SELECT 1 FROM tasks WHERE receipt = ? AND state <> 'delivered'", [receipt]).fetchone()

    def customer(self, number):
        row = self.db.execute("SELECT * FROM customers WHERE number = ?", [number]).fetchone()
        return row or {"options": "[]", "offered_at": 0, "opted_out": False}

    def remember(self, number, name, value):
        new = f"INSERT INTO customers (number, {name}) VALUES (?, ?)"
        self.db.execute(f"{new} ON CONFLICT DO UPDATE SET {name} = excluded.{name}", [number, value])
