-- The newest 50 orders of everybody: the first page of the back office.
-- plan: idx_orders_created_at
SELECT id, portfolio_id, market_id, side, quantity, price, status, created_at
  FROM public.orders
 ORDER BY created_at DESC
 LIMIT 50;
