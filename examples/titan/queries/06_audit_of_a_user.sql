-- The newest 100 entries about one user. The base schema has this index already; 0010 leaves its duplicate out.
-- parameters: uuid
-- plan: idx_audit_logs_user_created
SELECT id, action, resource_type, resource_id, created_at
  FROM public.audit_logs
 WHERE user_id = $1
 ORDER BY created_at DESC
 LIMIT 100;
