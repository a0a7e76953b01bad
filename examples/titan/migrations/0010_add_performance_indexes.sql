-- Nine indexes for the queries that Titan runs most.
--
-- Every statement builds without blocking writers, so none of them can run inside a transaction: the file is applied
-- statement by statement, each recorded, and an interrupted run goes on where it stopped.
--
-- Header lines stand before the first statement. Each holds one query that returns true (or a row whose first column is
-- true): "require" is asked before anything of this file is changed, "verify" after its last statement, before the file
-- is recorded as applied. A line that ends in a backslash goes on in the next comment line.
--
-- require: SELECT count(*) >= 0 FROM (SELECT created_at, market_id FROM orders LIMIT 1) AS wanted
-- require: SELECT count(*) >= 0 FROM (SELECT executed_at FROM trades LIMIT 1) AS wanted
-- require: SELECT count(*) >= 0 FROM (SELECT user_id FROM price_alerts LIMIT 1) AS wanted
-- require: SELECT count(*) >= 0 FROM (SELECT user_id, is_read FROM notifications LIMIT 1) AS wanted
-- require: SELECT count(*) >= 0 FROM (SELECT portfolio_id, status FROM positions LIMIT 1) AS wanted
-- require: SELECT count(*) >= 0 FROM (SELECT user_id, created_at FROM audit_logs LIMIT 1) AS wanted
-- require: SELECT count(*) >= 0 FROM (SELECT level, created_at FROM system_logs LIMIT 1) AS wanted
-- require: SELECT count(*) >= 0 FROM (SELECT user_id, expires_at, is_active FROM user_sessions LIMIT 1) AS wanted
-- verify: SELECT count(*) = 7 FROM pg_catalog.pg_index \
--           WHERE indisvalid AND indisready AND indexrelid IN ( \
--             to_regclass('idx_orders_created_at'), to_regclass('idx_trades_executed_at'), \
--             to_regclass('idx_price_alerts_user_id'), to_regclass('idx_notifications_unread'), \
--             to_regclass('idx_positions_portfolio_status'), to_regclass('idx_user_sessions_user_expires'), \
--             to_regclass('idx_orders_market_id'))

-- The newest orders and trades.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_created_at ON orders (created_at DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_trades_executed_at ON trades (executed_at DESC);

-- The alerts of one user, and what one user has not read yet.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_price_alerts_user_id ON price_alerts (user_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_notifications_unread ON notifications (user_id, is_read) WHERE is_read = false;

-- The open positions of one portfolio.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_positions_portfolio_status ON positions (portfolio_id, status);

-- Titan's base schema already has these two under other names (idx_audit_logs_user_created and
-- idx_system_logs_level_created); they are skipped there, and built in a database that has no such index.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_audit_logs_user_timestamp ON audit_logs (user_id, created_at DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_system_logs_level_timestamp ON system_logs (level, created_at DESC);

-- The live sessions of one user, and the orders of one market.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_user_sessions_user_expires ON user_sessions (user_id, expires_at) WHERE is_active = true;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_market_id ON orders (market_id);
