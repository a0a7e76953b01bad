-- All orders in one market.
-- parameters: uuid
-- plan: idx_orders_market_id
SELECT id, portfolio_id, side, quantity, price, status, created_at
  FROM public.orders
 WHERE market_id = $1;
