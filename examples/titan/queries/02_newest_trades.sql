-- The newest 100 trades of everybody. The time of a trade is executed_at.
-- plan: idx_trades_executed_at
SELECT id, order_id, market_id, side, quantity, price, executed_at
  FROM public.trades
 ORDER BY executed_at DESC
 LIMIT 100;
