-- All price alerts of one user.
-- parameters: uuid
-- plan: idx_price_alerts_user_id
SELECT id, market_id, condition_type, target_price, is_active, is_triggered
  FROM public.price_alerts
 WHERE user_id = $1;
