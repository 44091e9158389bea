-- trading-race: the schema of a race database. The only DDL of the project.
--
-- Money and quantities are integers in 1e-8, prices in 1e-10, volumes in 1e-4 units. Times are
-- milliseconds since 1970 UTC and end in _ms. A window is named by its start. Facts are
-- append-only: triggers refuse UPDATE, DELETE and a second INSERT of a key. Columns and tables
-- marked "volatile:" differ between equal races and are left out of `tr-db dump --logical`;
-- "surrogate:" marks numbers that only join tables. Lists of values are spelled out where rows
-- are many: of an IN with three and more SQLite makes a table at every insert. Views (v_*) show
-- human units.

PRAGMA application_id = 1414677313; -- "TRRA"
PRAGMA user_version = 2;

------------------------------------------------------------------------------- set-up

-- Values that differ from the registry's defaults; see tr-config(5).
CREATE TABLE settings (
  name TEXT PRIMARY KEY, -- section.key
  value TEXT NOT NULL, -- canonical text of the value
  version INTEGER NOT NULL CHECK (version > 0) -- counts the changes of this setting
) STRICT, WITHOUT ROWID;

-- Every change of a setting, for ever.
CREATE TABLE settings_log (
  seq INTEGER PRIMARY KEY, -- order of the changes, from 1
  name TEXT NOT NULL, -- the setting
  old_value TEXT, -- before; NULL: the default
  new_value TEXT, -- after; NULL: back to the default
  origin TEXT NOT NULL CHECK (origin IN ('init', 'set', 'unset', 'import')), -- how it came
  at_ms INTEGER NOT NULL -- volatile: wall time
) STRICT;

-- What can be traded.
CREATE TABLE assets (
  id INTEGER PRIMARY KEY, -- surrogate: joins
  symbol TEXT NOT NULL UNIQUE, -- BTC
  name TEXT NOT NULL, -- Bitcoin
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)), -- takes part from the next window on
  version INTEGER NOT NULL CHECK (version > 0), -- counts edits, for optimistic concurrency
  added_ms INTEGER NOT NULL -- volatile: wall time
) STRICT;

-- Where the prices of an asset come from, first choice first.
CREATE TABLE asset_feeds (
  asset_id INTEGER NOT NULL REFERENCES assets (id), -- the asset
  priority INTEGER NOT NULL CHECK (priority >= 0), -- 0 is asked first
  feed TEXT NOT NULL CHECK (feed IN ('sim', 'csv', 'history', 'binance', 'kraken', 'coinbase', 'coingecko')), -- kind of feed
  arg TEXT NOT NULL, -- what follows the colon: a file, a source, a market; '' for none
  quote TEXT NOT NULL, -- currency of its prices, accepted as the race's
  PRIMARY KEY (asset_id, priority)
) STRICT, WITHOUT ROWID;

-- Who takes part.
CREATE TABLE agents (
  id INTEGER PRIMARY KEY, -- surrogate: joins
  name TEXT NOT NULL UNIQUE, -- trend
  kind TEXT NOT NULL CHECK (kind IN ('rule', 'exec', 'llm', 'ml', 'manual')), -- what decides
  baseline INTEGER NOT NULL CHECK (baseline IN (0, 1)), -- a yardstick, exempt from share limits
  status TEXT NOT NULL CHECK (status IN ('active', 'paused', 'retired')), -- from the next window on
  version INTEGER NOT NULL CHECK (version > 0), -- the version that the next window will pin
  added_ms INTEGER NOT NULL -- volatile: wall time
) STRICT;

-- What an agent is made of; a change of strategy, parameters, arguments or program bytes is a new one.
CREATE TABLE agent_versions (
  agent_id INTEGER NOT NULL REFERENCES agents (id), -- the agent
  version INTEGER NOT NULL CHECK (version > 0), -- from 1
  spec TEXT NOT NULL, -- JSON, canonical: strategy and parameters, or arguments and hashes
  hash BLOB NOT NULL CHECK (length(hash) = 32), -- SHA-256 of spec
  added_ms INTEGER NOT NULL, -- volatile: wall time
  PRIMARY KEY (agent_id, version)
) STRICT, WITHOUT ROWID;

-- volatile: services for models, market data and predictions, as far as they differ from the
-- built-in ones: addresses and paths are of a machine, not of the race.
CREATE TABLE providers (
  name TEXT PRIMARY KEY, -- openai
  kind TEXT NOT NULL CHECK (kind IN ('openai', 'azure', 'anthropic', 'gemini', 'predict', 'binance', 'kraken', 'coinbase', 'coingecko')), -- the API it speaks
  base TEXT NOT NULL, -- URL without a slash at the end
  key_file TEXT, -- where its key lies, never the key; NULL: it needs none
  api_version TEXT, -- azure: the query that names the version; NULL: none
  json_schema INTEGER NOT NULL CHECK (json_schema IN (0, 1)), -- asked for structured output
  parallel INTEGER NOT NULL CHECK (parallel >= 0), -- calls in flight; 0: no limit
  per_minute INTEGER NOT NULL CHECK (per_minute >= 0), -- calls in a minute; 0: no limit
  per_month INTEGER NOT NULL CHECK (per_month >= 0), -- calls in a UTC month; 0: no limit
  version INTEGER NOT NULL CHECK (version > 0) -- counts edits, for optimistic concurrency
) STRICT, WITHOUT ROWID;

-- Prices of models that the operator gave; the others are in the table that comes with the tools.
CREATE TABLE model_prices (
  provider TEXT NOT NULL, -- service
  model TEXT NOT NULL, -- its name there
  input INTEGER NOT NULL CHECK (input >= 0), -- a million tokens in, 1e-8 USD
  cached INTEGER NOT NULL CHECK (cached >= 0), -- the same when they were cached
  output INTEGER NOT NULL CHECK (output >= 0), -- a million tokens out
  since TEXT NOT NULL, -- UTC date from which it holds
  PRIMARY KEY (provider, model)
) STRICT, WITHOUT ROWID;

-- What an agent may spend on a day, where it differs from budget.agent_usd_day.
CREATE TABLE agent_budgets (
  agent_id INTEGER PRIMARY KEY REFERENCES agents (id), -- the agent
  usd_day INTEGER NOT NULL CHECK (usd_day >= 0) -- 1e-8 USD a UTC day
) STRICT, WITHOUT ROWID;

-- volatile: how much of its words a page shows, where an agent differs from reasoning; no part
-- of the race.
CREATE TABLE agent_publish (
  agent_id INTEGER PRIMARY KEY REFERENCES agents (id), -- the agent
  publish TEXT NOT NULL CHECK (publish IN ('all', 'none')) -- also what it is made of, or nothing
) STRICT, WITHOUT ROWID;

