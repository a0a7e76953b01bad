-- What one user has not read yet.
-- parameters: uuid
-- plan: idx_notifications_unread
SELECT id, type, title, priority, created_at
  FROM public.notifications
 WHERE user_id = $1 AND is_read = false;
