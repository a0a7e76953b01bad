-- Takes back what 0010 built. An index that 0010 found, or skipped because another one is its exact twin, stays.
DROP INDEX CONCURRENTLY IF EXISTS idx_orders_market_id;
DROP INDEX CONCURRENTLY IF EXISTS idx_user_sessions_user_expires;
DROP INDEX CONCURRENTLY IF EXISTS idx_system_logs_level_timestamp;
DROP INDEX CONCURRENTLY IF EXISTS idx_audit_logs_user_timestamp;
DROP INDEX CONCURRENTLY IF EXISTS idx_positions_portfolio_status;
DROP INDEX CONCURRENTLY IF EXISTS idx_notifications_unread;
DROP INDEX CONCURRENTLY IF EXISTS idx_price_alerts_user_id;
DROP INDEX CONCURRENTLY IF EXISTS idx_trades_executed_at;
DROP INDEX CONCURRENTLY IF EXISTS idx_orders_created_at;
