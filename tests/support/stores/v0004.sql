-- A store of version 4, as `sqlite3 .dump` writes it, but for the index of words, which is filled by rows;
-- loaded by tests/unit/test_sqlite_migrations.py. Never edit.
PRAGMA application_id = 1098016627;
PRAGMA user_version = 4;
BEGIN TRANSACTION;
CREATE TABLE attachments (
        id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        attachment TEXT NOT NULL
    ) WITHOUT ROWID
    ;
INSERT INTO "attachments" VALUES('picture-1','local',1763800002000,'{"id":"picture-1","name":"roof.png","media_type":"image/png","size_bytes":1000,"digest":"1111111111111111111111111111111111111111111111111111111111111111","width":4,"height":4}');
INSERT INTO "attachments" VALUES('picture-2','local',1763800002000,'{"id":"picture-2","name":"left.png","media_type":"image/png","size_bytes":500,"digest":"2222222222222222222222222222222222222222222222222222222222222222","width":4,"height":4}');
CREATE TABLE buckets (key TEXT PRIMARY KEY, full_at_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE conversations (
        num INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        user_id TEXT NOT NULL,
        title TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        model TEXT,
        system TEXT NOT NULL,
        head_id TEXT,
        rev INTEGER NOT NULL,
        pinned INTEGER NOT NULL,
        title_by_user INTEGER NOT NULL,
        unread INTEGER NOT NULL,
        draft TEXT NOT NULL,
        deleted_at INTEGER,
        change INTEGER NOT NULL
    , title_words TEXT NOT NULL DEFAULT '');
INSERT INTO "conversations" VALUES(1,'conversation-1','local','کتاب‌های آبی',1763800000000,1763800005000,NULL,'','message-4',2,1,1,1,'نیمه',NULL,1,' کتاب های کتابهای ابی');
INSERT INTO "conversations" VALUES(2,'conversation-2','local','Old plans',1763800000000,1763800005000,NULL,'','message-5',2,0,1,1,'',1763800009000,2,' old plans');
CREATE TABLE counter (last_change INTEGER NOT NULL);
INSERT INTO "counter" VALUES(2);
CREATE TABLE generation_events (
        generation_id TEXT NOT NULL REFERENCES generations (id) ON DELETE CASCADE,
        n INTEGER NOT NULL,
        owner TEXT NOT NULL,
        event TEXT NOT NULL,
        ends INTEGER NOT NULL,
        PRIMARY KEY (generation_id, n)
    ) WITHOUT ROWID
    ;
INSERT INTO "generation_events" VALUES('generation-1',1,'process-1','{"type":"started","model":"scripted"}',0);
INSERT INTO "generation_events" VALUES('generation-1',2,'process-1','{"type":"text_delta","text":"Read the Shahnameh."}',0);
INSERT INTO "generation_events" VALUES('generation-1',3,'process-1','{"type":"completed","usage":{"input_tokens":7,"output_tokens":4}}',1);
INSERT INTO "generation_events" VALUES('generation-2',1,'process-1','{"type":"started","model":"scripted"}',0);
INSERT INTO "generation_events" VALUES('generation-2',2,'process-1','{"type":"text_delta","text":"Then Hafez"}',0);
INSERT INTO "generation_events" VALUES('generation-3',1,'process-1','{"type":"started","model":"scripted"}',0);
INSERT INTO "generation_events" VALUES('generation-3',2,'process-1','{"type":"text_delta","text":"A long answer that was cut"}',0);
INSERT INTO "generation_events" VALUES('generation-3',3,'process-1','{"type":"completed","usage":{"input_tokens":7,"output_tokens":9},"truncated":true}',1);
CREATE TABLE generations (
        id TEXT PRIMARY KEY,
        conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        user_id TEXT NOT NULL,
        message_id TEXT NOT NULL,
        model TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        owner TEXT NOT NULL,
        lease_until INTEGER NOT NULL,
        continues_id TEXT,
        cancel_requested INTEGER NOT NULL,
        ended_at INTEGER
    ) WITHOUT ROWID
    ;
INSERT INTO "generations" VALUES('generation-1','conversation-1','local','message-2','scripted','completed',1763800000000,'process-1',1763800015000,NULL,0,1763800004000);
INSERT INTO "generations" VALUES('generation-2','conversation-1','local','message-4','scripted','running',1763800000000,'process-1',1763800015000,NULL,0,NULL);
INSERT INTO "generations" VALUES('generation-3','conversation-2','local','message-6','scripted','completed',1763800002000,'process-1',1763800015000,NULL,0,1763800003000);
CREATE TABLE holds (
        user_id TEXT NOT NULL,
        day TEXT NOT NULL,
        generation_id TEXT NOT NULL,
        requests INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        micro_usd INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (user_id, day, generation_id)
    ) WITHOUT ROWID
    ;
CREATE TABLE invites (
        id TEXT PRIMARY KEY,
        code_digest TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        role TEXT NOT NULL,
        email TEXT NOT NULL,
        user_id TEXT,
        created_by TEXT,
        used_at INTEGER,
        used_by TEXT
    ) WITHOUT ROWID
    ;
CREATE VIRTUAL TABLE message_words USING fts5 (words, tokenize = 'ascii');
INSERT INTO "message_words" (rowid, words) VALUES(1,'می خواهم میخواهم کتاب بخوانم');
INSERT INTO "message_words" (rowid, words) VALUES(2,'read the shahnameh');
INSERT INTO "message_words" (rowid, words) VALUES(3,'and then');
INSERT INTO "message_words" (rowid, words) VALUES(5,'forgotten plans');
INSERT INTO "message_words" (rowid, words) VALUES(6,'a long answer that was cut');
CREATE TABLE messages (
        num INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        user_id TEXT NOT NULL,
        parent_id TEXT,
        seq INTEGER NOT NULL,
        role TEXT NOT NULL,
        parts TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        generation_id TEXT,
        model TEXT,
        usage TEXT,
        problem TEXT,
        client_msg_id TEXT,
        duration_s REAL, truncated INTEGER NOT NULL DEFAULT 0,
        UNIQUE (conversation_id, seq)
    );
INSERT INTO "messages" VALUES(1,'message-1','conversation-1','local',NULL,1,'user','[{"type": "text", "text": "می‌خواهم ''کتاب'' بخوانم"}]','completed',1763800001000,NULL,NULL,NULL,NULL,'sent-1',NULL,0);
INSERT INTO "messages" VALUES(2,'message-2','conversation-1','local','message-1',2,'assistant','[{"type": "thought", "text": "hidden thinking", "duration_s": 0.5}, {"type": "text", "text": "Read the Shahnameh."}]','completed',1763800002000,'generation-1','scripted','{"input_tokens": 7, "output_tokens": 4}',NULL,NULL,1.5,0);
INSERT INTO "messages" VALUES(3,'message-3','conversation-1','local','message-2',3,'user','[{"type": "text", "text": "And then?"}]','completed',1763800003000,NULL,NULL,NULL,NULL,'sent-2',NULL,0);
INSERT INTO "messages" VALUES(4,'message-4','conversation-1','local','message-3',4,'assistant','[]','running',1763800004000,'generation-2','scripted',NULL,NULL,NULL,NULL,0);
INSERT INTO "messages" VALUES(5,'message-5','conversation-2','local',NULL,1,'user','[{"type": "text", "text": "forgotten plans"}]','completed',1763800001000,NULL,NULL,NULL,NULL,'sent-1',NULL,0);
INSERT INTO "messages" VALUES(6,'message-6','conversation-2','local','message-5',2,'assistant','[{"type":"text","text":"A long answer that was cut"}]','completed',1763800002000,'generation-3','scripted','{"input_tokens":7,"output_tokens":9}',NULL,NULL,1.0,1);
INSERT INTO "messages" VALUES(7,'message-7','conversation-2','local','message-6',3,'user','[{"type":"attachment","attachment":{"id":"picture-1","name":"roof.png","media_type":"image/png","size_bytes":1000,"digest":"1111111111111111111111111111111111111111111111111111111111111111","width":4,"height":4}},{"type":"text","text":"What leaks?"}]','completed',1763800003000,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "message_words" (rowid, words) VALUES(7,'what leaks');
CREATE TABLE preferences (
        user_id TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (user_id, name)
    ) WITHOUT ROWID
    ;
INSERT INTO "preferences" VALUES('local','theme','argus-dark');
CREATE TABLE presence (
        client_id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        client TEXT NOT NULL,
        conversation_id TEXT,
        seen_at INTEGER NOT NULL
    ) WITHOUT ROWID
    ;
CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        seen_at INTEGER NOT NULL,
        client TEXT NOT NULL,
        address TEXT NOT NULL,
        ended_at INTEGER,
        generation INTEGER NOT NULL,
        refreshed_at INTEGER NOT NULL
    ) WITHOUT ROWID
    ;
CREATE TABLE usage_days (
        user_id TEXT NOT NULL,
        day TEXT NOT NULL,
        requests INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        micro_usd INTEGER NOT NULL,
        PRIMARY KEY (user_id, day)
    ) WITHOUT ROWID
    ;
CREATE TABLE users (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        created_at INTEGER NOT NULL
    , email TEXT NOT NULL DEFAULT '', role TEXT NOT NULL DEFAULT 'member', disabled INTEGER NOT NULL DEFAULT 0, password_hash TEXT) WITHOUT ROWID
    ;
INSERT INTO "users" VALUES('local','Local',1763800000000,'','member',0,NULL);
CREATE INDEX attachments_of ON attachments (user_id);
CREATE INDEX buckets_full ON buckets (full_at_us);
CREATE INDEX conversations_changed ON conversations (user_id, change);
CREATE INDEX conversations_deleted ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX conversations_listed ON conversations (user_id, pinned DESC, updated_at DESC, id, title_words, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX generations_ended ON generations (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX generations_of ON generations (conversation_id);
CREATE INDEX generations_running ON generations (conversation_id) WHERE status = 'running';
CREATE INDEX holds_old ON holds (created_at, generation_id);
CREATE INDEX invites_listed ON invites (created_at DESC, id);
CREATE INDEX messages_children ON messages (conversation_id, parent_id, seq);
CREATE INDEX messages_prompts ON messages (user_id, created_at DESC, num DESC) WHERE role = 'user';
CREATE UNIQUE INDEX messages_sent ON messages (conversation_id, client_msg_id) WHERE client_msg_id IS NOT NULL
    ;
CREATE INDEX presence_of ON presence (user_id, seen_at);
CREATE INDEX presence_seen ON presence (seen_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_open ON sessions (user_id, seen_at DESC, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_seen ON sessions (seen_at);
CREATE INDEX usage_days_old ON usage_days (day);
CREATE UNIQUE INDEX users_emails ON users (email) WHERE email != '';
COMMIT;