-- volatile: what tr-replay made this race from, so that it can be continued.
CREATE TABLE replays (
  id INTEGER PRIMARY KEY CHECK (id = 1), -- one per race
  request TEXT NOT NULL, -- JSON, canonical: what it was asked for
  from_ms INTEGER NOT NULL, -- first window
  to_ms INTEGER NOT NULL CHECK (to_ms > from_ms) -- the one after the last
) STRICT;

-- Stops of all fills, and their releases: the last row of a name counts.
CREATE TABLE halts (
  seq INTEGER PRIMARY KEY, -- order, from 1
  name TEXT NOT NULL, -- who halted: operator, audit
  action TEXT NOT NULL CHECK (action IN ('halt', 'release')), -- what was done
  reason TEXT NOT NULL, -- why
  at_ms INTEGER NOT NULL -- volatile: wall time
) STRICT;

------------------------------------------------------------------------------- market

-- Where candles come from; indicators never mix two of them.
CREATE TABLE sources (
  id INTEGER PRIMARY KEY, -- surrogate: joins
  name TEXT NOT NULL UNIQUE -- sim, import, csv:/path/file.csv, kraken:XBTUSD
) STRICT;

-- volatile: which state of a candle file has been read, so that it is read once.
CREATE TABLE source_files (
  source_id INTEGER PRIMARY KEY REFERENCES sources (id), -- the source
  asset_id INTEGER NOT NULL REFERENCES assets (id), -- the asset in the file
  interval_s INTEGER NOT NULL CHECK (interval_s > 0), -- of its candles
  size INTEGER NOT NULL, -- bytes when read
  mtime_ns INTEGER NOT NULL -- time stamp when read
) STRICT;
CREATE INDEX source_files_asset ON source_files (asset_id);

-- Candles as they were first seen.
CREATE TABLE candles (
  asset_id INTEGER NOT NULL REFERENCES assets (id), -- the asset
  source_id INTEGER NOT NULL REFERENCES sources (id), -- who said so; unindexed: sources stay
  interval_s INTEGER NOT NULL CHECK (interval_s > 0), -- length
  open_ms INTEGER NOT NULL CHECK (open_ms >= 0 AND open_ms % 1000 = 0), -- start
  open INTEGER NOT NULL CHECK (open > 0), -- first price, 1e-10
  high INTEGER NOT NULL CHECK (high >= open AND high >= close), -- highest price, 1e-10
  low INTEGER NOT NULL CHECK (low > 0 AND low <= open AND low <= close), -- lowest price, 1e-10
  close INTEGER NOT NULL CHECK (close > 0), -- last price, 1e-10
  volume INTEGER NOT NULL CHECK (volume >= 0), -- traded, 1e-4
  seen_ms INTEGER NOT NULL, -- the first window whose agents may see it
  PRIMARY KEY (asset_id, source_id, interval_s, open_ms)
) STRICT, WITHOUT ROWID;

-- Later values of a candle, each visible from its window on.
CREATE TABLE candle_revisions (
  asset_id INTEGER NOT NULL REFERENCES assets (id), -- the asset
  source_id INTEGER NOT NULL REFERENCES sources (id), -- who said so; unindexed: sources stay
  interval_s INTEGER NOT NULL CHECK (interval_s > 0), -- length
  open_ms INTEGER NOT NULL, -- start
  seen_ms INTEGER NOT NULL, -- the first window whose agents may see this value
  open INTEGER NOT NULL CHECK (open > 0), -- first price, 1e-10
  high INTEGER NOT NULL CHECK (high >= open AND high >= close), -- highest price, 1e-10
  low INTEGER NOT NULL CHECK (low > 0 AND low <= open AND low <= close), -- lowest price, 1e-10
  close INTEGER NOT NULL CHECK (close > 0), -- last price, 1e-10
  volume INTEGER NOT NULL CHECK (volume >= 0), -- traded, 1e-4
  PRIMARY KEY (asset_id, source_id, interval_s, open_ms, seen_ms)
) STRICT, WITHOUT ROWID;

-- What a window ran under: settings, assets, agent versions, definition; shared by equal windows.
CREATE TABLE pins (
  hash BLOB PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of content
  content TEXT NOT NULL -- JSON, canonical: tr.pin/1
) STRICT, WITHOUT ROWID;

-- One row per window that was begun.
CREATE TABLE cycles (
  window_ms INTEGER PRIMARY KEY CHECK (window_ms % 300000 = 0), -- its start
  previous_ms INTEGER REFERENCES cycles (window_ms), -- the window begun before it
  pin BLOB NOT NULL REFERENCES pins (hash), -- what it runs under
  decision INTEGER NOT NULL CHECK (decision IN (0, 1)), -- whether agents decide in it
  live INTEGER NOT NULL CHECK (live IN (0, 1)), -- volatile: begun by the clock, not by --now or --window
  state TEXT NOT NULL CHECK (state = 'running' OR state = 'completed' OR state = 'partial' OR state = 'failed' OR state = 'quarantined' OR state = 'needs_operator'), -- volatile: where it stands
  attempts INTEGER NOT NULL CHECK (attempts > 0), -- volatile: how often tr-cycle started it
  started_ms INTEGER NOT NULL, -- volatile: wall time
  ended_ms INTEGER -- volatile: wall time
) STRICT;
CREATE INDEX cycles_pin ON cycles (pin);
CREATE INDEX cycles_previous ON cycles (previous_ms);

-- The prices of a window exist: everything in it uses these.
CREATE TABLE batches (
  window_ms INTEGER PRIMARY KEY REFERENCES cycles (window_ms), -- the window
  n_prices INTEGER NOT NULL CHECK (n_prices >= 0), -- assets with a price
  n_assets INTEGER NOT NULL CHECK (n_assets >= n_prices) -- assets that were asked for
) STRICT;

