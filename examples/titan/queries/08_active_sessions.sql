-- The sessions of one user that are still good.
-- parameters: uuid
-- plan: idx_user_sessions_user_expires
SELECT id, ip_address, user_agent, expires_at
  FROM public.user_sessions
 WHERE user_id = $1 AND is_active = true AND expires_at > now();
