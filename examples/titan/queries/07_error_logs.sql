-- The newest 100 errors. Levels are stored in lower case. The base schema has this index already; 0010 leaves its duplicate out.
-- plan: idx_system_logs_level_created
SELECT id, service, message, created_at
  FROM public.system_logs
 WHERE level = 'error'
 ORDER BY created_at DESC
 LIMIT 100;
