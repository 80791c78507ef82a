CREATE TABLE services (
    id INTEGER PRIMARY KEY,
    -- Of each run of a service one row, so that a restart is another.
    name TEXT NOT NULL,
    system TEXT,
    service TEXT NOT NULL,
    pid INTEGER,
    since INTEGER NOT NULL,
    -- JSON, once it is open.
    model TEXT,
    listens TEXT
) STRICT;
CREATE TABLE connections (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    -- Microseconds since 1970.
    time INTEGER NOT NULL,
    service INTEGER NOT NULL REFERENCES services(id),
    connection INTEGER NOT NULL REFERENCES connections(id),
    direction TEXT NOT NULL,
    kind TEXT NOT NULL,
    workflow_id TEXT,
    topic TEXT,
    peer TEXT,
    size INTEGER NOT NULL,
    -- Microseconds.
    took INTEGER,
    outcome TEXT,
    -- The frame as it was on the wire, the topic included.
    body BLOB
) STRICT;
CREATE INDEX messages_by_time ON messages (time);
CREATE INDEX messages_by_service ON messages (service, time);
CREATE INDEX messages_by_connection ON messages (connection, time);
CREATE INDEX messages_by_workflow ON messages (workflow_id) WHERE workflow_id IS NOT NULL;
CREATE TABLE states (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    service INTEGER NOT NULL REFERENCES services(id),
    connection INTEGER NOT NULL REFERENCES connections(id),
    type TEXT NOT NULL,
    number INTEGER,
    -- As 64 bits, for SQLite has no unsigned ones.
    epoch INTEGER,
    -- The whole value as MessagePack.
    body BLOB
) STRICT;
-- How many messages of a service were seen and had no room.
CREATE TABLE losses (
    time INTEGER NOT NULL,
    service INTEGER NOT NULL REFERENCES services(id),
    count INTEGER NOT NULL
) STRICT;
