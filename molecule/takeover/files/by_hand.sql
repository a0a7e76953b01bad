-- What people applied with psql on the evening of the original deployment: nine indexes (two repeat existing ones), and
-- functions with the retention written into them. Nothing of it is recorded anywhere.
CREATE INDEX IF NOT EXISTS idx_orders_created_at ON orders (created_at DESC);
CREATE INDEX IF NOT EXISTS idx_trades_executed_at ON trades (executed_at DESC);
CREATE INDEX IF NOT EXISTS idx_price_alerts_user_id ON price_alerts (user_id);
CREATE INDEX IF NOT EXISTS idx_notifications_unread ON notifications (user_id, is_read) WHERE is_read = false;
CREATE INDEX IF NOT EXISTS idx_positions_portfolio_status ON positions (portfolio_id, status);
CREATE INDEX IF NOT EXISTS idx_audit_logs_user_timestamp ON audit_logs (user_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_system_logs_level_timestamp ON system_logs (level, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_user_sessions_user_expires ON user_sessions (user_id, expires_at) WHERE is_active = true;
CREATE INDEX IF NOT EXISTS idx_orders_market_id ON orders (market_id);

CREATE FUNCTION cleanup_audit_logs() RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE plpgsql AS $$
DECLARE began timestamptz := clock_timestamp(); gone bigint;
BEGIN
    DELETE FROM audit_logs WHERE created_at < now() - interval '90 days';
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN QUERY SELECT 'audit_logs', gone, clock_timestamp() - began;
END $$;

-- The hand-made one looks for levels that the application never writes.
CREATE FUNCTION cleanup_system_logs() RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE plpgsql AS $$
DECLARE began timestamptz := clock_timestamp(); gone bigint;
BEGIN
    DELETE FROM system_logs WHERE level IN ('INFO', 'DEBUG') AND created_at < now() - interval '30 days';
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN QUERY SELECT 'system_logs', gone, clock_timestamp() - began;
END $$;

CREATE FUNCTION cleanup_notifications() RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE plpgsql AS $$
DECLARE began timestamptz := clock_timestamp(); gone bigint;
BEGIN
    DELETE FROM notifications WHERE is_read AND created_at < now() - interval '60 days';
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN QUERY SELECT 'notifications', gone, clock_timestamp() - began;
END $$;

CREATE FUNCTION cleanup_expired_sessions() RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE plpgsql AS $$
DECLARE began timestamptz := clock_timestamp(); gone bigint;
BEGIN
    DELETE FROM user_sessions WHERE expires_at < now();
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN QUERY SELECT 'user_sessions', gone, clock_timestamp() - began;
END $$;

CREATE FUNCTION run_all_cleanups() RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE sql AS $$
    SELECT * FROM cleanup_audit_logs() UNION ALL SELECT * FROM cleanup_system_logs()
    UNION ALL SELECT * FROM cleanup_notifications() UNION ALL SELECT * FROM cleanup_expired_sessions()
$$;

CREATE VIEW cleanup_statistics AS
SELECT 'audit_logs'::text AS table_name, count(*) AS total_rows,
       count(*) FILTER (WHERE created_at < now() - interval '90 days') AS rows_to_delete FROM audit_logs
UNION ALL
SELECT 'system_logs', count(*),
       count(*) FILTER (WHERE level IN ('INFO', 'DEBUG') AND created_at < now() - interval '30 days') FROM system_logs;
