-- Times are microseconds since 1970-01-01 UTC.
CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- First and last version that is there; 0 without events.
    first INTEGER NOT NULL,
    head INTEGER NOT NULL,
    category TEXT,
    status TEXT,
    owner TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL
) STRICT;
CREATE INDEX stream_by_category ON stream (category, name) WHERE category IS NOT NULL;
CREATE INDEX stream_by_status ON stream (category, status, name) WHERE category IS NOT NULL;
CREATE INDEX stream_by_owner ON stream (category, owner, name) WHERE owner IS NOT NULL;

CREATE TABLE event (
    stream INTEGER NOT NULL,
    version INTEGER NOT NULL,
    packed INTEGER NOT NULL,
    -- CRC-32 of version, kind and payload.
    checksum INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (stream, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE claim (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    expires INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_by_expiry ON claim (expires) WHERE expires IS NOT NULL;

CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    owner TEXT,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is ready can be taken: at first when it is due, then when it is no longer held.
CREATE TABLE timer (
    id TEXT PRIMARY KEY,
    due INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    holder TEXT,
    payload BLOB NOT NULL
) STRICT;
CREATE INDEX timer_by_ready ON timer (ready, id);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    queue TEXT NOT NULL,
    due INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    holder TEXT,
    payload BLOB NOT NULL
) STRICT;
CREATE INDEX outbox_by_ready ON outbox (queue, ready, id);
