-- The open positions of one portfolio.
-- parameters: uuid
-- plan: idx_positions_portfolio_status
SELECT id, market_id, side, quantity, entry_price, current_price, opened_at
  FROM public.positions
 WHERE portfolio_id = $1 AND status = 'open';