-- One price per asset and window; an asset without a price has no row.
CREATE TABLE prices (
  window_ms INTEGER NOT NULL REFERENCES batches (window_ms), -- the window
  asset_id INTEGER NOT NULL REFERENCES assets (id), -- the asset
  price INTEGER NOT NULL CHECK (price > 0), -- 1e-10
  price_ms INTEGER NOT NULL, -- the time the price belongs to: the end of its candle
  source_id INTEGER NOT NULL REFERENCES sources (id), -- who said so; unindexed: sources stay
  interval_s INTEGER NOT NULL, -- of the candles of this source
  quality TEXT NOT NULL CHECK (quality = 'fresh' OR quality = 'last_good' OR quality = 'stale' OR quality = 'suspect'), -- the first two can be traded on
  note TEXT NOT NULL, -- why it is suspect, else ''
  PRIMARY KEY (window_ms, asset_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX prices_asset ON prices (asset_id, window_ms);

-- Prices that a service named for a moment, where it has no candles for a window.
CREATE TABLE quotes (
  window_ms INTEGER NOT NULL REFERENCES cycles (window_ms), -- the window that asked
  asset_id INTEGER NOT NULL REFERENCES assets (id), -- the asset
  source_id INTEGER NOT NULL REFERENCES sources (id), -- who said so; unindexed: sources stay
  price INTEGER NOT NULL CHECK (price > 0), -- 1e-10
  price_ms INTEGER NOT NULL, -- the time the price belongs to
  PRIMARY KEY (window_ms, asset_id, source_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX quotes_asset ON quotes (asset_id, window_ms);

-- The moods of the market that agents were shown, tr-agents(7).
CREATE TABLE regimes (
  window_ms INTEGER PRIMARY KEY REFERENCES batches (window_ms), -- a window in which agents decided
  regimes TEXT NOT NULL -- JSON object, canonical: bullish, bearish, volatile or stable by asset; null: too few candles
) STRICT;

-- volatile: what became of each feed that was asked in a window.
CREATE TABLE feed_results (
  window_ms INTEGER NOT NULL REFERENCES cycles (window_ms), -- the window
  asset_id INTEGER NOT NULL REFERENCES assets (id), -- the asset
  priority INTEGER NOT NULL, -- of the feed
  source TEXT NOT NULL, -- its name: kraken:XBTUSD
  outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'failed', 'refused')), -- refused: not asked
  detail TEXT NOT NULL, -- why not, else ''
  PRIMARY KEY (window_ms, asset_id, priority)
) STRICT, WITHOUT ROWID;
CREATE INDEX feed_results_asset ON feed_results (asset_id);

------------------------------------------------------------------------------- books

-- Cash of an agent: a cache of its trades, rebuilt and compared by tr-audit.
CREATE TABLE portfolios (
  agent_id INTEGER PRIMARY KEY REFERENCES agents (id), -- the agent
  start_cash INTEGER NOT NULL CHECK (start_cash > 0), -- 1e-8
  cash INTEGER NOT NULL CHECK (cash >= 0), -- 1e-8
  seq INTEGER NOT NULL CHECK (seq >= 0) -- of its last trade
) STRICT;

-- What an agent holds: a cache as well; a closed position has no row.
CREATE TABLE positions (
  agent_id INTEGER NOT NULL REFERENCES portfolios (agent_id), -- the agent
  asset_id INTEGER NOT NULL REFERENCES assets (id), -- the asset
  quantity INTEGER NOT NULL CHECK (quantity > 0), -- units held, 1e-8
  cost INTEGER NOT NULL CHECK (cost >= 0), -- what they cost with fees, 1e-8
  PRIMARY KEY (agent_id, asset_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX positions_asset ON positions (asset_id);

-- One answer per agent and window.
CREATE TABLE decisions (
  agent_id INTEGER NOT NULL REFERENCES agents (id), -- who
  window_ms INTEGER NOT NULL, -- the batch it was made on
  version INTEGER NOT NULL, -- of the agent
  status TEXT NOT NULL CHECK (status = 'ok' OR status = 'hold' OR status = 'invalid' OR status = 'timeout' OR status = 'refused' OR status = 'late' OR status = 'error' OR status = 'budget'), -- kind of answer
  origin TEXT NOT NULL CHECK (origin IN ('agent', 'manual')), -- asked for, or handed in by tr-trade
  fill_ms INTEGER NOT NULL CHECK (fill_ms >= window_ms), -- the window whose batch fills it
  orders TEXT NOT NULL, -- JSON array, canonical: what it wants
  reasoning TEXT, -- why, in its words
  confidence_e4 INTEGER CHECK (confidence_e4 BETWEEN 0 AND 10000), -- how sure it says it is
  error TEXT, -- why the status is neither ok nor hold
  hash BLOB NOT NULL CHECK (length(hash) = 32), -- SHA-256 of status, orders, reasoning, confidence, error
  context BLOB CHECK (length(context) = 32), -- SHA-256 of what it was shown; NULL when handed in
  raw BLOB, -- the answer byte for byte; NULL for rule agents
  at_ms INTEGER NOT NULL, -- logical time: the window it belongs to, or --now of the person
  latency_ms INTEGER NOT NULL, -- volatile: how long it took
  PRIMARY KEY (agent_id, window_ms),
  FOREIGN KEY (agent_id, version) REFERENCES agent_versions (agent_id, version)
) STRICT, WITHOUT ROWID;

-- The rules that a decision says it followed; one that names none has no row.
CREATE TABLE citations (
  agent_id INTEGER NOT NULL, -- who
  window_ms INTEGER NOT NULL, -- the decision's window
  rules TEXT NOT NULL, -- JSON array, canonical: in the agent's words; part of the decision's hash
  PRIMARY KEY (agent_id, window_ms),
  FOREIGN KEY (agent_id, window_ms) REFERENCES decisions (agent_id, window_ms)
) STRICT, WITHOUT ROWID;

-- Who gave an answer that was asked for over the network, and what it was asked.
CREATE TABLE answers (
  agent_id INTEGER NOT NULL, -- who
  window_ms INTEGER NOT NULL, -- the decision's window
  provider TEXT NOT NULL, -- service that answered, or was asked last
  model TEXT NOT NULL, -- as it was asked for
  substitute INTEGER NOT NULL CHECK (substitute IN (0, 1)), -- another model than the agent's first
  returned TEXT, -- as the service named what answered; NULL: it did not
  system BLOB CHECK (length(system) = 32), -- SHA-256 of the system part of the prompt; in blobs
  head BLOB CHECK (length(head) = 32), -- of the user part that all agents of the window share; in blobs
  tail BLOB CHECK (length(tail) = 32), -- of the rest of the user part; in blobs
  prompt BLOB NOT NULL CHECK (length(prompt) = 32), -- of the whole prompt
  input INTEGER, -- tokens; NULL: not said
  cached INTEGER, -- of them, from the service's cache
  output INTEGER, -- tokens
  reasoning INTEGER, -- of them, not shown
  cost INTEGER NOT NULL CHECK (cost >= 0), -- of the answer, 1e-8 USD, by the price table of its day
  PRIMARY KEY (agent_id, window_ms),
  FOREIGN KEY (agent_id, window_ms) REFERENCES decisions (agent_id, window_ms)
) STRICT, WITHOUT ROWID;

-- A decision was carried out, or never will be. One per decision: nothing executes twice.
CREATE TABLE executions (
  agent_id INTEGER NOT NULL, -- who
  window_ms INTEGER NOT NULL, -- the decision's window
  exec_ms INTEGER NOT NULL REFERENCES batches (window_ms), -- the window that carried it out and seals it
  status TEXT NOT NULL CHECK (status = 'executed' OR status = 'expired' OR status = 'void' OR status = 'halted'), -- void: there was nothing valid to execute
  n_orders INTEGER NOT NULL CHECK (n_orders >= 0), -- in the decision
  n_trades INTEGER NOT NULL CHECK (n_trades BETWEEN 0 AND n_orders), -- that filled
  cash_before INTEGER NOT NULL CHECK (cash_before >= 0), -- 1e-8
  cash_after INTEGER NOT NULL CHECK (cash_after >= 0), -- 1e-8
  PRIMARY KEY (agent_id, window_ms),
  FOREIGN KEY (agent_id, window_ms) REFERENCES decisions (agent_id, window_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX executions_exec ON executions (exec_ms, agent_id);

-- Every proposed order of an executed decision, with what risk and the market made of it.
CREATE TABLE orders (
  agent_id INTEGER NOT NULL, -- who
  window_ms INTEGER NOT NULL, -- the decision's window
  idx INTEGER NOT NULL CHECK (idx >= 0), -- place in the decision
  asset TEXT NOT NULL, -- as the agent wrote it
  side TEXT NOT NULL CHECK (side IN ('buy', 'sell')), -- direction
  quantity INTEGER CHECK (quantity > 0), -- asked for in units, 1e-8
  notional INTEGER CHECK (notional > 0), -- or by value, 1e-8
  limit_price INTEGER CHECK (limit_price > 0), -- worst price accepted, 1e-10
  action TEXT NOT NULL CHECK (action = 'pass' OR action = 'clip' OR action = 'drop'), -- what became of it
  reasons TEXT NOT NULL, -- names of the rules that spoke, comma-separated
  wanted INTEGER NOT NULL CHECK (wanted >= 0), -- units before any edit, 1e-8
  filled INTEGER NOT NULL CHECK (filled >= 0), -- units traded, 1e-8
  PRIMARY KEY (agent_id, window_ms, idx),
  FOREIGN KEY (agent_id, window_ms) REFERENCES executions (agent_id, window_ms),
  CHECK ((quantity IS NULL) <> (notional IS NULL)),
  CHECK ((action = 'drop') = (filled = 0))
) STRICT, WITHOUT ROWID;

-- Fills: the only thing that moves money.
CREATE TABLE trades (
  id INTEGER PRIMARY KEY, -- surrogate: for people
  agent_id INTEGER NOT NULL, -- who
  seq INTEGER NOT NULL CHECK (seq > 0), -- of the agent, contiguous from 1
  window_ms INTEGER NOT NULL, -- the decision's window
  idx INTEGER NOT NULL, -- the order in it
  fill_ms INTEGER NOT NULL, -- the window whose batch filled it
  asset_id INTEGER NOT NULL REFERENCES assets (id), -- what
  side TEXT NOT NULL CHECK (side IN ('buy', 'sell')), -- direction
  quantity INTEGER NOT NULL CHECK (quantity > 0), -- 1e-8
  price INTEGER NOT NULL CHECK (price > 0), -- of the batch, 1e-10
  fill_price INTEGER NOT NULL CHECK (fill_price > 0), -- after slippage, 1e-10
  notional INTEGER NOT NULL CHECK (notional >= 0), -- quantity at the fill price, 1e-8
  fee INTEGER NOT NULL CHECK (fee >= 0), -- 1e-8
  realised INTEGER NOT NULL, -- result of a sale after fees against its cost, 1e-8
  cash_after INTEGER NOT NULL CHECK (cash_after >= 0), -- 1e-8
  position_after INTEGER NOT NULL CHECK (position_after >= 0), -- units of the asset, 1e-8
  cost_after INTEGER NOT NULL CHECK (cost_after >= 0), -- their cost, 1e-8
  UNIQUE (agent_id, seq),
  FOREIGN KEY (agent_id, window_ms, idx) REFERENCES orders (agent_id, window_ms, idx),
  FOREIGN KEY (fill_ms, asset_id) REFERENCES prices (window_ms, asset_id)
) STRICT;
CREATE UNIQUE INDEX trades_order ON trades (agent_id, window_ms, idx);
CREATE INDEX trades_asset ON trades (asset_id, agent_id, seq);
CREATE INDEX trades_fill ON trades (fill_ms, asset_id);

-- What an agent is worth at a window: before the decisions of the window, and after them.
CREATE TABLE snapshots (
  agent_id INTEGER NOT NULL REFERENCES portfolios (agent_id), -- who
  window_ms INTEGER NOT NULL REFERENCES batches (window_ms), -- when; unindexed: batches stay
  phase TEXT NOT NULL CHECK (phase IN ('pre', 'post')), -- before or after the trades of the window
  cash INTEGER NOT NULL CHECK (cash >= 0), -- 1e-8
  positions_value INTEGER NOT NULL CHECK (positions_value >= 0), -- at the batch's prices, 1e-8
  unrealised INTEGER NOT NULL, -- positions_value minus their cost, 1e-8
  total INTEGER NOT NULL, -- cash + positions_value, 1e-8
  unpriced INTEGER NOT NULL CHECK (unpriced >= 0), -- positions valued at an earlier batch, as this one has no price for them
  PRIMARY KEY (agent_id, window_ms, phase),
  CHECK (total = cash + positions_value)
) STRICT, WITHOUT ROWID;

-- The chain: one link per window over everything that happened in it.
CREATE TABLE seals (
  n INTEGER PRIMARY KEY CHECK (n > 0), -- contiguous from 1
  window_ms INTEGER NOT NULL UNIQUE REFERENCES batches (window_ms), -- the window
  batch BLOB NOT NULL CHECK (length(batch) = 32), -- digest of the batch and its pin
  decisions BLOB NOT NULL CHECK (length(decisions) = 32), -- of the decisions carried out in it
  orders BLOB NOT NULL CHECK (length(orders) = 32), -- of their orders
  executions BLOB NOT NULL CHECK (length(executions) = 32), -- of executions and trades
  snapshots BLOB NOT NULL CHECK (length(snapshots) = 32), -- of the snapshots
  previous BLOB NOT NULL CHECK (length(previous) = 32), -- hash of the seal before; zeros for the first
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32) -- of all of the above
) STRICT;

------------------------------------------------------------------------------- journal

-- volatile: the history of each window: what began, was done, failed, was resumed.
CREATE TABLE events (
  window_ms INTEGER NOT NULL REFERENCES cycles (window_ms), -- the window
  seq INTEGER NOT NULL CHECK (seq BETWEEN 1 AND 4096), -- contiguous from 1
  type TEXT NOT NULL CHECK (type = 'started' OR type = 'resumed' OR type = 'completed' OR type = 'failed' OR type = 'sealed'), -- what happened
  stage TEXT NOT NULL, -- ingest, settle, pre, decide, trade, post; '' for the window
  input BLOB CHECK (length(input) = 32), -- hash of the pin that a completed stage ran under
  detail TEXT NOT NULL, -- counts, or an error
  at_ms INTEGER NOT NULL, -- wall time
  PRIMARY KEY (window_ms, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_stage ON events (window_ms, stage) WHERE type = 'completed';

-- volatile: windows that the clock passed without a run, and why; never run afterwards.
CREATE TABLE missed (
  window_ms INTEGER PRIMARY KEY CHECK (window_ms % 300000 = 0), -- its start
  reason TEXT NOT NULL CHECK (reason IN ('missed', 'skipped_overlap')), -- nothing ran, or another window still did
  noted_ms INTEGER NOT NULL -- wall time
) STRICT;

-- volatile: problems that tr-check found, each told once and once more when it is over.
CREATE TABLE alerts (
  name TEXT PRIMARY KEY, -- of the problem: last_window, disk ...
  firing INTEGER NOT NULL CHECK (firing IN (0, 1)), -- whether it is there
  severity TEXT NOT NULL CHECK (severity IN ('warning', 'critical')), -- how bad
  detail TEXT NOT NULL, -- one line for people
  since_ms INTEGER NOT NULL, -- wall time of the last change
  told_ms INTEGER -- wall time at which alert.command took it; NULL: not yet
) STRICT, WITHOUT ROWID;

-- volatile: effects under a key, so that each happens once (tr-once); SEMANTICS R-3.
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 255), -- chosen by the caller
  op TEXT NOT NULL, -- kind of operation: once, ...
  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32), -- SHA-256 of what is asked for
  state TEXT NOT NULL CHECK (state IN ('in_progress', 'completed', 'failed_final', 'expired')), -- where it stands
  owner TEXT NOT NULL, -- host:boot_id:pid:start_ticks of who works on it, or did
  fence INTEGER NOT NULL CHECK (fence > 0), -- rises with every takeover; writes carry it
  lease_end_ms INTEGER NOT NULL, -- boot clock of the owner's boot
  attempts INTEGER NOT NULL CHECK (attempts > 0), -- how often it was started
  replays INTEGER NOT NULL CHECK (replays >= 0), -- how often the stored result was given out
  exit_status INTEGER, -- of the command
  output BLOB, -- its standard output
  error_tail BLOB, -- the end of its standard error
  created_ms INTEGER NOT NULL, -- wall time
  updated_ms INTEGER NOT NULL, -- wall time
  expires_ms INTEGER NOT NULL -- wall time from which the key may be used anew
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_expires ON idempotency (expires_ms);

-- volatile: texts that decisions refer to by hash, compressed: shared parts of contexts.
CREATE TABLE blobs (
  hash BLOB PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of the text
  size INTEGER NOT NULL CHECK (size >= 0), -- of the text
  data BLOB NOT NULL -- deflated
) STRICT, WITHOUT ROWID;

-- The shared part of the contexts of a window.
CREATE TABLE contexts (
  window_ms INTEGER PRIMARY KEY REFERENCES batches (window_ms), -- the window
  hash BLOB NOT NULL CHECK (length(hash) = 32) -- of the text, in blobs unless pruned
) STRICT;

------------------------------------------------------------------------------- resilience

-- volatile: circuit breakers by service; SEMANTICS R-13 to R-20.
CREATE TABLE breakers (
  service TEXT PRIMARY KEY, -- openai:gpt-4o-mini
  state TEXT NOT NULL CHECK (state IN ('closed', 'open', 'half_open', 'isolated')), -- whether calls pass
  epoch INTEGER NOT NULL CHECK (epoch > 0), -- rises with every change; results carry it
  consecutive INTEGER NOT NULL CHECK (consecutive >= 0), -- failures in a row
  samples INTEGER NOT NULL CHECK (samples >= 0), -- calls in the sampling window
  failed INTEGER NOT NULL CHECK (failed BETWEEN 0 AND samples), -- of them
  sampled_ms INTEGER NOT NULL, -- its start, boot clock
  opens INTEGER NOT NULL CHECK (opens >= 0), -- consecutive openings
  until_ms INTEGER NOT NULL, -- end of the break or of the probe's lease, boot clock
  needs_operator INTEGER NOT NULL CHECK (needs_operator IN (0, 1)), -- open until somebody acts
  boot TEXT NOT NULL, -- the boot whose clock it is
  changed_ms INTEGER NOT NULL -- wall time of the last change of state
) STRICT, WITHOUT ROWID;

-- volatile: the changes of the breakers.
CREATE TABLE breaker_log (
  seq INTEGER PRIMARY KEY, -- order
  service TEXT NOT NULL, -- which
  old_state TEXT NOT NULL, -- before
  new_state TEXT NOT NULL, -- after
  cause TEXT NOT NULL, -- of the change
  at_ms INTEGER NOT NULL -- wall time
) STRICT;
CREATE INDEX breaker_log_service ON breaker_log (service, seq);

-- volatile: retry budgets by provider, in tenths of a token (R-23).
CREATE TABLE budgets (
  provider TEXT PRIMARY KEY, -- whose
  tokens INTEGER NOT NULL CHECK (tokens BETWEEN 0 AND 100) -- left
) STRICT, WITHOUT ROWID;

-- volatile: every remote attempt, committed before it is made.
CREATE TABLE call_starts (
  id INTEGER PRIMARY KEY, -- surrogate: order of the attempts
  purpose TEXT NOT NULL CHECK (purpose IN ('decide', 'ingest', 'try', 'test', 'guard', 'heartbeat')), -- what for
  window_ms INTEGER, -- decide, ingest: the window
  agent_id INTEGER REFERENCES agents (id), -- decide, try: for whom
  provider TEXT NOT NULL, -- who is asked
  model TEXT NOT NULL, -- what of it: a model, a market; '' for none
  service TEXT NOT NULL, -- of its breaker
  attempt INTEGER NOT NULL CHECK (attempt > 0), -- of this call, from 1
  request BLOB CHECK (length(request) = 32), -- SHA-256 of what is asked
  reserved INTEGER NOT NULL CHECK (reserved >= 0), -- what it can cost at most, 1e-8 USD
  at_ms INTEGER NOT NULL -- wall time
) STRICT;
CREATE INDEX call_starts_provider ON call_starts (provider, at_ms);
CREATE INDEX call_starts_agent ON call_starts (agent_id, at_ms);
CREATE INDEX call_starts_window ON call_starts (window_ms);
CREATE INDEX call_starts_at ON call_starts (at_ms);

-- volatile: what became of it; none: it is under way, or its process died.
CREATE TABLE call_results (
  id INTEGER PRIMARY KEY REFERENCES call_starts (id), -- the attempt
  class TEXT NOT NULL, -- ok, refused, cut, empty, retry, stop, operator, malformed, or a class of tr-fetch
  status INTEGER NOT NULL, -- HTTP; 0: none
  lost INTEGER NOT NULL CHECK (lost IN (0, 1)), -- sent, and no reply: it may have been billed
  cost INTEGER NOT NULL CHECK (cost >= 0), -- 1e-8 USD; what was reserved where it is not known
  input INTEGER, -- tokens; NULL: not said
  output INTEGER, -- tokens
  latency_ms INTEGER NOT NULL, -- of the exchange
  error TEXT, -- one line; NULL: none
  at_ms INTEGER NOT NULL -- wall time
) STRICT;

-- volatile: what was spent and is reserved on a UTC day, by agent and (agent 0) in all.
CREATE TABLE spending (
  day_ms INTEGER NOT NULL CHECK (day_ms % 86400000 = 0), -- its start
  agent_id INTEGER NOT NULL, -- who; 0: the race
  spent INTEGER NOT NULL CHECK (spent >= 0), -- 1e-8 USD: the cost of what is known, else what was reserved
  PRIMARY KEY (day_ms, agent_id)
) STRICT, WITHOUT ROWID;

-- volatile: which candidate was chosen for a call, from what, and why.
CREATE TABLE routes (
  seq INTEGER PRIMARY KEY, -- order
  agent_id INTEGER NOT NULL REFERENCES agents (id), -- for whom
  window_ms INTEGER NOT NULL, -- when
  chosen TEXT NOT NULL, -- openai/gpt-4o-mini; '' if none could be asked
  candidates TEXT NOT NULL, -- JSON: each with its score and what it was made of
  at_ms INTEGER NOT NULL -- wall time
) STRICT;
CREATE INDEX routes_agent ON routes (agent_id, window_ms);

-- volatile: how candidates did, kept up with every attempt; can be rebuilt from the calls.
CREATE TABLE route_stats (
  candidate TEXT PRIMARY KEY, -- openai/gpt-4o-mini
  calls INTEGER NOT NULL CHECK (calls >= 0), -- attempts with a result
  good INTEGER NOT NULL CHECK (good BETWEEN 0 AND calls), -- that gave an answer
  latency_ms INTEGER NOT NULL CHECK (latency_ms >= 0), -- sum over the good ones
  cost INTEGER NOT NULL CHECK (cost >= 0) -- sum, 1e-8 USD
) STRICT, WITHOUT ROWID;

------------------------------------------------------------------------------- facts stay

-- The insert triggers make REPLACE fail even for a program that leaves recursive_triggers off.

CREATE TRIGGER settings_log_insert BEFORE INSERT ON settings_log WHEN EXISTS (SELECT 1 FROM settings_log WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'settings_log: facts are append-only: the key exists'); END;
CREATE TRIGGER settings_log_update BEFORE UPDATE ON settings_log
BEGIN SELECT RAISE(ABORT, 'settings_log: facts are append-only'); END;
CREATE TRIGGER settings_log_delete BEFORE DELETE ON settings_log
BEGIN SELECT RAISE(ABORT, 'settings_log: facts are append-only'); END;

CREATE TRIGGER agent_versions_insert BEFORE INSERT ON agent_versions WHEN EXISTS (SELECT 1 FROM agent_versions WHERE agent_id = NEW.agent_id AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'agent_versions: facts are append-only: the key exists'); END;
CREATE TRIGGER agent_versions_update BEFORE UPDATE ON agent_versions
BEGIN SELECT RAISE(ABORT, 'agent_versions: facts are append-only'); END;
CREATE TRIGGER agent_versions_delete BEFORE DELETE ON agent_versions
BEGIN SELECT RAISE(ABORT, 'agent_versions: facts are append-only'); END;

CREATE TRIGGER halts_insert BEFORE INSERT ON halts WHEN EXISTS (SELECT 1 FROM halts WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'halts: facts are append-only: the key exists'); END;
CREATE TRIGGER halts_update BEFORE UPDATE ON halts
BEGIN SELECT RAISE(ABORT, 'halts: facts are append-only'); END;
CREATE TRIGGER halts_delete BEFORE DELETE ON halts
BEGIN SELECT RAISE(ABORT, 'halts: facts are append-only'); END;

CREATE TRIGGER candle_revisions_insert BEFORE INSERT ON candle_revisions WHEN EXISTS (SELECT 1 FROM candle_revisions WHERE asset_id = NEW.asset_id AND source_id = NEW.source_id AND interval_s = NEW.interval_s AND open_ms = NEW.open_ms AND seen_ms = NEW.seen_ms)
BEGIN SELECT RAISE(ABORT, 'candle_revisions: facts are append-only: the key exists'); END;
CREATE TRIGGER candle_revisions_update BEFORE UPDATE ON candle_revisions
BEGIN SELECT RAISE(ABORT, 'candle_revisions: facts are append-only'); END;
CREATE TRIGGER candle_revisions_delete BEFORE DELETE ON candle_revisions
BEGIN SELECT RAISE(ABORT, 'candle_revisions: facts are append-only'); END;

CREATE TRIGGER pins_insert BEFORE INSERT ON pins WHEN EXISTS (SELECT 1 FROM pins WHERE hash = NEW.hash)
BEGIN SELECT RAISE(ABORT, 'pins: facts are append-only: the key exists'); END;
CREATE TRIGGER pins_update BEFORE UPDATE ON pins
BEGIN SELECT RAISE(ABORT, 'pins: facts are append-only'); END;
CREATE TRIGGER pins_delete BEFORE DELETE ON pins
BEGIN SELECT RAISE(ABORT, 'pins: facts are append-only'); END;

CREATE TRIGGER batches_insert BEFORE INSERT ON batches WHEN EXISTS (SELECT 1 FROM batches WHERE window_ms = NEW.window_ms)
BEGIN SELECT RAISE(ABORT, 'batches: facts are append-only: the key exists'); END;
CREATE TRIGGER batches_update BEFORE UPDATE ON batches
BEGIN SELECT RAISE(ABORT, 'batches: facts are append-only'); END;
CREATE TRIGGER batches_delete BEFORE DELETE ON batches
BEGIN SELECT RAISE(ABORT, 'batches: facts are append-only'); END;

CREATE TRIGGER prices_insert BEFORE INSERT ON prices WHEN EXISTS (SELECT 1 FROM prices WHERE window_ms = NEW.window_ms AND asset_id = NEW.asset_id)
BEGIN SELECT RAISE(ABORT, 'prices: facts are append-only: the key exists'); END;
CREATE TRIGGER prices_update BEFORE UPDATE ON prices
BEGIN SELECT RAISE(ABORT, 'prices: facts are append-only'); END;
CREATE TRIGGER prices_delete BEFORE DELETE ON prices
BEGIN SELECT RAISE(ABORT, 'prices: facts are append-only'); END;

CREATE TRIGGER decisions_insert BEFORE INSERT ON decisions WHEN EXISTS (SELECT 1 FROM decisions WHERE agent_id = NEW.agent_id AND window_ms = NEW.window_ms)
BEGIN SELECT RAISE(ABORT, 'decisions: facts are append-only: the key exists'); END;
CREATE TRIGGER decisions_update BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'decisions: facts are append-only'); END;
CREATE TRIGGER decisions_delete BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'decisions: facts are append-only'); END;

CREATE TRIGGER executions_insert BEFORE INSERT ON executions WHEN EXISTS (SELECT 1 FROM executions WHERE agent_id = NEW.agent_id AND window_ms = NEW.window_ms)
BEGIN SELECT RAISE(ABORT, 'executions: facts are append-only: the key exists'); END;
CREATE TRIGGER executions_update BEFORE UPDATE ON executions
BEGIN SELECT RAISE(ABORT, 'executions: facts are append-only'); END;
CREATE TRIGGER executions_delete BEFORE DELETE ON executions
BEGIN SELECT RAISE(ABORT, 'executions: facts are append-only'); END;

CREATE TRIGGER orders_insert BEFORE INSERT ON orders WHEN EXISTS (SELECT 1 FROM orders WHERE agent_id = NEW.agent_id AND window_ms = NEW.window_ms AND idx = NEW.idx)
BEGIN SELECT RAISE(ABORT, 'orders: facts are append-only: the key exists'); END;
CREATE TRIGGER orders_update BEFORE UPDATE ON orders
BEGIN SELECT RAISE(ABORT, 'orders: facts are append-only'); END;
CREATE TRIGGER orders_delete BEFORE DELETE ON orders
BEGIN SELECT RAISE(ABORT, 'orders: facts are append-only'); END;

CREATE TRIGGER trades_insert BEFORE INSERT ON trades WHEN EXISTS (SELECT 1 FROM trades WHERE id = NEW.id OR (agent_id = NEW.agent_id AND (seq = NEW.seq OR (window_ms = NEW.window_ms AND idx = NEW.idx))))
BEGIN SELECT RAISE(ABORT, 'trades: facts are append-only: the key exists'); END;
CREATE TRIGGER trades_update BEFORE UPDATE ON trades
BEGIN SELECT RAISE(ABORT, 'trades: facts are append-only'); END;
CREATE TRIGGER trades_delete BEFORE DELETE ON trades
BEGIN SELECT RAISE(ABORT, 'trades: facts are append-only'); END;

CREATE TRIGGER snapshots_insert BEFORE INSERT ON snapshots WHEN EXISTS (SELECT 1 FROM snapshots WHERE agent_id = NEW.agent_id AND window_ms = NEW.window_ms AND phase = NEW.phase)
BEGIN SELECT RAISE(ABORT, 'snapshots: facts are append-only: the key exists'); END;
CREATE TRIGGER snapshots_update BEFORE UPDATE ON snapshots
BEGIN SELECT RAISE(ABORT, 'snapshots: facts are append-only'); END;
CREATE TRIGGER snapshots_delete BEFORE DELETE ON snapshots
BEGIN SELECT RAISE(ABORT, 'snapshots: facts are append-only'); END;

CREATE TRIGGER seals_insert BEFORE INSERT ON seals WHEN EXISTS (SELECT 1 FROM seals WHERE n = NEW.n OR window_ms = NEW.window_ms OR hash = NEW.hash)
BEGIN SELECT RAISE(ABORT, 'seals: facts are append-only: the key exists'); END;
CREATE TRIGGER seals_update BEFORE UPDATE ON seals
BEGIN SELECT RAISE(ABORT, 'seals: facts are append-only'); END;
CREATE TRIGGER seals_delete BEFORE DELETE ON seals
BEGIN SELECT RAISE(ABORT, 'seals: facts are append-only'); END;

CREATE TRIGGER contexts_insert BEFORE INSERT ON contexts WHEN EXISTS (SELECT 1 FROM contexts WHERE window_ms = NEW.window_ms)
BEGIN SELECT RAISE(ABORT, 'contexts: facts are append-only: the key exists'); END;
CREATE TRIGGER contexts_update BEFORE UPDATE ON contexts
BEGIN SELECT RAISE(ABORT, 'contexts: facts are append-only'); END;
CREATE TRIGGER contexts_delete BEFORE DELETE ON contexts
BEGIN SELECT RAISE(ABORT, 'contexts: facts are append-only'); END;

CREATE TRIGGER quotes_insert BEFORE INSERT ON quotes WHEN EXISTS (SELECT 1 FROM quotes WHERE window_ms = NEW.window_ms AND asset_id = NEW.asset_id AND source_id = NEW.source_id)
BEGIN SELECT RAISE(ABORT, 'quotes: facts are append-only: the key exists'); END;
CREATE TRIGGER quotes_update BEFORE UPDATE ON quotes
BEGIN SELECT RAISE(ABORT, 'quotes: facts are append-only'); END;
CREATE TRIGGER quotes_delete BEFORE DELETE ON quotes
BEGIN SELECT RAISE(ABORT, 'quotes: facts are append-only'); END;

CREATE TRIGGER regimes_insert BEFORE INSERT ON regimes WHEN EXISTS (SELECT 1 FROM regimes WHERE window_ms = NEW.window_ms)
BEGIN SELECT RAISE(ABORT, 'regimes: facts are append-only: the key exists'); END;
CREATE TRIGGER regimes_update BEFORE UPDATE ON regimes
BEGIN SELECT RAISE(ABORT, 'regimes: facts are append-only'); END;
CREATE TRIGGER regimes_delete BEFORE DELETE ON regimes
BEGIN SELECT RAISE(ABORT, 'regimes: facts are append-only'); END;

CREATE TRIGGER citations_insert BEFORE INSERT ON citations WHEN EXISTS (SELECT 1 FROM citations WHERE agent_id = NEW.agent_id AND window_ms = NEW.window_ms)
BEGIN SELECT RAISE(ABORT, 'citations: facts are append-only: the key exists'); END;
CREATE TRIGGER citations_update BEFORE UPDATE ON citations
BEGIN SELECT RAISE(ABORT, 'citations: facts are append-only'); END;
CREATE TRIGGER citations_delete BEFORE DELETE ON citations
BEGIN SELECT RAISE(ABORT, 'citations: facts are append-only'); END;

CREATE TRIGGER answers_insert BEFORE INSERT ON answers WHEN EXISTS (SELECT 1 FROM answers WHERE agent_id = NEW.agent_id AND window_ms = NEW.window_ms)
BEGIN SELECT RAISE(ABORT, 'answers: facts are append-only: the key exists'); END;
CREATE TRIGGER answers_update BEFORE UPDATE ON answers
BEGIN SELECT RAISE(ABORT, 'answers: facts are append-only'); END;
CREATE TRIGGER answers_delete BEFORE DELETE ON answers
BEGIN SELECT RAISE(ABORT, 'answers: facts are append-only'); END;

CREATE TRIGGER call_starts_insert BEFORE INSERT ON call_starts WHEN EXISTS (SELECT 1 FROM call_starts WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'call_starts: facts are append-only: the key exists'); END;
CREATE TRIGGER call_starts_update BEFORE UPDATE ON call_starts
BEGIN SELECT RAISE(ABORT, 'call_starts: facts are append-only'); END;

CREATE TRIGGER call_results_insert BEFORE INSERT ON call_results WHEN EXISTS (SELECT 1 FROM call_results WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'call_results: facts are append-only: the key exists'); END;
CREATE TRIGGER call_results_update BEFORE UPDATE ON call_results
BEGIN SELECT RAISE(ABORT, 'call_results: facts are append-only'); END;

CREATE TRIGGER breaker_log_insert BEFORE INSERT ON breaker_log WHEN EXISTS (SELECT 1 FROM breaker_log WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'breaker_log: facts are append-only: the key exists'); END;
CREATE TRIGGER breaker_log_update BEFORE UPDATE ON breaker_log
BEGIN SELECT RAISE(ABORT, 'breaker_log: facts are append-only'); END;

CREATE TRIGGER routes_insert BEFORE INSERT ON routes WHEN EXISTS (SELECT 1 FROM routes WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'routes: facts are append-only: the key exists'); END;
CREATE TRIGGER routes_update BEFORE UPDATE ON routes
BEGIN SELECT RAISE(ABORT, 'routes: facts are append-only'); END;

CREATE TRIGGER events_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events: facts are append-only'); END;
CREATE TRIGGER events_insert BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE window_ms = NEW.window_ms AND (seq = NEW.seq OR (stage = NEW.stage AND type = 'completed' AND NEW.type = 'completed')))
BEGIN SELECT RAISE(ABORT, 'events: facts are append-only: the key exists'); END;
-- First-seen values of a candle stay; later ones go to candle_revisions.
CREATE TRIGGER candles_insert BEFORE INSERT ON candles WHEN EXISTS (SELECT 1 FROM candles WHERE asset_id = NEW.asset_id AND source_id = NEW.source_id AND interval_s = NEW.interval_s AND open_ms = NEW.open_ms)
BEGIN SELECT RAISE(ABORT, 'candles: first-seen values stay'); END;
CREATE TRIGGER candles_delete BEFORE DELETE ON candles
BEGIN SELECT RAISE(ABORT, 'candles: first-seen values stay'); END;
CREATE TRIGGER candles_update BEFORE UPDATE ON candles
BEGIN SELECT RAISE(ABORT, 'candles: first-seen values stay'); END;

------------------------------------------------------------------------------- views

-- Trades in human units, newest last.
CREATE VIEW v_trades AS
SELECT t.id, a.name AS agent, t.seq, strftime('%Y-%m-%d %H:%M', t.window_ms / 1000, 'unixepoch') AS decided,
       strftime('%Y-%m-%d %H:%M', t.fill_ms / 1000, 'unixepoch') AS filled, t.side, s.symbol AS asset,
       t.quantity / 1e8 AS quantity, t.price / 1e10 AS price, t.fill_price / 1e10 AS fill_price,
       t.notional / 1e8 AS notional, t.fee / 1e8 AS fee, t.realised / 1e8 AS realised,
       t.cash_after / 1e8 AS cash_after, t.position_after / 1e8 AS position_after
FROM trades AS t JOIN agents AS a ON a.id = t.agent_id JOIN assets AS s ON s.id = t.asset_id;

-- What everybody holds.
CREATE VIEW v_positions AS
SELECT a.name AS agent, s.symbol AS asset, p.quantity / 1e8 AS quantity, p.cost / 1e8 AS cost,
       p.cost * 1.0 / p.quantity AS average_price
FROM positions AS p JOIN agents AS a ON a.id = p.agent_id JOIN assets AS s ON s.id = p.asset_id;

-- Prices of every window.
CREATE VIEW v_prices AS
SELECT strftime('%Y-%m-%d %H:%M', p.window_ms / 1000, 'unixepoch') AS window, s.symbol AS asset,
       p.price / 1e10 AS price, strftime('%Y-%m-%d %H:%M', p.price_ms / 1000, 'unixepoch') AS price_time,
       c.name AS source, p.quality, p.note
FROM prices AS p JOIN assets AS s ON s.id = p.asset_id JOIN sources AS c ON c.id = p.source_id;

-- Decisions with the regimes of the moment, the rules they cite, and what became of them.
CREATE VIEW v_decisions AS
SELECT strftime('%Y-%m-%d %H:%M', d.window_ms / 1000, 'unixepoch') AS window, a.name AS agent, d.version,
       d.status, d.orders, d.reasoning, d.error, x.status AS execution, x.n_trades AS trades,
       g.regimes, c.rules
FROM decisions AS d JOIN agents AS a ON a.id = d.agent_id
LEFT JOIN regimes AS g ON g.window_ms = d.window_ms
LEFT JOIN citations AS c ON c.agent_id = d.agent_id AND c.window_ms = d.window_ms
LEFT JOIN executions AS x ON x.agent_id = d.agent_id AND x.window_ms = d.window_ms;

-- Worth of every agent over time.
CREATE VIEW v_snapshots AS
SELECT strftime('%Y-%m-%d %H:%M', n.window_ms / 1000, 'unixepoch') AS window, a.name AS agent, n.phase,
       n.cash / 1e8 AS cash, n.positions_value / 1e8 AS positions_value, n.unrealised / 1e8 AS unrealised,
       n.total / 1e8 AS total, n.unpriced
FROM snapshots AS n JOIN agents AS a ON a.id = n.agent_id;

-- Standings at the last snapshot of each agent.
CREATE VIEW v_board AS
SELECT a.name AS agent, a.kind, a.baseline, a.status, n.total / 1e8 AS total,
       round(100.0 * (n.total - p.start_cash) / p.start_cash, 4) AS return_pct, p.seq AS trades
FROM agents AS a JOIN portfolios AS p ON p.agent_id = a.id
LEFT JOIN snapshots AS n ON n.agent_id = a.id AND (n.window_ms, n.phase) =
  (SELECT window_ms, phase FROM snapshots WHERE agent_id = a.id ORDER BY window_ms DESC, phase = 'post' DESC LIMIT 1)
ORDER BY n.total DESC;

-- Remote attempts with what they came to.
CREATE VIEW v_calls AS
SELECT c.id, datetime(c.at_ms / 1000, 'unixepoch') AS at, c.purpose, a.name AS agent, c.service, c.attempt,
       r.class, r.status, c.reserved / 1e8 AS reserved_usd, r.cost / 1e8 AS cost_usd, r.latency_ms, r.error
FROM call_starts AS c LEFT JOIN call_results AS r ON r.id = c.id LEFT JOIN agents AS a ON a.id = c.agent_id;
